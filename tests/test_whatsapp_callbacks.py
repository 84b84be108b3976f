"""What WhatsApp calls back: of copies, of replies and of templates, signed with the secret of the app."""

import hmac
import json

import pytest
from django.test import Client

from broadcasts import links, receiving
from broadcasts.models import Channel, Consent, Inbound, ProviderRef, TemplateTranslation
from broadcasts.transports import CallbackRequest
from broadcasts.transports.whatsapp import WhatsApp
from tests.cloud_api import SETTINGS
from tests.make import make_broadcast, make_contact, make_delivery, path_of

AT = "1793534400"  # 2026-11-01 12:00 UTC


@pytest.fixture
def channel(club):
    made = Channel(organization=club, name="WhatsApp", kind="whatsapp")
    made.configure(SETTINGS)
    made.save()
    return made


@pytest.fixture
def joe(club):
    return make_contact(club, whatsapp_id="34600111222", full_name="Joe")


@pytest.fixture
def delivery(channel, joe):
    """A copy that WhatsApp knows as wamid.1."""
    delivery = make_delivery(make_broadcast(channel), joe, address=joe.whatsapp_id)
    ProviderRef.objects.create(delivery=delivery, channel=channel, provider_id="wamid.1")
    return delivery


def change(field="messages", **value):
    about = {"messaging_product": "whatsapp", "metadata": {"phone_number_id": SETTINGS["phone_number_id"]}}
    value = about | value if field == "messages" else value
    return {
        "object": "whatsapp_business_account",
        "entry": [{"id": "2040", "changes": [{"field": field, "value": value}]}],
    }


def status(word, **more):
    told = {"id": "wamid.1", "status": word, "timestamp": AT, "recipient_id": "34600111222", **more}
    return change(statuses=[told])


def message(**content):
    return change(messages=[{"from": "34600111222", "id": "wamid.r1", "timestamp": AT, **content}])


@pytest.fixture
def call(channel):
    def call(told, secret=SETTINGS["app_secret"]):
        body = json.dumps(told).encode()
        signature = "sha256=" + hmac.new(secret.encode(), body, "sha256").hexdigest()
        headers = {"X-Hub-Signature-256": signature}
        response = Client().post(path_of(channel), body, "application/json", headers=headers)
        receiving.apply_due()
        return response

    return call


def parsed(told):
    return WhatsApp(SETTINGS).parse(CallbackRequest("POST", "https://us.example/", {}, json.dumps(told).encode()))


def test_the_handshake_answers_the_challenge_to_our_own_words_only(channel):
    path = f"{path_of(channel)}?hub.mode=subscribe&hub.challenge=115&hub.verify_token="
    assert Client().get(f"{path}our%20words").content == b"115"
    assert Client().get(f"{path}other").status_code in (401, 403)


def test_a_forged_call_is_refused(call, delivery):
    assert call(status("delivered"), secret="guessed").status_code in (401, 403)
    delivery.refresh_from_db()
    assert delivery.delivered_at is None


def test_without_an_app_secret_nothing_is_believed():
    request = CallbackRequest("POST", "", {"x-hub-signature-256": "sha256=" + hmac.new(b"", b"", "sha256").hexdigest()})
    assert not WhatsApp({**SETTINGS, "app_secret": ""}).verify(request)


@pytest.mark.parametrize(("word", "fact"), [("delivered", "delivered"), ("read", "opened")])
def test_a_status_is_a_fact_of_its_copy(call, delivery, word, fact):
    assert call(status(word)).status_code == 200
    delivery.refresh_from_db()
    assert getattr(delivery, f"{fact}_at").timestamp() == int(AT)


def test_a_copy_whose_id_was_lost_with_its_worker_is_known_by_its_key(call, delivery):
    ProviderRef.objects.all().delete()
    call(status("delivered", biz_opaque_callback_data=links.delivery_token(delivery.pk)))
    delivery.refresh_from_db()
    assert delivery.delivered_at and ProviderRef.objects.get().provider_id == "wamid.1"


def test_the_key_of_another_channels_copy_is_of_no_use(call, delivery, mail):
    ProviderRef.objects.all().delete()
    other = make_delivery(make_broadcast(mail), make_contact(mail.organization, "bo@example.com"))
    call(status("delivered", biz_opaque_callback_data=links.delivery_token(other.pk)))
    other.refresh_from_db()
    assert other.delivered_at is None


def test_a_stop_that_names_its_copy_is_obeyed_from_a_number_that_is_written_otherwise(call, delivery, joe):
    stop = {"type": "text", "text": {"body": "STOP"}, "context": {"id": "wamid.1"}}
    call(change(messages=[{"from": "521600111222", "id": "wamid.r1", "timestamp": AT, **stop}]))
    assert set(joe.consents.values_list("state", flat=True)) == {"withdrawn"}


