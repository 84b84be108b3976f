"""The lines about what is written."""

import pytest
from django.core.files.base import ContentFile

from broadcasts import checking, designing, editing
from broadcasts.checking import check, draft
from broadcasts.models import Media, MessageTranslation, Organization
from tests.make import add_channel, make_broadcast

from .asked import details, fresh, level, line

pytestmark = pytest.mark.usefixtures("joe")


def test_content_that_can_be_shown_is_fine(mail):
    assert level(make_broadcast(mail), "content") == "ok"


def test_a_broadcast_without_a_message_is_stopped(mail):
    broadcast = make_broadcast(mail)
    broadcast.messages.all().delete()
    assert level(broadcast, "content") == "stop"


def test_a_message_without_any_language_is_stopped_at_that_message(mail):
    broadcast = make_broadcast(mail)
    MessageTranslation.objects.all().delete()
    found = line(broadcast, "content")
    assert (found.level, found.step, found.message) == ("stop", "what", broadcast.first_message())


def test_a_blank_language_is_stopped_and_named(mail):
    broadcast = make_broadcast(mail, translations={"es": {"subject": "Hola"}})
    found = line(broadcast, "content")
    assert (found.level, found.language) == ("stop", "es")
    assert found.detail[0].words.startswith("Spanish: It says nothing yet")


def test_content_that_cannot_be_rendered_any_more_is_stopped(mail):
    broadcast = make_broadcast(mail, body="{{ 'a' | nothing }}")
    assert level(broadcast, "content") == "stop"


def test_words_that_could_not_be_saved_are_a_warning_at_their_place(mail, author):
    broadcast = make_broadcast(mail)
    message = broadcast.first_message()
    assert all(one.name != "unsaved" for one in check(broadcast))
    editing.keep(broadcast, author.user, f"what:{message.pk}", "text=%7B%7B", ["A tag is not closed."])
    found = line(broadcast, "unsaved")
    assert (found.level, found.step, found.message) == ("warning", "what", message)
    assert found.detail[0].words == f"{author.user} on What"


def test_more_links_than_are_measured_are_stopped(mail):
    mail.track_clicks = True
    mail.save()
    links = " ".join(f"https://club.org/{n}" for n in range(1001))
    assert "more than 1,000" in details(make_broadcast(mail, body=links), "content")[0]


def test_the_languages_of_a_template_stand_for_content_that_is_not_written(mail, club):
    broadcast = make_broadcast(mail)
    template = club.templates.create(name="Hola")
    template.translations.create(language="es", subject="Hola", text="Hola")
    MessageTranslation.objects.all().delete()
    broadcast.messages.update(template=template)
    assert (level(broadcast, "content"), level(broadcast, "subject")) == ("ok", "ok")


def test_a_channel_is_named_where_there_are_several(mail):
    broadcast = make_broadcast(mail, body="")
    add_channel(broadcast, name="Console")
    assert details(broadcast, "content")[0].startswith("Newsletter, English:")


def test_languages_that_there_is_no_time_for_are_named_and_stop_nothing(mail, monkeypatch):
    monkeypatch.setattr(draft, "SECONDS", 0)
    broadcast = make_broadcast(mail)
    assert details(broadcast, "examples") == ["English: not looked at"]
    assert level(broadcast, "content") == "ok"


def test_designs_are_not_made_beyond_the_time(mail, monkeypatch):
    designed = []
    monkeypatch.setattr(designing, "apply", lambda *args: designed.append(args))
    broadcast = make_broadcast(mail, translations={"es": {"subject": "Hola", "text": "Hola"}})
    checking.read(fresh(broadcast))
    assert len(designed) == 2
    monkeypatch.setattr(draft, "SECONDS", 0)
    checking.read(fresh(broadcast))
    assert len(designed) == 2


def test_all_languages_are_looked_at_as_a_rule(mail):
    assert level(make_broadcast(mail), "examples") is None


def test_a_subject_is_fine_and_quoted_as_a_person_reads_it(mail):
    assert "“Hi Joe”" in line(make_broadcast(mail, subject="Hi {{ contact.first_name }}"), "subject").words


def test_mail_without_a_subject_is_stopped_in_its_language(mail):
    found = line(make_broadcast(mail, translations={"es": {"text": "Hola"}}), "subject")
    assert (found.level, found.language) == ("stop", "es")


def test_the_default_subject_of_the_organization_will_do(mail, club):
    broadcast = make_broadcast(mail, translations={"es": {"text": "Hola"}})
    Organization.objects.update(default_subject="News of the club")
    assert level(broadcast, "subject") == "ok"


def test_an_sms_needs_neither_subject_nor_preheader(texts):
    broadcast = make_broadcast(texts, subject="")
    assert (level(broadcast, "subject"), level(broadcast, "preheader")) == (None, None)


def test_html_without_a_preheader_is_warned_of(mail):
    assert level(make_broadcast(mail, html="<p>Hi</p>"), "preheader") == "warning"


def test_html_with_a_preheader_is_fine(mail):
    broadcast = make_broadcast(mail, html="<p>Hi</p>")
    MessageTranslation.objects.update(preheader="The pool is closed")
    assert level(broadcast, "preheader") == "ok"


def test_mail_of_text_alone_needs_no_preheader(mail):
    assert level(make_broadcast(mail), "preheader") is None


@pytest.mark.parametrize(
    ("picture", "found"),
    [
        ('<img src="https://club.org/a.png" alt="Our pool">', "ok"),
        ('<img src="https://club.org/a.png">', "warning"),
        ('<img src="https://club.org/a.png" alt=" ">', "warning"),
        ('<img src="https://club.org/a.png" alt="" role="presentation">', None),
        ('<img src="https://club.org/a.png" width="1">', None),
        ("<p>No picture</p>", None),
    ],
)
def test_pictures_need_an_alternative_text_unless_they_are_decoration(mail, picture, found):
    assert level(make_broadcast(mail, html=picture), "pictures") == found


def test_mail_that_gmail_would_clip_is_warned_of(mail):
    found = line(make_broadcast(mail, html=f"<p>{'a' * 103 * 1024}</p>"), "size")
    assert (found.level, "102 KB" in found.words) == ("warning", True)


def test_the_addresses_that_measure_clicks_count_towards_the_size(mail):
    html = "".join(f'<a href="https://club.org/{n}">{n}</a>' for n in range(900)) + 50_000 * "a"
    broadcast = make_broadcast(mail, html=html)
    assert level(broadcast, "size") == "ok"
    mail.track_clicks = True
    mail.save()
    assert level(broadcast, "size") == "warning"


def test_the_size_of_short_mail_is_fine(mail):
    assert level(make_broadcast(mail, html="<p>Hi</p>"), "size") == "ok"


def attached(club, tmp_path, settings, size):
    settings.MEDIA_ROOT = tmp_path
    media = Media.objects.create(organization=club, file=ContentFile(b"%PDF", name="x"), filename="plan.pdf", size=size)
    return [{"media": str(media.uuid)}]


@pytest.mark.parametrize(("size", "found"), [(10, "ok"), (6_000_000, "warning"), (11_000_000, "stop")])
def test_files_may_be_fine_heavy_or_too_large_for_one_mail(mail, club, tmp_path, settings, size, found):
    broadcast = make_broadcast(mail)
    files = attached(club, tmp_path, settings, size)
    MessageTranslation.objects.update(attachments=files)
    Media.objects.update(size=size)
    assert level(broadcast, "files") == found


def test_mail_without_files_is_not_asked_about_them(mail):
    assert level(make_broadcast(mail), "files") is None
