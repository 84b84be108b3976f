"""Find the records of a CSV file and the physical line each begins at, whatever is wrong inside them."""

import codecs
import csv
import io
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from broadcasts.exceptions import InvalidInput

DELIMITERS = ",;\t|"
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclass(frozen=True, slots=True)
class Record:
    """The cells of one record, or why it cannot be read."""

    line: int
    cells: list[str]
    fault: str = ""


class Lines:
    """Lines of a text with their numbers; lines of a broken record can be given back, to be read as records."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self.text = text
        self.number = 0  # of the last line handed out
        self.taken: list[str] = []  # since the last record
        self.returned: deque[str] = deque()

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self.returned.popleft() if self.returned else next(self.text)
        self.number += 1
        self.taken.append(line)
        return line

    def give_back(self, lines: list[str]) -> None:
        self.number -= len(lines)
        self.returned.extendleft(reversed(lines))


class Reader:
    """Iterate over the records of a binary CSV file; the first is the header.

    Bytes that do not decode are carried as lone surrogates, so that only their own row is refused.
    """

    def __init__(self, file: BinaryIO, encoding: str = "", delimiter: str = "") -> None:
        head = file.read(4096)
        self.source = _Rejoined(head, file)
        encoding = encoding or ("utf-16" if head.startswith(_UTF16) else "utf-8-sig")
        try:
            codec = codecs.lookup(encoding).name
        except LookupError:
            raise InvalidInput(
                {"encoding": f"“{encoding}” is not an encoding: such as utf-8, latin-1 or cp1252."}
            ) from None
        errors = "replace" if codec.startswith(("utf-16", "utf-32")) else "surrogateescape"
        text = io.TextIOWrapper(io.BufferedReader(self.source), encoding=encoding, errors=errors, newline="")
        self.encoding = encoding
        self.lines = Lines(text)
        if delimiter and len(delimiter) != 1:
            raise InvalidInput({"delimiter": f"“{delimiter}” is not one character."})
        self.delimiter = delimiter or self._sniff()

    @property
    def bytes_read(self) -> int:
        return self.source.bytes_read

    def _sniff(self) -> str:
        """Choose what the first line that is not blank has most of."""
        skipped = []
        for line in self.lines:
            skipped.append(line)
            if line.strip():
                break
        self.lines.give_back(skipped)
        self.lines.taken.clear()
        return max(DELIMITERS, key=skipped[-1].count) if skipped else DELIMITERS[0]

    def __iter__(self) -> Iterator[Record]:
        lines = self.lines
        reader = csv.reader(lines, delimiter=self.delimiter, strict=True)
        while True:
            lines.taken.clear()
            start = lines.number + 1
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                # A quote that is never closed would swallow what follows: only its own line is refused.
                lines.give_back(lines.taken[1:])
                yield Record(start, [lines.taken[0].rstrip("\r\n")], _explain(error))
                reader = csv.reader(lines, delimiter=self.delimiter, strict=True)
                continue
            if any(cell and not cell.isspace() for cell in cells):
                yield Record(start, cells)


def _explain(error: csv.Error) -> str:
    words = str(error)
    if "unexpected end of data" in words or "field larger" in words:
        return "A quote opens here and is never closed."
    if "expected after" in words:
        return "After a closing quote the cell must end; a quote inside a quoted cell is written twice."
    return f"This is not CSV: {words}."


class _Rejoined(io.RawIOBase):
    """A stream whose beginning was read already."""

    def __init__(self, head: bytes, file: BinaryIO) -> None:
        self.head = head
        self.file = file
        self.bytes_read = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        data = self.head or self.file.read(len(buffer))
        part, self.head = data[: len(buffer)], data[len(buffer) :] if self.head else b""
        buffer[: len(part)] = part
        self.bytes_read += len(part)
        return len(part)
