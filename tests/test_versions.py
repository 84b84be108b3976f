"""What a message said at each time, and bringing it back."""

from datetime import timedelta

import pytest
from django.utils import timezone

from broadcasts import drafting, retention, sending, translating, versioning
from broadcasts.exceptions import InvalidInput, WrongState
from broadcasts.models import AuditEntry, Broadcast, Channel, Layout, Message, MessageVersion, Template
from tests.make import add_channel, make_broadcast, make_contact, make_picture
from tests.sending.test_concurrency import at_once


@pytest.fixture
def draft(club, mail, author):
    values = {"subject": "Pool closed", "body": "Hello", "send_to_all": True}
    return drafting.save(Broadcast(organization=club), values, by=author.user)


def say(draft, subject, by=None, **content):
    """Save another subject, in English and with all other content as it is given."""
    message = draft.first_message()
    spec = {"uuid": message.uuid, "translations": {"en": {"subject": subject, "text": "Hello", **content}}}
    drafting.save(draft, {"messages": [spec]}, by=by)


def subjects(draft):
    """The subjects of the versions, from the first on."""
    rows = MessageVersion.objects.filter(message__broadcast=draft).order_by("pk")
    return [row.content["translations"]["en"]["subject"] for row in rows]


def wait(draft, minutes):
    """Let time pass since the versions."""
    for row in MessageVersion.objects.filter(message__broadcast=draft):
        MessageVersion.objects.filter(pk=row.pk).update(created=row.created - timedelta(minutes=minutes))


def words(draft):
    """What changed with each version, from the first on."""
    rows = versioning.with_before(MessageVersion.objects.filter(message__broadcast=draft)).order_by("pk")
    return [versioning.changes(row.before, row.parts) for row in rows]


def first(draft):
    return MessageVersion.objects.filter(message__broadcast=draft).order_by("pk").first()


def bring_back(draft, version, by=None):
    return drafting.bring_back(draft.first_message(), version, by)


def test_a_new_broadcast_begins_with_a_version_of_its_author(draft, author):
    [version] = MessageVersion.objects.all()
    assert version.author_name == str(author.user)
    assert version.content["translations"]["en"]["text"] == "Hello"


def test_saves_of_one_author_within_ten_minutes_are_one_version(draft, author):
    for subject in ("Pool", "Pool open", "Pool open again"):
        say(draft, subject, author.user)
    assert subjects(draft) == ["Pool closed", "Pool open again"]


def test_a_save_after_ten_minutes_is_another_version(draft, author):
    say(draft, "Pool open", author.user)
    wait(draft, 10)
    say(draft, "Pool closed again", author.user)
    assert subjects(draft) == ["Pool closed", "Pool open", "Pool closed again"]


def test_a_save_of_another_author_is_another_version(draft, author, admin):
    say(draft, "Pool open", author.user)
    say(draft, "Pool open!", admin.user)
    assert subjects(draft) == ["Pool closed", "Pool open", "Pool open!"]


def test_an_empty_beginning_becomes_the_first_words(club, mail, author):
    empty = drafting.save(Broadcast(organization=club), {"name": "News"}, by=author.user)
    say(empty, "Pool", author.user)
    assert subjects(empty) == ["Pool"]


def test_saving_what_is_there_already_makes_no_version(draft, admin):
    say(draft, "Pool closed", admin.user)
    assert len(subjects(draft)) == 1


def test_changing_the_audience_makes_no_version(draft, admin):
    drafting.save(draft, {"send_to_all": False}, by=admin.user)
    assert len(subjects(draft)) == 1


def test_a_refused_save_leaves_no_version(draft, admin):
    with pytest.raises(InvalidInput):
        say(draft, "Hello {{ contact.name", admin.user)
    assert len(subjects(draft)) == 1


def test_a_change_of_one_message_is_no_version_of_the_others(draft, author, admin):
    other = add_channel(draft)
    versioning.write([other], author.user)
    drafting.save(draft, {"subject": "Open"}, by=admin.user)
    assert other.versions.count() == 1


def test_what_an_earlier_release_stored_is_kept_before_it_is_changed(mail, author):
    old = make_broadcast(mail, subject="From before")
    hour_ago = timezone.now() - timedelta(hours=1)
    old.messages.update(modified=hour_ago)
    say(old, "Newer", author.user)
    assert subjects(old) == ["From before", "Newer"]
    assert (first(old).created, first(old).author_name) == (hour_ago, "")


