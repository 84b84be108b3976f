"""What an uploaded file is, by its content; and names that are safe to store, to show and to mail.

The client's word about a type counts for nothing. The table is closed, and holds no type that a program would run or
import: whatever is not in it is kept as bytes.
"""

from pathlib import PurePosixPath
from typing import IO, NamedTuple

from django.core.files import File
from django.http import FileResponse

HEAD, TAIL = 8192, 65_536  # bytes that are looked at; the end of a zip file names what is inside
LONGEST_NAME = 120


class FileType(NamedTuple):
    """A media type, and the extension that such a file is stored with."""

    media_type: str
    extension: str


BINARY = FileType("application/octet-stream", "bin")
TEXT = FileType("text/plain", "txt")
CSV = FileType("text/csv", "csv")
ZIP = FileType("application/zip", "zip")
PICTURES = {
    "png": FileType("image/png", "png"),
    "jpeg": FileType("image/jpeg", "jpg"),
    "gif": FileType("image/gif", "gif"),
    "webp": FileType("image/webp", "webp"),
}
# What a browser may show within our pages: no script runs in any of them.
SHOWN = frozenset(one.media_type for one in PICTURES.values())
BEGINNINGS = {
    b"\x89PNG\r\n\x1a\n": PICTURES["png"],
    b"\xff\xd8\xff": PICTURES["jpeg"],
    b"GIF87a": PICTURES["gif"],
    b"GIF89a": PICTURES["gif"],
    b"%PDF-": FileType("application/pdf", "pdf"),
}
TEXT_BEGINNINGS = {
    b"BEGIN:VCALENDAR": FileType("text/calendar", "ics"),
    b"BEGIN:VCARD": FileType("text/vcard", "vcf"),
}
# OOXML names its main part in the archive's directory (ECMA-376); OpenDocument its type in the first member, stored.
OOXML = "application/vnd.openxmlformats-officedocument"
OFFICE_PARTS = {
    b"word/document.xml": FileType(f"{OOXML}.wordprocessingml.document", "docx"),
    b"xl/workbook.xml": FileType(f"{OOXML}.spreadsheetml.sheet", "xlsx"),
    b"ppt/presentation.xml": FileType(f"{OOXML}.presentationml.presentation", "pptx"),
}
OPEN_DOCUMENTS = {
    b"mimetypeapplication/vnd.oasis.opendocument.text": FileType("application/vnd.oasis.opendocument.text", "odt"),
    b"mimetypeapplication/vnd.oasis.opendocument.spreadsheet": FileType(
        "application/vnd.oasis.opendocument.spreadsheet", "ods"
    ),
    b"mimetypeapplication/vnd.oasis.opendocument.presentation": FileType(
        "application/vnd.oasis.opendocument.presentation", "odp"
    ),
}
_TABLES = (BEGINNINGS, PICTURES, TEXT_BEGINNINGS, OFFICE_PARTS, OPEN_DOCUMENTS)
EXTENSIONS = dict([BINARY, TEXT, CSV, ZIP, *(kind for table in _TABLES for kind in table.values())])
# What never stands in a text: control characters other than tab, line feed, form feed and carriage return.
CONTROLS = bytes(set(range(32)) - set(b"\t\n\f\r")) + b"\x7f"


def file_type(file: IO[bytes] | File, name: str = "") -> FileType:
    """Return the type of a file, which is left at its beginning.

    The name tells CSV from other text, and nothing else.
    """
    file.seek(0)
    head = file.read(HEAD)
    size = file.seek(0, 2)
    file.seek(max(0, size - TAIL))
    tail = file.read(TAIL)
    file.seek(0)
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return PICTURES["webp"]
    if head.startswith(b"PK\x03\x04"):
        return _archive(head, tail)
    if found := next((kind for mark, kind in BEGINNINGS.items() if head.startswith(mark)), None):
        return found
    return _text(head, name) if is_text(head) else BINARY


def _archive(head: bytes, tail: bytes) -> FileType:
    for mark, kind in OPEN_DOCUMENTS.items():
        if head[30:].startswith(mark) and not head[30 + len(mark) : 31 + len(mark)].startswith(b"-"):
            return kind
    seen = head + tail
    if b"[Content_Types].xml" in seen:
        return next((kind for part, kind in OFFICE_PARTS.items() if part in seen), ZIP)
    return ZIP


def _text(head: bytes, name: str) -> FileType:
    first = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:32].upper()
    known = next((kind for mark, kind in TEXT_BEGINNINGS.items() if first.startswith(mark)), None)
    return known or (CSV if name.lower().endswith(".csv") else TEXT)


def is_text(head: bytes) -> bool:
    """Tell whether bytes begin a text in UTF-8; the last character may be cut off."""
    if not head or head.translate(None, CONTROLS) != head:
        return False
    try:
        head.decode()
    except UnicodeDecodeError as error:
        return error.reason == "unexpected end of data" and error.start >= len(head) - 3
    return True


def served(file: IO[bytes] | File, filename: str, name: str, caching: str) -> FileResponse:
    """Return a response with an upload: only pictures are shown, all else is a download.

    filename: as it is stored; what was stored earlier says what clients claimed. name: as the user calls it.
    """
    media_type = file_type(file, filename).media_type
    is_download = media_type not in SHOWN
    response = FileResponse(file, as_attachment=is_download, filename=clean_name(name), content_type=media_type)
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response["Cache-Control"] = caching
    return response


def clean_name(name: str, default: str = "file") -> str:
    """Return what a client called a file, fit to be shown and mailed: no folders, no control characters, not long.

    Characters that turn the direction of writing go too: they make one extension look like another.
    """
    last = name.replace("\\", "/").rpartition("/")[2]
    last = "".join(char for char in last if char.isprintable()).strip(" .")
    if len(last) > LONGEST_NAME:
        suffix = PurePosixPath(last).suffix[-12:]
        last = last[: LONGEST_NAME - len(suffix)] + suffix
    return last or default
