"""The library: what scripts ask of it, thumbnails, where a picture is used, and deleting what sent mail shows."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from broadcasts import uploading
from broadcasts.models import Layout, Media, MessageTranslation, Template, TemplateTranslation
from tests.make import make_broadcast, make_picture, picture_file

from .conftest import sign_in


@pytest.fixture(autouse=True)
def apart(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def page(author):
    return sign_in(author.user)


def url(name, *args):
    return reverse(f"admin:broadcasts_media_{name}", args=args)


def upload(page, organization, content=None, **fields):
    file = SimpleUploadedFile("pool.webp", content or picture_file("WEBP"))
    return page.post(url("upload"), {"organization": organization.pk, "file": file, **fields})


def test_a_dropped_picture_is_stored_as_what_mail_shows(page, club):
    answer = upload(page, club, alternative_text="The pool")
    told, media = answer.json(), Media.objects.get()
    assert (answer.status_code, told["uuid"], told["address"]) == (201, str(media.uuid), media.address)
    assert (told["filename"], told["width"], told["height"], told["alternative_text"]) == (
        "pool.png",
        40,
        30,
        "The pool",
    )
    assert media.file.read().startswith(b"\x89PNG") and media.content_type == "image/png"
    assert media.alternative_text == told["alternative_text"] == "The pool"


@pytest.mark.parametrize(
    ("content", "fields", "words"),
    [
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", {}, "damaged or incomplete"),
        (b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'><script/></svg>", {}, "export it as a PNG"),
        (b"%PDF-1.7", {"pictures": "1"}, "than those accepted: pictures (PNG, JPEG, GIF, WebP, AVIF)."),
    ],
)
def test_what_is_refused_is_told_at_the_file(page, club, content, fields, words):
    assert words in upload(page, club, content, **fields).json()["errors"]["file"]
    assert not Media.objects.exists()


def test_a_picture_that_takes_too_long_is_refused(page, club, monkeypatch):
    monkeypatch.setattr(uploading, "PICTURE_SECONDS", 0.001)
    assert "too much time or memory" in upload(page, club).json()["errors"]["file"]
    monkeypatch.setattr(uploading, "WAITING_SECONDS", 0)
    with uploading._turn:
        assert "try again" in upload(page, club).json()["errors"]["file"]


def test_a_picture_whose_reader_dies_is_refused(page, club, monkeypatch):
    monkeypatch.setattr(uploading.sys, "executable", "/bin/false")
    assert "damaged" in upload(page, club).json()["errors"]["file"]


def test_only_authors_upload_and_into_their_own_organization(page, viewer, club, elsewhere):
    assert upload(sign_in(viewer.user), club).status_code == 403
    assert upload(page, elsewhere).status_code == 403
    assert page.get(url("upload")).status_code == 405
    assert not Media.objects.exists()


def test_the_picker_finds_pictures_page_by_page(page, club, elsewhere, monkeypatch):
    monkeypatch.setattr("broadcasts.admin.library.PAGE", 2)
    rows = [make_picture(club, f"{n}.png", alternative_text="Pool") for n in range(3)]
    make_picture(elsewhere)
    make_picture(club, "plan.pdf")
    Media.objects.filter(filename="plan.pdf").update(content_type="application/pdf")
    asked = {"organization": club.pk, "q": "pool"}
    first = page.get(url("pick"), asked).json()
    assert [one["filename"] for one in first["items"]] == ["2.png", "1.png"]
    second = page.get(url("pick"), {**asked, "after": first["after"]}).json()
    assert ([one["uuid"] for one in second["items"]], second["after"]) == ([str(rows[0].uuid)], None)
    assert page.get(url("pick"), {"organization": club.pk, "files": "1"}).json()["items"][0]["thumbnail"] is None
    assert page.get(url("pick"), {"organization": elsewhere.pk}).json()["items"] == []


def test_a_picture_is_described_where_it_is_chosen(page, club, elsewhere):
    ours, theirs = make_picture(club), make_picture(elsewhere)
    assert page.post(url("describe", ours.uuid), {"alternative_text": "The pool"}).status_code == 200
    assert page.post(url("describe", theirs.uuid), {"alternative_text": "x"}).status_code == 404
    assert [*Media.objects.order_by("pk").values_list("alternative_text", flat=True)] == ["The pool", ""]


def test_a_thumbnail_of_an_older_picture_is_made_when_it_is_asked_for(page, stranger, club):
    media = make_picture(club)
    shown = page.get(url("thumbnail", media.pk))
    assert shown["Content-Type"] == "image/webp" and shown.content == media.thumbnail_path.read_bytes()
    assert sign_in(stranger.user).get(url("thumbnail", media.pk)).status_code == 404
    media.file.storage.delete(media.file.name)
    media.thumbnail_path.unlink()
    assert page.get(url("thumbnail", media.pk)).status_code == 404


def test_the_list_shows_and_filters_what_there_is(page, club, elsewhere):
    make_picture(club, "pool.png", alternative_text="The pool")
    make_picture(club, "sauna.png")
    make_picture(elsewhere, "theirs.png")
    listed = page.get(url("changelist")).content.decode()
    assert "pool.png" in listed and "No alternative text" in listed and "theirs.png" not in listed
    assert "0 MB of 5,000 MB used" in listed
    lacking = page.get(url("changelist"), {"kind": "undescribed"}).content.decode()
    assert "sauna.png" in lacking and "pool.png" not in lacking


def contents(media):
    """What needs a picture, each by another way to name it."""
    club = media.organization
    template = Template.objects.create(organization=club, name="Newsletter")
    block = {"type": "columns", "columns": [{"blocks": [{"type": "image", "media": str(media.uuid)}]}]}
    TemplateTranslation.objects.create(template=template, language="en", blocks=[block])
    layout = Layout.objects.create(organization=club, name="Plain", header=[{"type": "image", "url": media.address}])
    club.globals = {"logo": media.address}
    club.save()
    return [template, layout, club]


def test_a_picture_is_found_in_blocks_layouts_html_and_values(page, club, mail):
    media, other = make_picture(club), make_picture(club)
    named = contents(media)
    draft = make_broadcast(mail, html=f'<img src="{media.address}">')
    linked = make_broadcast(mail, body=f"Read {media.address}")
    written = make_broadcast(mail)
    MessageTranslation.objects.filter(message__broadcast=written).update(source=f"![Pool]({media.address})")
    assert {*media.users()} == {draft, linked, written, *named} and other.users() == []
    shown = page.get(url("used", media.pk)).content.decode()
    assert "Layout: " in shown and "Broadcast: <a" in shown


@pytest.fixture
def sent_picture(club, mail):
    media = make_picture(club)
    make_broadcast(mail, subject="Spring news", html=f'<img src="{media.address}">', status="SENT")
    return media


def test_a_picture_that_sent_mail_shows_is_named_and_kept(page, sent_picture):
    assert "Sent broadcast: <a" in page.get(url("used", sent_picture.pk)).content.decode()
    shown = page.get(url("delete", sent_picture.pk)).content.decode()
    assert "Sent broadcast: Spring news" in shown and "Only an admin" in shown
    page.post(url("delete", sent_picture.pk), {"post": "yes", "even_sent": "yes"})
    assert Media.objects.exists()


def test_the_page_of_a_file_searches_no_content_but_asks_for_it_afterwards(page, stranger, club, monkeypatch):
    media = make_picture(club)
    monkeypatch.setattr(Media, "users", None)  # calling it would fail
    shown = page.get(url("change", media.pk)).content.decode()
    assert f'data-loads="{url("used", media.pk)}"' in shown
    assert sign_in(stranger.user).get(url("used", media.pk)).status_code == 404


def test_an_admin_may_delete_it_after_a_warning(admin, sent_picture):
    page = sign_in(admin.user)
    assert "will see a gap" in page.get(url("delete", sent_picture.pk)).content.decode()
    page.post(url("delete", sent_picture.pk), {"post": "yes"})
    assert Media.objects.exists()
    page.post(url("delete", sent_picture.pk), {"post": "yes", "even_sent": "yes"})
    assert not Media.objects.exists()


def test_not_even_an_admin_deletes_what_a_draft_shows(admin, sent_picture, mail):
    make_broadcast(mail, html=f'<img src="{sent_picture.address}">')
    sign_in(admin.user).post(url("delete", sent_picture.pk), {"post": "yes", "even_sent": "yes"})
    assert Media.objects.exists()


def test_a_thumbnail_goes_with_its_picture(page, club, django_capture_on_commit_callbacks):
    upload(page, club)
    media = Media.objects.get()
    assert media.thumbnail_path.exists()
    with django_capture_on_commit_callbacks(execute=True):
        page.post(url("delete", media.pk), {"post": "yes"})
    assert not media.thumbnail_path.exists()
