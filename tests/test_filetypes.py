"""What a file is, by its content alone; and what clients may call it."""

import zipfile
from io import BytesIO

import pytest

from broadcasts.filetypes import EXTENSIONS, clean_name, file_type, is_for_chats, is_for_messages


def archive(*names: str, first: tuple[str, str] | None = None) -> bytes:
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        if first:
            file.writestr(*first, compress_type=zipfile.ZIP_STORED)
        for name in names:
            file.writestr(name, "<x/>" * 100)
    return packed.getvalue()


def open_document(kind: str) -> bytes:
    return archive("content.xml", first=("mimetype", f"application/vnd.oasis.opendocument.{kind}"))


def box(major: str, *compatible: str) -> bytes:
    brands = "".join(compatible).encode()
    return (16 + len(brands)).to_bytes(4) + b"ftyp" + major.encode() + b"\0\0\2\0" + brands + b"\0\0\0\x08mdat"


@pytest.mark.parametrize(
    ("content", "extension"),
    [
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "png"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF", "jpg"),
        (b"GIF89a\1\0\1\0", "gif"),
        (b"RIFF\x24\0\0\0WEBPVP8 ", "webp"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(17) + b"\0\0\0\x08acTL", "png"),
        (box("avif", "mif1", "miaf"), "avif"),
        (box("mif1", "avif"), "avif"),
        (box("heic", "mif1", "heic"), "bin"),
        (b"RIFF\x24\0\0\0WAVEfmt ", "wav"),
        (b"RIFF\x24\0\0\0AVI LIST", "avi"),
        (b"RIFF\x24\0\0\0sfbkLIST", "bin"),
        (b"FORM\0\0\0\x24AIFFCOMM", "aiff"),
        (b"ID3\x04\0\0\0\0", "mp3"),
        (b"ID3 tags are read first", "txt"),
        (b"\xff\xfb\x90\x64\0", "mp3"),
        (b"\xff\xf1\x50\x80\0", "aac"),
        (b"fLaC\0\0\0\x22", "flac"),
        (b".snd\0\0\0\x18", "au"),
        (b"#!AMR\n\x3c\0", "amr"),
        (b"MThd\0\0\0\6\0\1", "mid"),
        (b"OggS\0\2" + bytes(20) + b"\x01\x13OpusHead", "ogg"),
        (b"OggS\0\2" + bytes(20) + b"\x01\x2a\x80theora", "ogv"),
        (b"OggS\0\2" + bytes(20) + b"\x01\x2afishead\0", "bin"),
        (box("M4A ", "mp42", "isom"), "m4a"),
        (box("isom", "iso2", "avc1", "mp41"), "mp4"),
        (box("qt  "), "mov"),
        (box("3gp4", "3gp4"), "3gp"),
        (b"\x1aE\xdf\xa3\x9fB\x86\x81\1B\x82\x84webm", "webm"),
        (b"\x1aE\xdf\xa3\xa3B\x86\x81\1B\x82\x88matroska", "mkv"),
        (b"\0\0\1\xba\x44\0", "mpg"),
        (b"%PDF-1.7\n%\xe2\xe3", "pdf"),
        (archive("[Content_Types].xml", "_rels/.rels", "word/document.xml"), "docx"),
        (archive("[Content_Types].xml", "xl/workbook.xml"), "xlsx"),
        (archive("[Content_Types].xml", *(f"ppt/slides/{n}.xml" for n in range(2000)), "ppt/presentation.xml"), "pptx"),
        (open_document("text"), "odt"),
        (open_document("spreadsheet"), "ods"),
        (open_document("presentation"), "odp"),
        (open_document("text-template"), "zip"),
        (archive("evil.py", "__main__.py"), "zip"),
        (b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\n", "ics"),
        (b"\xef\xbb\xbfbegin:vcard\r\n", "vcf"),
        ("¡Hola!\r\n\tAdiós\n".encode(), "txt"),
        (b"x" * 8191 + "ñ".encode(), "txt"),
        (b"import os\nos.system('id')\n", "txt"),
        (b"<script>alert(1)</script>", "txt"),
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "txt"),
        (b"\x7fELF\2\1\1\0", "bin"),
        (b"\xe9t\xe9", "bin"),
        (b"a\0b", "bin"),
        (b"", "bin"),
    ],
)
def test_the_type_is_found_by_the_content(content, extension):
    file = BytesIO(content)
    found = file_type(file, "evil.py")
    assert (found.extension, file.tell()) == (extension, 0)
    assert EXTENSIONS[found.media_type] == extension


def test_only_a_text_is_csv_by_its_name():
    assert file_type(BytesIO(b"a;b\n1;2\n"), "People.CSV").media_type == "text/csv"
    assert file_type(BytesIO(b"\x89PNG\r\n\x1a\n"), "people.csv").media_type == "image/png"


def test_no_file_is_stored_under_a_name_that_python_would_load():
    assert not {"py", "pyc", "pyw", "pyd", "pth", "so", "egg", "html", "svg", "js"} & set(EXTENSIONS.values())


def test_messages_carry_documents_which_not_every_chat_takes_and_no_other_bytes():
    others = {EXTENSIONS[one] for one in EXTENSIONS if not is_for_messages(one)}
    assert others == {"bin", "txt", "csv", "zip"}
    documents = {EXTENSIONS[one] for one in EXTENSIONS if is_for_messages(one) and not is_for_chats(one)}
    assert documents == {"docx", "xlsx", "pptx", "odt", "ods", "odp", "ics", "vcf"}


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\ana\\Plan für Ö.pdf", "Plan für Ö.pdf"),
        ('a"\r\nX-Bad: 1\0.pdf', 'a"X-Bad: 1.pdf'),
        ("invoice\u202efdp.exe", "invoicefdp.exe"),
        ("..", "file"),
        ("", "file"),
        ("a/", "file"),
        ("x" * 300 + ".pdf", "x" * 116 + ".pdf"),
        ("x." + "y" * 300, None),
    ],
)
def test_a_name_has_no_path_no_control_characters_and_an_end(given, kept):
    name = clean_name(given)
    assert len(name) <= 120
    assert kept is None or name == kept