def test_a_failure_after_acceptance_is_a_bounce_with_its_code_that_suppresses_nobody(call, delivery, club):
    errors = [{"code": 131026, "title": "Message undeliverable", "error_data": {"details": "No account"}}]
    call(status("failed", errors=errors))
    delivery.refresh_from_db()
    assert delivery.bounced_at
    event = delivery.events.get()
    assert event.detail == {"code": "131026", "title": "Message undeliverable", "details": "No account"}
    assert not club.suppressions.exists()


def test_who_stopped_marketing_is_told_by_a_failure_too(call, delivery):
    call(status("failed", errors=[{"code": 131050, "title": "Stopped"}]))
    delivery.refresh_from_db()
    assert delivery.unsubscribed_at
    assert Consent.objects.get().state == "withdrawn"


def test_a_status_names_the_number_it_concerns():
    [event] = parsed(status("sent")).events
    assert (event.type, event.account) == ("sent", "1065")


def test_a_status_that_is_new_to_us_is_passed_over():
    assert parsed(status("deleted")).events == []


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ({"type": "text", "text": {"body": "STOP"}}, "STOP"),
        ({"type": "button", "button": {"payload": "yes-1", "text": "Yes"}}, "Yes"),
        (
            {
                "type": "interactive",
                "interactive": {"type": "button_reply", "button_reply": {"id": "1", "title": "No"}},
            },
            "No",
        ),
        (
            {"type": "interactive", "interactive": {"type": "list_reply", "list_reply": {"id": "1", "title": "Two"}}},
            "Two",
        ),
        (
            {"type": "interactive", "interactive": {"type": "nfm_reply", "nfm_reply": {"response_json": '{"a": 1}'}}},
            '{"a": 1}',
        ),
        ({"type": "image", "image": {"id": "1", "caption": "Look"}}, "Look"),
        ({"type": "reaction", "reaction": {"message_id": "wamid.1", "emoji": "👍"}}, "👍"),
        ({"type": "location", "location": {"latitude": 1, "longitude": 2}}, ""),
        ({"type": "unsupported", "errors": [{"code": 131051}]}, ""),
    ],
)
def test_each_type_of_reply_has_its_words(content, text):
    [reply] = parsed(message(**content)).replies
    assert (reply.text, reply.address, reply.account) == (text, "34600111222", "1065")


def test_a_reply_is_stored_with_the_copy_that_it_answers(call, channel, delivery, joe):
    call(message(type="text", text={"body": "See you\0"}, context={"id": "wamid.1"}))
    call(message(type="text", text={"body": "See you"}, context={"id": "wamid.1"}))
    reply = Inbound.objects.get()
    assert (reply.contact, reply.delivery, reply.text) == (joe, delivery, "See you")
    delivery.refresh_from_db()
    assert delivery.replied_at.timestamp() == int(AT)


def test_a_person_who_hides_the_number_is_known_by_the_id_of_the_business(call, club):
    ana = make_contact(club, whatsapp_id="US.13491208655302741918")
    call(change(messages=[{"from_user_id": ana.whatsapp_id, "id": "r", "type": "text", "text": {"body": "Hi"}}]))
    assert Inbound.objects.get().contact == ana


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("message_template_status_update", {"event": "PAUSED", "reason": "LOW_QUALITY"}, ("PAUSED", "", "")),
        ("message_template_status_update", {"event": "REINSTATED", "reason": "NONE"}, ("APPROVED", "", "")),
        ("message_template_quality_update", {"new_quality_score": "RED"}, ("", "RED", "")),
        ("template_category_update", {"new_category": "UTILITY"}, ("", "", "UTILITY")),
    ],
)
def test_news_of_a_template(field, value, expected):
    about = {"message_template_id": 594, "message_template_name": "offer", "message_template_language": "en_US"}
    [news] = parsed(change(field, **about, **value)).templates
    assert (news.status, news.quality, news.category) == expected
    assert (news.provider_id, news.language) == ("594", "en_US")


def test_news_of_a_template_are_stored_with_it(call, channel):
    template = channel.organization.templates.create(name="offer", medium="whatsapp", channel=channel)
    TemplateTranslation.objects.create(template=template, language="en", provider_id="594", status="APPROVED")
    news = {"message_template_id": 594, "event": "DISABLED", "reason": "ABUSIVE_CONTENT"}
    assert call(change("message_template_status_update", **news)).status_code == 200
    stored = TemplateTranslation.objects.get()
    assert (stored.status, stored.status_reason) == ("DISABLED", "ABUSIVE_CONTENT")


def test_what_we_did_not_ask_for_is_passed_over(call):
    assert call(change("account_update", event="VERIFIED_ACCOUNT")).status_code == 200


@pytest.mark.parametrize("told", [{}, {"entry": [{"changes": [{"field": "messages", "value": {}}]}]}, []])
def test_a_call_of_another_shape_is_an_error(call, told):
    assert call(told).status_code == 400
