"""Writing a broadcast on its page: who, what and when, checked next to the fields."""

import pytest
from django.urls import reverse

from broadcasts import drafting
from broadcasts.exceptions import InvalidInput
from broadcasts.models import (
    AuditEntry,
    Broadcast,
    Message,
    MessageTranslation,
    Segment,
    Template,
    TemplateTranslation,
)
from tests.make import make_contact, make_contacts

from .conftest import make_log, sign_in

ADD = "admin:broadcasts_broadcast_add"


def change(broadcast):
    return reverse("admin:broadcasts_broadcast_change", args=[broadcast.pk])


def content(*languages, initial=0, ids=()):
    """The part of a posted form that holds the languages: (tag, subject, text) each."""
    data = {"translations-TOTAL_FORMS": len(languages), "translations-INITIAL_FORMS": initial}
    for i, (tag, subject, text) in enumerate(languages):
        prefix = f"translations-{i}"
        data |= {f"{prefix}-language": tag, f"{prefix}-subject": subject, f"{prefix}-text": text}
        if i < initial:
            data |= {f"{prefix}-id": ids[i]}
    return data


def form(organization, *languages, **fields):
    return {
        "organization": organization.pk,
        "name": "Pool closed",
        "use_case": "general",
        "send_to_all": "on",
        "base_language": "en",
        "channel_policy": "first",
        "syntax": "liquid",
        "query": "{}",
        **content(*(languages or [("en", "Closed", "Hello {{ contact.name }}")])),
        **fields,
    }


def test_one_page_writes_a_broadcast_with_its_message_in_two_languages(author, mail):
    data = form(mail.organization, ("en", "Closed", "Hello"), ("es-es", "Cerrada", "Hola"))
    response = sign_in(author.user).post(reverse(ADD), data)
    broadcast = Broadcast.objects.get()
    assert response.status_code == 302
    assert (broadcast.author, broadcast.author_name) == (author.user, str(author.user))
    message = broadcast.messages.get()
    assert message.channel == mail
    written = message.translations.values_list("language", "tag", "subject", "position")
    assert list(written) == [("en", "en", "Closed", 0), ("es-ES", "es-es", "Cerrada", 1)]


def test_saving_stores_the_first_addresses_of_its_audience(author, mail):
    make_contact(mail.organization, "joe@example.com")
    sign_in(author.user).post(reverse(ADD), form(mail.organization))
    assert Broadcast.objects.get().audience_preview == ["joe@example.com"]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"query": '{"favourite": "x"}'}, "query"),
        ({"query": "{"}, "query"),
        ({"addresses": "nonsense"}, "addresses"),
        ({"retarget_engagement": "opened"}, "retarget_engagement"),
        ({"attendance_status": "booked"}, "attendance_status"),
        ({"excluded_days": "7"}, "excluded_days"),
        ({"base_language": "not a language"}, "base_language"),
        ({"expires_at_0": "2020-01-01", "expires_at_1": "09:00"}, "expires_at"),
    ],
)
def test_what_is_wrong_is_told_next_to_its_field(author, mail, fields, field):
    response = sign_in(author.user).post(reverse(ADD), form(mail.organization, **fields))
    assert field in response.context["adminform"].form.errors
    assert not Broadcast.objects.exists()


def test_an_unknown_variable_is_told_next_to_the_text(author, mail):
    data = form(mail.organization, ("en", "Closed", "Hello {{ contact.favourite_stroke }}"))
    response = sign_in(author.user).post(reverse(ADD), data)
    [errors] = response.context["inline_admin_formsets"][0].formset.errors
    assert "favourite_stroke" in str(errors["text"])


def test_the_base_language_must_be_written(author, mail):
    response = sign_in(author.user).post(reverse(ADD), form(mail.organization, ("es", "Cerrada", "Hola")))
    assert "base language, English" in response.content.decode()


def test_bare_addresses_are_taken_one_per_line(author, mail):
    sign_in(author.user).post(reverse(ADD), form(mail.organization, addresses="joe@example.com\n+34600111222\n"))
    assert Broadcast.objects.get().addresses == ["mailto:joe@example.com", "tel:+34600111222"]


def test_a_template_fills_in_what_nobody_wrote(author, mail):
    template = Template.objects.create(organization=mail.organization, name="Closing days")
    TemplateTranslation.objects.create(template=template, language="en", subject="Closed", text="We are closed.")
    sign_in(author.user).post(reverse(ADD), form(mail.organization, ("", "", ""), template=template.pk))
    assert MessageTranslation.objects.get().text == "We are closed."


def test_a_draft_can_be_changed_on_the_same_page(author, draft):
    one = MessageTranslation.objects.get()
    data = form(draft.organization, ("en", "Open again", "Hello"), name="Open again")
    data |= content(("en", "Open again", "Hello"), ("es", "Abierta", "Hola"), initial=1, ids=[one.pk])
    sign_in(author.user).post(change(draft), data)
    draft.refresh_from_db()
    assert draft.name == "Open again"
    assert next(iter(MessageTranslation.objects.values_list("pk", "subject"))) == (one.pk, "Open again")
    assert Message.objects.get().translations.count() == 2


def test_a_segment_of_another_organization_cannot_be_chosen(author, mail, elsewhere):
    foreign = Segment.objects.create(organization=elsewhere, name="Theirs")
    response = sign_in(author.user).post(reverse(ADD), form(mail.organization, segments=[foreign.pk]))
    assert "segments" in response.context["adminform"].form.errors


def test_once_sending_began_everything_is_read_only(sender, mail):
    broadcast, _ = make_log(mail, ("sent", "pending"), status="SENDING")
    response = sign_in(sender.user).get(change(broadcast))
    assert not response.context["has_change_permission"]
    page = response.content.decode()
    fields = {"name", "use_case", *response.context["adminform"].form.fields}
    assert [name for name in sorted(fields) if f'name="{name}"' in page] == []
    assert 'name="translations-0-text"' not in page
    assert "Hello {{ contact.name }}" in page


