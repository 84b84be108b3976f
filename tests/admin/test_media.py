"""Files for messages: taken, kept, given out to members, and deleted."""

from contextlib import suppress
from threading import Barrier, BrokenBarrierError

import pytest
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from broadcasts.admin import patience
from broadcasts.models import Media, MessageTranslation, Template, TemplateTranslation
from tests.make import make_broadcast, make_picture, picture_file
from tests.sending.test_concurrency import at_once

from .conftest import sign_in

PNG = picture_file()


@pytest.fixture(autouse=True)
def apart(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def page(author):
    return sign_in(author.user)


def url(name, *args):
    return reverse(f"admin:broadcasts_media_{name}", args=args)


def upload(page, club, name="flyer.png", content=PNG, content_type="image/png", **fields):
    file = SimpleUploadedFile(name, content, content_type=content_type)
    return page.post(url("add"), {"organization": club.pk, "file": file, **fields})


def make_media(club, content=PNG, name="flyer.png"):
    return Media.objects.create(organization=club, file=ContentFile(content, name=name))


def test_a_file_is_kept_under_a_name_that_nobody_chose(page, club, tmp_path):
    upload(page, club, "evil.py", b"import os\nos.system('id')\n", "text/x-python")
    media = Media.objects.get()
    [stored] = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert "evil" not in str(stored) and stored.suffix == ".txt"
    assert (media.filename, media.content_type, media.size) == ("evil.py", "text/plain", 26)
    assert stored.stat().st_mode & 0o777 == 0o600


def test_the_type_is_that_of_the_content_whatever_the_client_says(page, club):
    upload(page, club, "evil.html", PNG, "text/html")
    media = Media.objects.get()
    assert (media.content_type, media.file.name[-4:]) == ("image/png", ".png")


def test_two_files_of_one_name_are_two_files(page, club):
    for content in (PNG, b"%PDF-1.7"):
        assert upload(page, club, content=content).status_code == 302
    assert {media.file.read() for media in Media.objects.all()} == {PNG, b"%PDF-1.7"}
    assert {media.filename for media in Media.objects.all()} == {"flyer.png"}


def test_a_label_is_cleaned(page, club):
    upload(page, club, filename="../../Flyer\u202e\x07.png")
    assert Media.objects.get().filename == "Flyer.png"


def test_a_file_that_is_too_large_is_refused_at_its_field(page, club, settings):
    settings.MEDIA_MAX_MB = 1
    response = upload(page, club, content=PNG + bytes(10**6))
    assert "larger than 1 MB" in str(response.context["form"].errors["file"])
    assert not Media.objects.exists()


def test_a_form_that_is_larger_than_any_file_is_not_read(page, club, settings, tmp_path, monkeypatch):
    settings.MEDIA_MAX_MB = settings.IMPORT_MAX_MB = 1
    monkeypatch.setattr("config.uploads.FIELDS_BYTES", 0)
    assert upload(page, club, content=bytes(10**6)).status_code == 400
    assert not Media.objects.exists()


def test_the_page_leads_to_the_file(page, club):
    media = make_media(club)
    shown = page.get(url("change", media.pk)).content.decode()
    assert f'<a href="{url("file", media.pk)}"><img src="{url("thumbnail", media.pk)}"' in shown
    assert media.file.name not in shown and 'type="file"' not in shown
    assert b"".join(page.get(url("file", media.pk)).streaming_content) == PNG


@pytest.mark.parametrize(
    ("content", "shown"),
    [(PNG, "inline"), (b"<script>alert(1)</script>", "attachment"), (b"%PDF-1.7", "attachment"), (b"\0", "attachment")],
)
def test_only_pictures_are_shown_and_nothing_runs(page, club, content, shown):
    media = make_media(club, content, "x.png")
    Media.objects.update(content_type="text/html", filename='a"\r\nX: y/b.html')  # as it could be stored once
    response = page.get(url("file", media.pk))
    assert response["Content-Disposition"] == f'{shown}; filename="b.html"'
    assert response["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert response["X-Content-Type-Options"] == "nosniff" and "html" not in response["Content-Type"]
    assert {"private", "no-store"} <= set(response["Cache-Control"].split(", "))


def test_members_read_a_file_and_nobody_else(viewer, stranger, club, client):
    media = make_media(club)
    assert sign_in(viewer.user).get(url("file", media.pk)).status_code == 200
    assert sign_in(stranger.user).get(url("file", media.pk)).status_code == 404
    assert client.get(url("file", media.pk)).status_code == 302


def test_a_file_that_is_gone_is_not_found(page, club):
    media = make_media(club)
    media.file.storage.delete(media.file.name)
    assert page.get(url("change", media.pk)).status_code == 200
    assert page.get(url("file", media.pk)).status_code == 404


def test_a_row_goes_with_its_file(page, club, tmp_path, django_capture_on_commit_callbacks):
    media, other = make_media(club), make_media(club)
    with django_capture_on_commit_callbacks(execute=True):
        page.post(url("delete", media.pk), {"post": "yes"})
    assert Media.objects.get() == other
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [other.file.name[3:]]


def carry(mail, media, **fields):
    broadcast = make_broadcast(mail, **fields)
    MessageTranslation.objects.update(attachments=[{"media": media.uuid.hex.upper()}])
    return broadcast


def test_a_file_that_a_draft_carries_stays(page, mail, club):
    media = make_media(club)
    carry(mail, media, subject="Spring news")
    assert "Broadcast: Spring news" in page.get(url("delete", media.pk)).content.decode()
    page.post(url("delete", media.pk), {"post": "yes"})
    assert Media.objects.get().file.read() == PNG


def test_a_file_of_a_template_stays(page, club):
    media = make_media(club)
    template = Template.objects.create(organization=club, name="Closing days")
    TemplateTranslation.objects.create(template=template, language="en", attachments=[{"media": str(media.uuid)}])
    assert "Template: Closing days" in page.get(url("delete", media.pk)).content.decode()


def test_a_file_that_only_sent_broadcasts_carried_may_go(page, mail, club):
    media = make_media(club)
    carry(mail, media, status="SENT")
    page.post(url("delete", media.pk), {"post": "yes"})
    assert not Media.objects.exists()


def test_a_file_beyond_the_quota_is_refused_at_its_field(page, club, settings):
    settings.MEDIA_QUOTA_MB = 1
    upload(page, club)
    Media.objects.update(size=10**6)
    response = upload(page, club)
    assert "larger than 1 MB together" in str(response.context["form"].errors["file"])
    assert Media.objects.count() == 1


def test_a_search_that_takes_too_long_says_how_to_find_out(page, club, monkeypatch):
    media = make_picture(club)

    def slow(self):
        raise patience.TooSlow

    monkeypatch.setattr(Media, "users", slow)
    told = page.get(reverse("admin:broadcasts_media_used", args=[media.pk])).content.decode()
    assert "There is too much content" in told and "names what uses it" in told


def test_a_file_without_an_organization_is_refused(page):
    response = page.post(url("add"), {"file": SimpleUploadedFile("flyer.png", PNG)})
    assert list(response.context["form"].errors) == ["organization"]


@pytest.mark.django_db(transaction=True)
def test_two_uploads_at_once_keep_the_quota(page, club, settings, monkeypatch):
    settings.MEDIA_QUOTA_MB = 1
    both = Barrier(2)

    def meet(size):
        with suppress(BrokenBarrierError):  # on SQLite the second one waits for the first before it comes here
            both.wait(timeout=0.5)

    monkeypatch.setattr(Media, "check_size", staticmethod(meet))
    answers = at_once(2, lambda: upload(page, club, content=b"%PDF-1.7" + bytes(600_000)).status_code)
    assert sorted(answers) == [200, 302]
    assert Media.objects.count() == 1
