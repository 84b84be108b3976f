"""The permanent public addresses of files, which mail shows as long as somebody keeps it."""

import pytest
from django.core.files.base import ContentFile
from django.test import Client

from broadcasts import links
from broadcasts.models import Media
from broadcasts.public.files import AT_ONCE, FilesShortcut
from tests.make import make_picture, picture_file


@pytest.fixture(autouse=True)
def apart(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


def path(media, settings):
    return media.address.removeprefix(settings.BASE_URL)


def test_a_picture_is_shown_to_everybody_and_may_be_kept_for_ever(club, settings):
    answer = Client().get(path(make_picture(club), settings))
    assert (answer.status_code, answer.content, answer["Content-Type"]) == (200, picture_file(), "image/png")
    assert answer["Cache-Control"] == "public, max-age=31536000, immutable"
    assert (answer["X-Content-Type-Options"], answer["Cross-Origin-Resource-Policy"]) == ("nosniff", "cross-origin")
    assert answer["Content-Security-Policy"].startswith("sandbox; default-src 'none'") and not answer.cookies


def test_who_has_it_is_told_that_it_is_the_same(club, settings):
    address = path(make_picture(club), settings)
    etag = Client().get(address)["ETag"]
    again = Client().get(address, HTTP_IF_NONE_MATCH=f'"other", {etag}')
    assert (again.status_code, again.content, again["ETag"]) == (304, b"", etag)
    assert Client().get(address, HTTP_IF_NONE_MATCH='"other"').status_code == 200


def test_the_head_alone_has_the_length(club, settings):
    answer = Client().head(path(make_picture(club), settings))
    assert (answer.status_code, answer.content, answer["Content-Length"]) == (200, b"", str(len(picture_file())))


def test_another_file_is_a_download(club, settings):
    pdf = Media.objects.create(organization=club, file=ContentFile(b"%PDF-1.7", name="plan.pdf"), filename="Plän.pdf")
    answer = Client().get(path(pdf, settings))
    assert answer["Content-Disposition"] == "attachment; filename*=utf-8''Pl%C3%A4n.pdf"
    assert (answer.content, answer["Content-Type"]) == (b"%PDF-1.7", "application/pdf")


def test_what_was_stored_once_as_something_else_is_served_as_what_it_is(club, settings):
    media = make_picture(club, width=None, height=None)
    Media.objects.update(content_type="text/html")
    media.refresh_from_db()
    assert path(media, settings).endswith(".bin")
    assert Client().get(path(media, settings))["Content-Type"] == "image/png"


def test_a_forged_address_or_another_extension_leads_nowhere(club, settings):
    media = make_picture(club)
    token = links.library_token(media.pk)
    wrong = [f"/m/{token}.html", f"/m/{token}", f"/m/{links.media_token(media.pk)}.png", "/m/x.png", "/m/é.png", "/m/"]
    assert {Client().get(address).status_code for address in wrong} == {404}
    assert links.library_id(links.delivery_token(media.pk)) is None


def test_a_file_that_is_deleted_is_not_found_though_it_is_remembered(
    club, settings, django_capture_on_commit_callbacks
):
    media = make_picture(club)
    address = path(media, settings)
    assert Client().get(address).status_code == 200
    with django_capture_on_commit_callbacks(execute=True):
        media.delete()
    assert Client().get(address).status_code == 404


def test_it_answers_before_django_and_leaves_the_rest_to_it(club, settings, django_assert_num_queries):
    told = []
    shortcut = FilesShortcut(lambda environ, start: ["Django"])
    environ = {"PATH_INFO": path(make_picture(club), settings), "REQUEST_METHOD": "GET"}
    assert shortcut(environ, lambda *args: told.append(args)) == [picture_file()]
    assert told[0][0] == "200 OK" and ("Content-Type", "image/png") in told[0][1]
    with django_assert_num_queries(0):  # it is remembered
        shortcut(environ, lambda *args: None)
    for other in ({"PATH_INFO": "/m/x.png"}, {"PATH_INFO": "/admin/"}, {"REQUEST_METHOD": "POST"}):
        assert shortcut({**environ, **other}, None) == ["Django"]


def test_a_tracking_domain_shows_no_files(club, settings):
    club.tracking_domain = "links.club.example"
    club.save()
    shortcut = FilesShortcut(lambda environ, start: ["Django"])
    environ = {"PATH_INFO": path(make_picture(club), settings), "REQUEST_METHOD": "GET"}
    assert shortcut({**environ, "HTTP_HOST": "links.club.example:443"}, None) == ["Django"]
    assert Client().get(environ["PATH_INFO"], headers={"host": "links.club.example"}).status_code == 404
    assert shortcut({**environ, "HTTP_HOST": "localhost"}, lambda *args: None) == [picture_file()]


def test_a_large_file_is_left_to_the_server_to_send(club, settings):
    content = b"%PDF-1.7" + bytes(AT_ONCE)
    pdf = Media.objects.create(organization=club, file=ContentFile(content, name="plan.pdf"))
    environ = {"PATH_INFO": path(pdf, settings), "REQUEST_METHOD": "GET", "wsgi.file_wrapper": lambda file: file}
    with FilesShortcut(None)(environ, lambda *args: None) as file:
        assert file.read() == content
