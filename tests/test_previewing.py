"""Content that is not saved, rendered for one contact as the live preview and the API show it."""

import pytest

from broadcasts import links
from broadcasts.exceptions import InvalidInput
from broadcasts.models import Broadcast, Channel, Delivery, Message, MessageTranslation, Syntax
from broadcasts.previewing import render_unsaved, unsaved_message

from .make import make_contact

EN = {"subject": "Hello {{ contact.first_name }}", "html": "<p>Dear {{ contact.name }}</p>"}


@pytest.fixture
def ann(club):
    return make_contact(club, "ann@example.com", full_name="Ann Lee", language="en")


def test_shows_what_a_contact_would_get(club, mail, ann):
    shown = render_unsaved(unsaved_message(club), {"en": EN | {"preheader": "News"}}, ann)
    assert (shown.subject, shown.preheader, shown.address) == ("Hello Ann", "News", "ann@example.com")
    assert "Dear Ann Lee" in shown.html
    assert "Dear Ann Lee" in shown.text
    assert shown.errors == {}


def test_stores_nothing(club, mail, ann):
    render_unsaved(unsaved_message(club), {"en": EN}, ann)
    assert not Broadcast.objects.exists()
    assert not Message.objects.exists()
    assert not MessageTranslation.objects.exists()
    assert not Delivery.objects.exists()


def test_shows_the_language_of_the_contact_or_the_one_asked_for(club, mail, ann):
    both = {"en": EN, "es": {"subject": "Hola", "text": "Hola"}}
    assert render_unsaved(unsaved_message(club), both, ann).language == "en"
    assert render_unsaved(unsaved_message(club), both, ann, "es").subject == "Hola"


def test_an_error_in_one_field_leaves_the_others_to_see(club, mail, ann):
    shown = render_unsaved(unsaved_message(club), {"en": EN | {"subject": "Hi {{ contact.nam }}"}}, ann)
    assert "did you mean contact.name?" in shown.errors["subject"]
    assert "Dear Ann Lee" in shown.html


def test_an_error_with_the_values_of_this_contact_is_told_at_its_field(club, mail, ann):
    make_contact(club, "bob@example.com", attributes={"age": 1})
    content = {"en": EN | {"html": "<p>{{ 1 | divided_by: contact.zero }}</p>"}}
    club.attributes.create(key="zero", type="number")
    ann.attributes = {"zero": 0}
    shown = render_unsaved(unsaved_message(club), content, ann)
    assert shown.errors["html"].startswith("line 1: ")
    assert shown.subject == "Hello Ann"


def test_the_source_is_the_mail_with_its_headers(club, mail, ann):
    shown = render_unsaved(unsaved_message(club), {"en": EN}, ann)
    assert "Subject: Hello Ann" in shown.headers
    assert "To: Ann Lee <ann@example.com>" in shown.headers
    assert "Content-Type: text/html" in shown.source


def test_a_person_without_an_address_is_shown_all_the_same(club, mail):
    shown = render_unsaved(unsaved_message(club), {"en": EN}, make_contact(club, "", full_name="Bo"))
    assert shown.subject == "Hello Bo"
    assert shown.warnings == ["This person has no address on this channel, and would be left out."]


def test_an_sms_is_counted_in_segments(club, ann):
    sms = Channel.objects.create(organization=club, name="Texts", kind="sms", from_address="Club")
    shown = render_unsaved(unsaved_message(club, channel=sms), {"en": {"text": "a" * 161}}, ann)
    assert (shown.sms.segments, shown.sms.encoding) == (2, "gsm")


def test_a_webhook_shows_its_document(club, ann):
    hook = Channel.objects.create(organization=club, name="Hook", kind="webhook", settings={"url": "https://a.example"})
    shown = render_unsaved(unsaved_message(club, channel=hook), {"en": {"text": "Hello"}}, ann)
    assert '"text": "Hello"' in shown.source
    assert shown.headers == ""


def test_whatsapp_shows_a_bubble(club, ann):
    phone = Channel.objects.create(organization=club, name="WhatsApp", kind="whatsapp")
    shown = render_unsaved(unsaved_message(club, channel=phone), {"en": {"text": "Hi {{ contact.name }}"}}, ann)
    assert shown.bubble.body == "Hi Ann Lee"


def test_expressions_are_listed_with_what_they_give(club, mail, ann):
    message = unsaved_message(club, syntax=Syntax.EXPRESSIONS)
    shown = render_unsaved(message, {"en": {"subject": "Hi", "text": "@contact.name @(nothing(1))"}}, ann)
    assert [one.text for one in shown.expressions] == ["Ann Lee", ""]
    assert shown.warnings[0].startswith("text: line 1, column")


def test_a_template_over_budget_is_refused_in_its_words(club, mail, ann):
    loop = "{% for a in (1..9000) %}{% for b in (1..9000) %}x{% endfor %}{% endfor %}"
    shown = render_unsaved(unsaved_message(club), {"en": EN | {"text": loop}}, ann)
    assert "steps for one copy" in shown.errors["text"]


def test_a_language_that_is_none_is_refused(club, mail, ann):
    with pytest.raises(InvalidInput, match="BCP 47"):
        render_unsaved(unsaved_message(club), {"english please": EN}, ann)


def test_its_personal_links_have_no_effect(club, mail, ann):
    content = {"en": EN | {"html": '<a href="{{ unsubscribe_url }}">out</a>'}}
    shown = render_unsaved(unsaved_message(club, use_case="marketing"), content, ann)
    assert f'<a href="{links.unsubscribe_url(links.delivery_token(links.TEST_SEND))}">' in shown.html
