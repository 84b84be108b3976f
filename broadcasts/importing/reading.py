"""Split a file into records with their line numbers; a broken record does not break the others."""

import codecs
import csv
import io
import json
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from broadcasts import formats
from broadcasts.exceptions import InvalidInput
from broadcasts.models.caps import FILE_COLUMNS

DELIMITERS = ",;\t|"
LONGEST = 1 << 20  # characters of a line; a file without line breaks must not end up in memory
PACKED = (b"PK\x03\x04", b"\x1f\x8b", b"\xd0\xcf\x11\xe0")  # zip and .xlsx, gzip, .xls
UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclass(frozen=True, slots=True)
class Record:
    """One record: the cells of a CSV row or the object of a JSON line; `fault` says why it cannot be read."""

    line: int
    cells: Any
    fault: str = ""


class Lines:
    """An iterator over numbered lines; the lines of a broken record can be given back, to be read again."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self.text = text
        self.number = 0  # of the last line returned
        self.taken: list[str] = []  # since the last record
        self.returned: deque[str] = deque()

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        try:
            line = self.returned.popleft() if self.returned else self.text.readline(LONGEST)
        except UnicodeError as error:
            raise InvalidInput({"encoding": f"It cannot be read as {self.text.encoding}: {error}."}) from None
        if not line:
            raise StopIteration
        self.number += 1
        self.taken.append(line)
        if len(line) == LONGEST and line[-1] not in "\r\n":
            self.taken[-1] = line[:200]
            self._skip_rest()
            raise csv.Error(f"the line is longer than {formats.number(LONGEST)} characters")
        return line

    def _skip_rest(self) -> None:
        while (more := self.text.readline(LONGEST)) and more[-1] not in "\r\n":
            pass

    def give_back(self, lines: list[str]) -> None:
        self.number -= len(lines)
        self.returned.extendleft(reversed(lines))

    def skip_to(self, number: int) -> None:
        """Continue after a line that was processed before."""
        while self.number < number:
            try:
                next(self)
            except csv.Error:
                pass
            except StopIteration:
                return
            self.taken.clear()


class RecordReader:
    """Iterates over the records of a binary file; raises InvalidInput for archives and unknown encodings.

    Bytes that cannot be decoded become lone surrogates, so that only their own row is refused.
    """

    def __init__(self, file: BinaryIO, encoding: str = "") -> None:
        head = file.read(4096)
        if head.startswith(PACKED):
            raise InvalidInput({"file": "It is a spreadsheet or an archive: save or unpack it as CSV first."})
        self.source = _Rejoined(head, file)
        encoding = encoding or ("utf-16" if head.startswith(UTF16) else "utf-8-sig")
        try:
            codec = codecs.lookup(encoding)
        except LookupError:
            codec = None
        if codec is None or not codec._is_text_encoding:
            raise InvalidInput({"encoding": f"“{encoding}” is not an encoding: such as utf-8, latin-1 or cp1252."})
        errors = "replace" if codec.name.startswith(("utf-16", "utf-32")) else "surrogateescape"
        text = io.TextIOWrapper(io.BufferedReader(self.source), encoding=encoding, errors=errors, newline="")
        self.encoding = encoding
        self.lines = Lines(text)

    @property
    def bytes_read(self) -> int:
        return self.source.bytes_read

    @property
    def line(self) -> int:
        """The number of the last line of the last record."""
        return self.lines.number

    def skip_to(self, line: int) -> None:
        self.lines.skip_to(line)

    def __iter__(self) -> Iterator[Record]:
        raise NotImplementedError


class CsvReader(RecordReader):
    """Iterates over the records of a CSV file; the first one is the header."""

    def __init__(self, file: BinaryIO, encoding: str = "", delimiter: str = "") -> None:
        super().__init__(file, encoding)
        if delimiter and (len(delimiter) != 1 or delimiter in '\r\n"\0'):
            raise InvalidInput(
                {"delimiter": f"“{delimiter}” is not one character that separates cells, such as ; or |."}
            )
        self.delimiter = delimiter or self._sniff()

    def _sniff(self) -> str:
        """Return the delimiter that is most frequent in the first line that is not blank."""
        skipped = []
        try:
            for line in self.lines:
                skipped.append(line)
                if line.strip():
                    break
        except csv.Error as error:
            raise InvalidInput({"file": f"It is not CSV: {error}."}) from None
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
                # An unclosed quote would include all following lines: only its own line is refused.
                lines.give_back(lines.taken[1:])
                yield Record(start, [lines.taken[0].rstrip("\r\n")], _explain(error))
                reader = csv.reader(lines, delimiter=self.delimiter, strict=True)
                continue
            if any(cell and not cell.isspace() for cell in cells):
                yield Record(start, cells)


class JsonReader(RecordReader):
    """Iterates over the objects of a file of JSON lines."""

    def __iter__(self) -> Iterator[Record]:
        lines = self.lines
        while True:
            lines.taken.clear()
            try:
                line = next(lines)
            except StopIteration:
                return
            except csv.Error as error:
                yield Record(lines.number, lines.taken[0], f"This is not JSON: {error}.")
                continue
            if line.strip():
                yield _object(lines.number, line)


def _object(number: int, line: str) -> Record:
    try:
        value = json.loads(line, parse_constant=_no_constant)
    except RecursionError:
        return Record(number, line, "This is not JSON: it is nested too deeply.")
    except ValueError as error:
        return Record(number, line, f"This is not JSON: {error}.")
    if not isinstance(value, dict):
        return Record(number, line, 'Each line is one object, such as {"email": "ana@example.com"}.')
    if len(value) > FILE_COLUMNS:
        return Record(number, line, f"It has {formats.number(len(value))} fields; {FILE_COLUMNS} at most.")
    return Record(number, value)


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no number")


def _explain(error: csv.Error) -> str:
    words = str(error)
    if "unexpected end of data" in words or "field larger" in words:
        return "A quote opens here and is never closed."
    if "expected after" in words:
        return "After a closing quote the cell must end; a quote inside a quoted cell is written twice."
    return f"This is not CSV: {words}."


class _Rejoined(io.RawIOBase):
    """A stream whose first bytes were read already."""

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
