"""The files of imports: uploads and refused rows. They hold personal data, so only our user can read them."""

import codecs
import csv
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from io import StringIO
from itertools import islice
from pathlib import Path

from django.conf import settings

from broadcasts import formats
from broadcasts.exceptions import InvalidInput, WrongState
from broadcasts.models import ImportJob
from broadcasts.models.base import uuid7

from .reading import UTF16
from .rows import Problem

PIECE = 1 << 16


@dataclass(frozen=True)
class Stored:
    """An upload that was streamed to disk; a caller that does not import it must call `discard`."""

    path: Path
    size: int
    digest: str
    is_utf8: bool

    is_utf16: bool

    @property
    def is_readable(self) -> bool:
        """Whether the file can be read without a given encoding."""
        return self.is_utf8 or self.is_utf16

    def discard(self) -> None:
        self.path.unlink(missing_ok=True)


def store(chunks: Iterable[bytes]) -> Stored:
    """Stream an upload to disk; raises InvalidInput({"file": ...}) if it is larger than IMPORT_MAX_MB."""
    path = settings.DATA_DIR / "imports" / f"{uuid7()}.upload"
    path.parent.mkdir(parents=True, exist_ok=True)
    digest, size, head = sha256(), 0, b""
    decoder: codecs.IncrementalDecoder | None = codecs.getincrementaldecoder("utf-8")()
    try:
        with open(path, "xb", opener=_private) as file:
            for chunk in chunks:
                size += len(chunk)
                check_size(size)
                file.write(chunk)
                head = head or chunk[:2]
                digest.update(chunk)
                decoder = decoder if _decodes(decoder, chunk) else None
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return Stored(path, size, digest.hexdigest(), _decodes(decoder, b"", final=True), head in UTF16)


def check_size(size: int) -> None:
    """Raise InvalidInput({"file": ...}) if a size in bytes is larger than IMPORT_MAX_MB."""
    if size > settings.IMPORT_MAX_MB * 10**6:
        raise InvalidInput({"file": f"It is larger than {formats.number(settings.IMPORT_MAX_MB)} MB; split it."})


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _decodes(decoder: codecs.IncrementalDecoder | None, chunk: bytes, final: bool = False) -> bool:
    if decoder is None:
        return False
    try:
        decoder.decode(chunk, final)
    except UnicodeDecodeError:
        return False
    return True


def refused_lines(job: ImportJob) -> Iterator[bytes]:
    """Yield the CSV of refused rows, as far as chunks are committed; only the header if no row was refused.

    Raises WrongState if the file was deleted, or a command wrote it to another place.
    """
    path = job.file("errors.csv")
    if not job.error_bytes:
        return iter([",".join(Problem._fields).encode() + b"\r\n"])
    if not path.exists():
        raise WrongState("The list of refused rows is not here any more; import the file again to get it.")
    return _pieces(path, job.error_bytes)


def first_refused(job: ImportJob, n: int) -> list[Problem]:
    """Return the first n problems of an import; none if the file is gone."""
    try:
        lines = refused_lines(job)
    except WrongState:
        return []
    text = next(lines, b"").decode("utf-8", "replace")
    whole = text if len(text.encode()) >= job.error_bytes else text[: text.rfind("\r\n") + 1]
    found = list(islice(csv.reader(StringIO(whole, newline="")), 1, n + 1))
    return [Problem(int(line), *rest) for line, *rest in found if len(rest) == 3]


def _pieces(path: Path, size: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        while size > 0 and (piece := file.read(min(size, PIECE))):
            size -= len(piece)
            yield piece