def test_the_oldest_versions_go_but_the_first_stays(draft, author, admin, monkeypatch):
    monkeypatch.setattr(versioning, "MOST", 4)
    for n in range(6):
        say(draft, f"Edition {n}", (author if n % 2 else admin).user)
    assert subjects(draft) == ["Pool closed", "Edition 3", "Edition 4", "Edition 5"]


def test_a_copy_begins_with_one_version_of_its_own(draft, author, admin):
    say(draft, "Pool open", author.user)
    copy = sending.duplicate(draft, by=admin.user)
    [version] = MessageVersion.objects.filter(message__broadcast=copy)
    assert (version.author_name, subjects(copy)) == (str(admin.user), ["Pool open"])


def test_translating_expressions_makes_a_version(club, mail, author):
    message = {"syntax": "expressions", "translations": {"en": {"subject": "Hi", "text": "@contact.name"}}}
    written = drafting.save(Broadcast(organization=club), {"messages": [message]}, by=author.user)
    translating.translate_broadcast(written, author.user)
    assert words(written) == [[], ["Syntax", "Text"]]


def test_what_is_sent_is_the_last_version(mail, server, author):
    make_contact(mail.organization)
    template = Template.objects.create(organization=mail.organization, name="Notice")
    template.translations.create(language="en", subject="From the template", text="Hello")
    draft = Broadcast.objects.create(organization=mail.organization, name="Notice", send_to_all=True)
    Message.objects.create(broadcast=draft, channel=mail, template=template)
    sending.send(draft, author.user)
    assert subjects(draft) == ["From the template"]


def test_html_that_is_made_is_not_kept(draft):
    say(draft, "Designed", format="markdown", source="*Hello*")
    assert draft.first_message().translations.get().html
    assert draft.first_message().versions.first().content["translations"]["en"]["html"] == ""


def test_a_change_is_told_by_field_and_language(draft, admin):
    spanish = {"subject": "Piscina", "text": "Hola"}
    say_both(draft, {"subject": "Pool closed", "text": "Hello"}, spanish)
    assert words(draft)[1] == ["Spanish added"]
    say_both(draft, {"subject": "Pool closed", "text": "Hi"}, spanish | {"subject": "Alberca"}, admin.user)
    assert words(draft)[2] == ["Text in English", "Subject in Spanish"]


def say_both(draft, english, spanish, by=None):
    spec = {"uuid": draft.first_message().uuid, "translations": {"en": english, "es": spanish}}
    drafting.save(draft, {"messages": [spec]}, by=by)


def test_changed_blocks_are_counted(draft, author, admin):
    blocks = [{"type": "heading", "text": "One"}, {"type": "divider"}, {"type": "heading", "text": "Two"}]
    say(draft, "Pool closed", author.user, text="", format="blocks", blocks=blocks)
    changed = [{"type": "heading", "text": "Uno"}, {"type": "divider"}, {"type": "heading", "text": "Dos"}]
    say(draft, "Pool closed", admin.user, text="", format="blocks", blocks=changed)
    say(draft, "Pool closed", author.user, text="", format="blocks", blocks=changed[::-1])
    assert words(draft)[2:] == [["2 blocks"], ["Order of the blocks"]]


def test_a_version_is_brought_back_as_a_new_one(draft, author):
    say(draft, "Pool open", author.user)
    assert bring_back(draft, first(draft), author.user) == []
    assert subjects(draft) == ["Pool closed", "Pool open", "Pool closed"]
    assert draft.first_message().translations.get().subject == "Pool closed"


def test_languages_come_back_in_their_order_with_their_tags(draft, author):
    contents = {"ES": {"subject": "Piscina", "text": "Hola"}, "en": {"subject": "Pool", "text": "Hello"}}
    drafting.save(draft, {"messages": [{"uuid": draft.first_message().uuid, "translations": contents}]})
    both = draft.first_message().versions.first()
    say(draft, "Pool only")
    bring_back(draft, both)
    tags = [(one.language, one.tag) for one in draft.first_message().translations.all()]
    assert tags == [("es", "ES"), ("en", "")]


def test_bringing_back_leaves_the_other_messages_as_they_are(draft):
    other = add_channel(draft)
    say_first(draft, "Pool open", other)
    bring_back(draft, first(draft))
    assert other.translations.get().text == "Closed"
    assert list(draft.messages.values_list("pk", flat=True)) == [draft.first_message().pk, other.pk]


