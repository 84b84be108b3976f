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
    "avif": FileType("image/avif", "avif"),
}
# What a browser may show within our pages: no script runs in any of them.
SHOWN = frozenset(one.media_type for one in PICTURES.values())
# Of an upload that is opened by itself: it runs nothing, and is taken for nothing else.
HARMLESS = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox; default-src 'none'"}
BEGINNINGS = {
    b"\x89PNG\r\n\x1a\n": PICTURES["png"],
    b"\xff\xd8\xff": PICTURES["jpeg"],
    b"GIF87a": PICTURES["gif"],
    b"GIF89a": PICTURES["gif"],
    b"%PDF-": FileType("application/pdf", "pdf"),
    **dict.fromkeys((b"ID3\x02", b"ID3\x03", b"ID3\x04"), FileType("audio/mpeg", "mp3")),
    # MPEG audio (layer III) and AAC (ADTS) without a tag begin with the sync word of their first frame.
    **dict.fromkeys((b"\xff\xfb", b"\xff\xfa", b"\xff\xf3", b"\xff\xf2"), FileType("audio/mpeg", "mp3")),
    **dict.fromkeys((b"\xff\xf1", b"\xff\xf9"), FileType("audio/aac", "aac")),
    **dict.fromkeys((b"fLaC\x00", b"fLaC\x80"), FileType("audio/flac", "flac")),
    b".snd\x00\x00\x00": FileType("audio/basic", "au"),
    b"#!AMR\n": FileType("audio/amr", "amr"),
    b"MThd\x00\x00\x00\x06": FileType("audio/midi", "mid"),
    **dict.fromkeys((b"\x00\x00\x01\xba", b"\x00\x00\x01\xb3"), FileType("video/mpeg", "mpg")),
}
# By what stands behind "RIFF" or "FORM" and the size.
CHUNKED = {
    b"WEBP": PICTURES["webp"],
    b"WAVE": FileType("audio/wav", "wav"),
    b"AVI ": FileType("video/x-msvideo", "avi"),
    b"AIFF": FileType("audio/aiff", "aiff"),
    b"AIFC": FileType("audio/aiff", "aiff"),
}
# The brands of the base media file format (ISO/IEC 14496-12, section 4.3).
_MP4, _3GP = FileType("video/mp4", "mp4"), FileType("video/3gpp", "3gp")
BRANDS = {
    **dict.fromkeys((b"avif", b"avis"), PICTURES["avif"]),
    **dict.fromkeys((b"M4A ", b"M4B "), FileType("audio/mp4", "m4a")),
    **dict.fromkeys((b"3gp4", b"3gp5", b"3gp6", b"3gp7", b"3gp8", b"3gp9"), _3GP),
    **dict.fromkeys((b"isom", b"iso2", b"iso4", b"iso5", b"iso6", b"mp41", b"mp42", b"avc1", b"M4V "), _MP4),
    b"qt  ": FileType("video/quicktime", "mov"),
}
# What names the codec or the format in the first page of Ogg (RFC 5334), and in the header of Matroska (RFC 9559).
OGG = {
    b"\x80theora": FileType("video/ogg", "ogv"),
    **dict.fromkeys((b"OpusHead", b"\x01vorbis", b"\x7fFLAC", b"Speex   "), FileType("audio/ogg", "ogg")),
}
MATROSKA = {b"webm": FileType("video/webm", "webm"), b"matroska": FileType("video/matroska", "mkv")}
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
_STREAMS = (CHUNKED, BRANDS, OGG, MATROSKA)
_TABLES = (BEGINNINGS, PICTURES, *_STREAMS, TEXT_BEGINNINGS, OFFICE_PARTS, OPEN_DOCUMENTS)
_DOCUMENTS = {kind.media_type for table in _TABLES[-3:] for kind in table.values()}
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
    if head.startswith(b"PK\x03\x04"):
        return _archive(head, tail)
    found = next((kind for mark, kind in BEGINNINGS.items() if head.startswith(mark)), None) or _stream(head)
    if found:
        return found
    return _text(head, name) if is_text(head) else BINARY


def is_picture(media_type: str) -> bool:
    """Tell whether a type of the table is one of a picture."""
    return media_type in SHOWN


def is_for_chats(media_type: str) -> bool:
    """Tell whether a type of the table is one that chat providers take."""
    return media_type.startswith(("image/", "audio/", "video/")) or media_type == "application/pdf"


def is_for_messages(media_type: str) -> bool:
    """Tell whether a type of the table is one that messages carry: also documents, calendars and contact cards."""
    return is_for_chats(media_type) or media_type in _DOCUMENTS


def _stream(head: bytes) -> FileType | None:
    """Return the type of pictures, sound and film in containers, by the container's own header."""
    if head.startswith((b"RIFF", b"FORM")):
        return CHUNKED.get(head[8:12])
    if head[4:8] == b"ftyp":
        end = min(int.from_bytes(head[:4]), 256)
        brands = [head[8:12], *(head[at : at + 4] for at in range(16, end, 4))]  # the major one, its version, others
        return next((BRANDS[brand] for brand in brands if brand in BRANDS), None)
    marks = OGG if head.startswith(b"OggS") else MATROSKA if head.startswith(b"\x1aE\xdf\xa3") else {}
    return next((kind for mark, kind in marks.items() if mark in head[:64]), None)


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


def is_svg(file: IO[bytes] | File) -> bool:
    """Tell whether a file, which is left at its beginning, is a drawing in SVG, whatever stands before it."""
    file.seek(0)
    head = file.read(HEAD)
    file.seek(0)
    return b"<svg" in head.lower() and is_text(head)


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
    headers = HARMLESS | {"Cache-Control": caching}
    return FileResponse(
        file, as_attachment=is_download, filename=clean_name(name), content_type=media_type, headers=headers
    )


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
