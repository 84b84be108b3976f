"""What a file is, by its content alone; and what clients may call it."""

import zipfile
from io import BytesIO

import pytest

from broadcasts.filetypes import EXTENSIONS, clean_name, file_type


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


@pytest.mark.parametrize(
    ("content", "extension"),
    [
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "png"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF", "jpg"),
        (b"GIF89a\1\0\1\0", "gif"),
        (b"RIFF\x24\0\0\0WEBPVP8 ", "webp"),
        (b"RIFF\x24\0\0\0WAVEfmt ", "bin"),
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
