import pytest
from django.core.files.base import ContentFile

from broadcasts.exceptions import InvalidInput, NotReady
from broadcasts.models import Media
from broadcasts.rendering import compile_message, validate_attachments
from tests.make import make_broadcast


@pytest.fixture(autouse=True)
def media_root(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


def make_media(organization, name="Plan für Ö.pdf", content=b"%PDF-1.7\x00\r\n.\r\n"):
    return Media.objects.create(organization=organization, file=ContentFile(content, name="x"), filename=name)


def attach(mail, *media, **content):
    broadcast = make_broadcast(mail, **content)
    message = broadcast.messages.get()
    message.translations.update(attachments=[{"media": str(one.uuid)} for one in media])
    return message


def test_files_arrive_as_they_were(parsed, mail, club):
    media = make_media(club)
    message = attach(mail, media, html="<p>Hi</p>")
    received = parsed(message=message)
    [file] = received.iter_attachments()
    assert received.get_content_type() == "multipart/mixed"
    assert (file.get_filename(), file.get_content_type()) == ("Plan für Ö.pdf", "application/pdf")
    assert file.get_content() == b"%PDF-1.7\x00\r\n.\r\n"
    assert received.get_body(("plain",)).get_content().startswith("Hello")


def test_a_hostile_file_name_or_type_cannot_add_a_header(parsed, mail, club):
    media = make_media(club)
    hostile = {"filename": '../a"\r\nX-Bad: 1\r\n\r\n.pdf', "content_type": "multipart/mixed\r\nX: y"}
    Media.objects.filter(pk=media.pk).update(**hostile)  # as it could be stored once
    [file] = parsed(message=attach(mail, media)).iter_attachments()
    assert file.get_filename() == 'a"X-Bad: 1.pdf'
    assert set(file.keys()) == {"Content-Type", "Content-Transfer-Encoding", "Content-Disposition"}
    assert file.get_content_type() == "application/octet-stream"


def test_files_of_another_organization_do_not_exist(club, elsewhere):
    with pytest.raises(InvalidInput, match="There is no media file"):
        validate_attachments(club, [{"media": str(make_media(elsewhere).uuid)}])


def test_too_much_is_refused(club, settings):
    settings.MAIL_FILES_MAX_MB = 12
    media = make_media(club)
    Media.objects.filter(pk=media.pk).update(size=12_000_001)
    with pytest.raises(InvalidInput, match="larger than 12 MB together"):
        validate_attachments(club, [{"media": str(media.uuid)}])
    assert validate_attachments(club, [{"media": str(media.uuid)}], "whatsapp") == [media]


@pytest.mark.parametrize("attachments", [[{"url": "https://x.example"}], ["x"], [{"media": "x"}], [{}], {"a": 1}, "x"])
def test_what_is_no_file_is_refused_in_plain_words(club, attachments):
    with pytest.raises(InvalidInput, match="list of media files"):
        validate_attachments(club, attachments)


def test_a_file_that_is_gone_stops_the_start(mail, club):
    media = make_media(club)
    media.file.storage.delete(media.file.name)
    with pytest.raises(NotReady, match="upload it again"):
        compile_message(attach(mail, media))
