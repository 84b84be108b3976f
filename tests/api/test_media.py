"""Files for messages: uploaded, listed, read, and deleted when nothing needs them."""

from email import message_from_bytes, policy

import pytest
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from broadcasts.models import AuditEntry, Broadcast, Channel, Media
from broadcasts.rendering import Recipient, compile_message
from broadcasts.transports.webhook import document
from broadcasts.transports.whatsapp.payload import message as whatsapp_message
from tests.make import make_contact, picture_file

from .conftest import URL as BROADCASTS
from .conftest import client_of
from .described import DescribedClient

URL = "/api/media/"
PNG = picture_file()
MP3 = b"ID3\x04\0\0" + bytes(20)


@pytest.fixture(autouse=True)
def apart(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


def upload(client, content=PNG, name="flyer.png", **fields):
    headers = {"HTTP_IDEMPOTENCY_KEY": fields.pop("key")} if "key" in fields else {}
    file = SimpleUploadedFile(name, content, "text/html")
    return client.post(URL, {"file": file, **fields}, format="multipart", **headers)


def make_media(organization, name="flyer.png"):
    return Media.objects.create(organization=organization, file=ContentFile(PNG, name=name))


def translation(media, **fields):
    return {"en": {"subject": "Pool closed", "text": "Hello", "attachments": [{"media": media}], **fields}}


def test_a_file_is_uploaded_and_anybody_with_its_address_can_fetch_it(api, club, settings):
    answer = upload(api, name="../Menu\u202e\x07.html")
    made = answer.json()
    assert answer.status_code == 201
    assert (made["filename"], made["content_type"], made["size"]) == ("Menu.html", "image/png", len(PNG))
    fetched = Client().get(made["url"].removeprefix(settings.BASE_URL))
    assert (b"".join(fetched.streaming_content), fetched["Content-Type"]) == (PNG, "image/png")
    assert AuditEntry.objects.get(act="create").organization == club


def test_what_is_no_picture_is_a_download_that_runs_nothing(api, settings):
    fetched = Client().get(upload(api, MP3, "a.mp3").json()["url"].removeprefix(settings.BASE_URL))
    assert (fetched["Content-Type"], fetched["X-Content-Type-Options"]) == ("audio/mpeg", "nosniff")
    assert fetched["Content-Disposition"] == 'attachment; filename="a.mp3"'
    assert fetched["Content-Security-Policy"] == "sandbox; default-src 'none'"


def test_a_file_may_be_given_a_name(api):
    assert upload(api, filename="Opening hours.png").json()["filename"] == "Opening hours.png"


@pytest.mark.parametrize(
    "content",
    [
        b"MZ\x90\0\3",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"<script>alert(1)</script>",
        b"PK\x03\x04",
        b"a,b\n",
    ],
)
def test_a_file_of_another_type_is_refused_whatever_its_name(api, content):
    answer = upload(api, content, "flyer.png")
    assert answer.status_code == 400
    assert "accepted: pictures (PNG" in answer.json()["file"][0]
    assert not Media.objects.exists()


def test_a_file_that_is_too_large_is_refused(api, settings):
    settings.MEDIA_MAX_MB = 1
    answer = upload(api, PNG + bytes(10**6))
    assert (answer.status_code, "larger than 1 MB" in answer.json()["file"][0]) == (400, True)


def test_a_form_that_is_far_too_large_is_refused_before_it_is_read(api, settings, monkeypatch):
    settings.MEDIA_MAX_MB, settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1, 100
    monkeypatch.setattr("rest_framework.parsers.MultiPartParser.parse", lambda *args, **kwargs: 1 / 0)
    answer = upload(api, bytes(10**6 + 100))
    assert (answer.status_code, "larger than 1 MB" in answer.json()["file"][0]) == (400, True)


def test_an_organization_has_a_quota_of_its_own(api, club, elsewhere, settings):
    settings.MEDIA_QUOTA_MB = 1
    make_media(elsewhere)
    make_media(club)
    Media.objects.update(size=10**6 - len(PNG))
    assert upload(api).status_code == 201
    answer = upload(api)
    assert answer.status_code == 400
    assert "larger than 1 MB together; delete some" in answer.json()["file"][0]


def test_a_quota_of_0_is_none(api, club, settings):
    settings.MEDIA_QUOTA_MB = 0
    make_media(club)
    Media.objects.update(size=10**12)
    assert upload(api).status_code == 201


@pytest.mark.parametrize(
    ("fields", "name"), [({}, "file"), ({"file": "x"}, "file"), ({"file": b"", "color": "red"}, "color")]
)
def test_a_form_without_its_file_or_with_other_fields_is_refused(api, fields, name):
    answer = api.post(URL, fields, format="multipart")
    assert (answer.status_code, name in answer.json()) == (400, True)


def test_only_forms_are_taken(api):
    assert api.post(URL, {"file": "x"}).status_code == 415
    broken = api.post(URL, b"--x\r\n", content_type="multipart/form-data")
    assert (broken.status_code, "detail" in broken.json()) == (400, True)


def test_a_repeated_upload_with_the_same_key_is_one_file(api, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100  # of texts: files may be larger
    first, again = (upload(api, PNG + bytes(1000), key="k").json() for _ in range(2))
    assert first["uuid"] == again["uuid"]
    assert upload(api, PNG + bytes(1001), key="k").status_code == 409
    assert Media.objects.count() == 1


def test_a_list_is_newest_first_filtered_and_takes_few_queries(api, club, elsewhere, django_assert_num_queries):
    make_media(elsewhere)
    pdf = Media.objects.create(organization=club, file=ContentFile(b"%PDF-1.7", name="plan.pdf"))
    rows = [make_media(club) for _ in range(3)]
    with django_assert_num_queries(4):  # the token, the member, the count, the page
        listed = api.get(URL).json()
    assert [row["uuid"] for row in listed] == [str(row.uuid) for row in [*reversed(rows), pdf]]
    for query in ({"content_type": "application/"}, {"filename": "PLAN"}):
        assert [row["uuid"] for row in api.get(URL, query).json()] == [str(pdf.uuid)]


def test_files_are_read_by_members_and_uploaded_by_authors(viewer, author, outsider, client, club):
    media = make_media(club)
    one = f"{URL}{media.uuid}/"
    assert client_of(viewer).get(one).json()["uuid"] == str(media.uuid)
    assert [upload(client_of(viewer)).status_code, upload(client_of(author)).status_code] == [403, 201]
    assert [client.get(URL).status_code, upload(DescribedClient()).status_code] == [401, 401]
    assert [outsider.get(one).status_code, outsider.delete(one).status_code] == [404, 404]


def test_a_file_that_a_draft_needs_is_kept_until_the_broadcast_is_done(api, draft):
    media = upload(api).json()["uuid"]
    made = draft(messages=[{"translations": translation(media)}])
    answer = api.delete(f"{URL}{media}/")
    assert answer.status_code == 409
    assert answer.json()["detail"] == "It is in use and cannot be deleted: 1 broadcast (“Pool closed”)."
    api.delete(f"{BROADCASTS}{made['uuid']}/")
    assert api.delete(f"{URL}{media}/").status_code == 204


def test_a_deleted_file_is_served_no_more(api, settings, tmp_path, django_capture_on_commit_callbacks):
    made = upload(api).json()
    with django_capture_on_commit_callbacks(execute=True):
        assert api.delete(f"{URL}{made['uuid']}/").status_code == 204
    assert Client().get(made["url"].removeprefix(settings.BASE_URL)).status_code == 404
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def envelope(made):
    """What the first message of a broadcast is for one person."""
    message = Broadcast.objects.get(uuid=made["uuid"]).messages.get()
    contact = make_contact(message.broadcast.organization)
    return compile_message(message).envelope(Recipient("key", contact.email, "en", contact))


def test_mail_contains_a_file_that_a_message_names(api, draft):
    media = upload(api, MP3, "song.mp3").json()["uuid"]
    copy = envelope(draft(messages=[{"translations": translation(media)}]))
    [file] = message_from_bytes(copy.mime, policy=policy.default).iter_attachments()
    assert (file.get_filename(), file.get_content_type(), file.get_content()) == ("song.mp3", "audio/mpeg", MP3)


def test_a_webhook_is_told_where_to_fetch_a_file_that_a_message_names(api, draft, club, settings):
    hook = Channel.objects.create(organization=club, kind="webhook", settings={"url": "https://example.org/"})
    media = upload(api, MP3, "song.mp3").json()["uuid"]
    copy = envelope(draft(messages=[{"channel": str(hook.uuid), "translations": translation(media)}]))
    [told] = document(copy)["data"]["media"]
    assert (told["name"], told["content_type"], told["size"]) == ("song.mp3", "audio/mpeg", len(MP3))
    assert b"".join(Client().get(told["url"].removeprefix(settings.BASE_URL)).streaming_content) == MP3


def test_whatsapp_is_given_the_address_of_a_file_that_a_message_names(api, draft, club):
    channel = Channel.objects.create(organization=club, kind="whatsapp", settings={"phone_number_id": "1"})
    made = upload(api, MP3, "song.mp3").json()
    copy = envelope(draft(messages=[{"channel": str(channel.uuid), "translations": translation(made["uuid"])}]))
    assert whatsapp_message(copy)["audio"] == {"link": made["url"]}


def test_mail_limits_its_files_together_and_other_channels_do_not(api, draft, club, settings):
    settings.MAIL_FILES_MAX_MB = 0
    media = upload(api).json()["uuid"]
    body = {"subject": "x", "query": {}, "messages": [{"translations": translation(media)}]}
    answer = api.post(BROADCASTS, {**body, "body": "x"})
    assert (answer.status_code, "larger than 0 MB together" in str(answer.json())) == (400, True)
    hook = Channel.objects.create(organization=club, kind="webhook", settings={"url": "https://example.org/"})
    assert draft(messages=[{"channel": str(hook.uuid), "translations": translation(media)}])


def test_a_message_or_a_template_cannot_name_a_file_of_another_organization(api, elsewhere):
    content = translation(str(make_media(elsewhere).uuid))
    answer = api.post(BROADCASTS, {"query": {}, "messages": [{"translations": content}]})
    assert (answer.status_code, "There is no media file" in str(answer.json())) == (400, True)
    answer = api.post("/api/templates/", {"name": "Closing days", "translations": content})
    assert (answer.status_code, "en.attachments: There is no" in answer.json()["translations"][0]) == (400, True)