def test_a_form_that_comes_too_late_changes_nothing_and_says_so(author, mail):
    broadcast, _ = make_log(mail, ("sent", "pending"), status="SENDING")
    client = sign_in(author.user)
    response = client.post(change(broadcast), form(mail.organization, name="Too late"), follow=True)
    assert "Nothing was saved" in response.content.decode()
    broadcast.refresh_from_db()
    assert broadcast.name == "Pool closed"


def test_a_sent_broadcast_cannot_be_deleted(admin, mail):
    broadcast, _ = make_log(mail)
    address = reverse("admin:broadcasts_broadcast_delete", args=[broadcast.pk])
    assert sign_in(admin.user).post(address, {"post": "yes"}).status_code == 403


def test_a_draft_can_be_deleted_after_a_question(author, draft):
    client = sign_in(author.user)
    address = reverse("admin:broadcasts_broadcast_delete", args=[draft.pk])
    assert client.get(address).status_code == 200
    client.post(address, {"post": "yes"})
    assert not Broadcast.objects.exists()


def test_a_scheduled_broadcast_keeps_its_time_when_its_words_change(author, draft):
    draft.status, draft.scheduled_at = "SCHEDULED", "2030-01-01T09:00Z"
    draft.due_from = draft.scheduled_at
    draft.save()
    one = MessageTranslation.objects.get()
    data = form(draft.organization, name="Later", scheduled_at_0="", scheduled_at_1="")
    data |= content(("en", "Later", "Hello"), initial=1, ids=[one.pk])
    sign_in(author.user).post(change(draft), data)
    draft.refresh_from_db()
    assert draft.name == "Later"
    assert draft.scheduled_at.year == 2030


def test_many_chosen_contacts_are_counted_and_not_offered_one_by_one(author, draft):
    contacts = make_contacts(draft.organization, 101)
    draft.contacts.set(contacts)
    assert "101 contacts, too many to edit here" in sign_in(author.user).get(change(draft)).content.decode()


def test_a_further_channel_is_a_message_of_its_own(author, draft, mail):
    data = {"broadcast": draft.pk, "channel": mail.pk, "position": 1, "syntax": "plain"}
    data |= {"translations-TOTAL_FORMS": 1, "translations-INITIAL_FORMS": 0, "translations-0-language": "en"}
    sign_in(author.user).post(reverse("admin:broadcasts_message_add"), data | {"translations-0-text": "Closed"})
    assert draft.messages.count() == 2


def test_the_second_language_of_a_template_comes_with_it_and_so_does_its_syntax(author, mail):
    template = Template.objects.create(organization=mail.organization, name="Closing days", syntax="plain")
    for place, language in enumerate(("en", "es")):
        TemplateTranslation.objects.create(template=template, language=language, text=language, position=place)
    sign_in(author.user).post(reverse(ADD), form(mail.organization, ("", "", ""), template=template.pk))
    message = Message.objects.get()
    assert (message.template, message.syntax) == (template, "plain")
    assert list(message.translations.values_list("language", "text")) == [("en", "en"), ("es", "es")]


def test_another_template_leaves_what_was_written(author, draft):
    template = Template.objects.create(organization=draft.organization, name="Closing days")
    one = MessageTranslation.objects.get()
    data = form(draft.organization, template=template.pk) | content(
        ("en", one.subject, one.text), initial=1, ids=[one.pk]
    )
    sign_in(author.user).post(change(draft), data)
    assert Message.objects.get().template == template
    assert MessageTranslation.objects.get().text == one.text


def test_what_only_the_whole_draft_shows_is_told_next_to_its_field_too(author, draft, monkeypatch):
    def refuse(*given, **kwargs):
        raise InvalidInput({"addresses": "Nobody lives there any more."})

    monkeypatch.setattr(drafting.saving, "validate", refuse)
    one = MessageTranslation.objects.get()
    data = form(draft.organization, name="Another") | content(("en", "Changed", "Hello"), initial=1, ids=[one.pk])
    response = sign_in(author.user).post(change(draft), data)
    assert response.context["adminform"].form.errors == {"addresses": ["Nobody lives there any more."]}
    one.refresh_from_db()
    draft.refresh_from_db()
    assert draft.name != "Another" and one.subject != "Changed"


def test_the_audit_tells_once_what_was_changed_on_the_page(author, draft, mail):
    one = MessageTranslation.objects.get()
    data = form(draft.organization, name="Open again", use_case=draft.use_case, channel=mail.pk)
    data |= content(("en", one.subject, one.text), initial=1, ids=[one.pk])
    sign_in(author.user).post(change(draft), data)
    entry = AuditEntry.objects.get(model="broadcast", act="change")
    assert entry.user == author.user
    assert "name" in entry.detail["fields"] and "messages" not in entry.detail["fields"]


def test_a_further_message_keeps_its_place_and_goes_without_the_others(author, draft, mail):
    signed_in = sign_in(author.user)
    data = {"broadcast": draft.pk, "channel": mail.pk, "position": 1, "syntax": "plain"}
    data |= {"translations-TOTAL_FORMS": 1, "translations-INITIAL_FORMS": 0, "translations-0-language": "en"}
    signed_in.post(reverse("admin:broadcasts_message_add"), data | {"translations-0-text": "Closed"})
    first, second = draft.messages.all()
    assert first.translations.get().text != "Closed" and second.translations.get().text == "Closed"
    signed_in.post(reverse("admin:broadcasts_message_delete", args=[second.pk]), {"post": "yes"})
    assert list(draft.messages.all()) == [first]