def say_first(draft, subject, other):
    message = draft.first_message()
    spec = {"uuid": message.uuid, "translations": {"en": {"subject": subject, "text": "Hello"}}}
    drafting.save(draft, {"messages": [spec, {"uuid": other.uuid}]})


def test_what_no_longer_exists_is_left_out_and_told_by_name(draft, club, mail):
    picture = make_picture(club, "summer.png")
    rows = {
        "channel": Channel.objects.create(organization=club, kind="console", name="Paper"),
        "layout": Layout.objects.create(organization=club, name="Blue"),
        "template": Template.objects.create(organization=club, name="Notice"),
    }
    designed = {"format": "blocks", "blocks": [{"type": "image", "media": str(picture.uuid)}, {"type": "divider"}]}
    uuid = draft.first_message().uuid
    drafting.save(draft, {"messages": [{"uuid": uuid, **rows, "translations": {"en": {"subject": "Hi", **designed}}}]})
    full = draft.first_message().versions.first()
    MessageVersion.objects.update(created=full.created - timedelta(minutes=10))
    plain = {"channel": mail, "layout": None, "template": None, "translations": {"en": {"subject": "Hi", "text": "Hi"}}}
    drafting.save(draft, {"messages": [{"uuid": uuid, **plain}]})
    for row in (*rows.values(), picture):
        row.delete()
    full.refresh_from_db()
    told = " ".join(bring_back(draft, full))
    assert all(f"“{name}” no longer exists" in told for name in ("Paper", "Blue", "Notice", "summer.png"))
    message = draft.first_message()
    assert (message.channel, message.layout, message.template) == (mail, None, None)
    assert message.translations.get().blocks == [{"type": "divider"}]


def test_a_version_that_is_not_valid_any_more_is_refused_whole(draft):
    say(draft, "Pool open")
    wrong = first(draft)
    wrong.content["translations"]["en"]["subject"] = "{{ contact.name"
    with pytest.raises(InvalidInput):
        bring_back(draft, wrong)
    assert draft.first_message().translations.get().subject == "Pool open"


def test_a_scheduled_broadcast_may_get_a_version_back(draft, server):
    make_contact(draft.organization)
    say(draft, "Pool open")
    sending.schedule(draft, timezone.now() + timedelta(days=1))
    bring_back(draft, first(draft))
    assert draft.first_message().translations.get().subject == "Pool closed"


def test_nothing_is_brought_back_once_it_was_sent(draft, server):
    make_contact(draft.organization)
    say(draft, "Pool open")
    sending.send(draft)
    with pytest.raises(WrongState):
        bring_back(draft, first(draft))
    assert draft.first_message().translations.get().subject == "Pool open"


def test_versions_of_what_ended_long_ago_go_but_the_last(draft, author, admin):
    say(draft, "Pool open", author.user)
    say(draft, "Pool open!", admin.user)
    running = drafting.save(Broadcast(organization=draft.organization), {"subject": "Newer", "body": "Hi"})
    long_ago = timezone.now() - timedelta(days=91)
    Broadcast.objects.filter(pk=draft.pk).update(status="SENT", completed_at=long_ago)
    assert retention.prune(dry_run=True)["versions of messages"] == 2
    retention.prune()
    assert (subjects(draft), subjects(running)) == (["Pool open!"], ["Newer"])


def test_versions_go_with_their_broadcast(draft):
    drafting.delete(draft)
    assert not MessageVersion.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_saves_at_once_begin_one_version(draft, admin):
    results = at_once(4, lambda: say(Broadcast.objects.get(pk=draft.pk), f"{timezone.now()}", admin.user))
    assert results == [None] * 4
    assert len(subjects(draft)) == 2
    assert subjects(draft)[-1] == draft.first_message().translations.get().subject


def changes_in_audit(draft):
    return AuditEntry.objects.filter(object_id=draft.pk, model="broadcast", act="change").count()


def test_a_page_that_saves_itself_has_one_entry_in_the_audit_log(draft, author):
    for subject in ("P", "Po", "Pool"):
        say(draft, subject, author.user)
    assert changes_in_audit(draft) == 1


def test_what_others_or_other_fields_change_has_entries_of_its_own(draft, author, admin):
    say(draft, "Pool", author.user)
    say(draft, "Pool open", admin.user)
    drafting.save(draft, {"name": "News"}, by=admin.user)
    say(draft, "Pool", admin.user)
    assert changes_in_audit(draft) == 4
