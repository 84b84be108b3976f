"""What the words STOP, START and HELP do to consents."""

import pytest

from broadcasts import consenting, stats
from broadcasts.models import (
    Consent,
    ConsentChange,
    Delivery,
    Inbound,
    Suppression,
)
from broadcasts.receiving.keywords import keyword_of
from tests.make import make_broadcast, make_contact
from tests.replies.texts import Texts, copy, reasons, say, states
from tests.sending.steps import send


@pytest.mark.parametrize(
    ("text", "keyword"),
    [
        ("STOP", "stop"),
        (" Stop. ", "stop"),
        ("“stop!” 🛑", "stop"),
        ("opt-out", "stop"),
        ("Opt  out", "stop"),
        ("ARRÊT", "stop"),
        ("Baja", "stop"),
        ("unstop", "start"),
        ("Hilfe?", "help"),
        ("please stop", None),
        ("stopover", None),
        ("", None),
        ("stop " * 50, None),
    ],
)
def test_a_text_is_a_keyword_as_a_whole_only(text, keyword):
    assert keyword_of(text) == keyword


def test_stop_withdraws_everything_on_the_medium_and_is_confirmed_once(channel, joe):
    for _ in range(2):
        say(channel, "Stop")
    states = set(Consent.objects.filter(contact=joe).values_list("medium", "use_case", "state"))
    assert states == {("sms", "marketing", "withdrawn"), ("sms", "general", "withdrawn")}
    assert reasons() == [("stop", "")]
    assert [(one.address, one.sender) for one in Texts.sent] == [("34600111222", "4711")]
    assert ConsentChange.objects.first().evidence["text"] == "Stop"


def test_the_copy_that_stop_answers_is_where_the_person_unsubscribed(channel, joe):
    row = copy(channel, joe)
    say(channel, "STOP")
    row.refresh_from_db()
    assert (row.unsubscribed_at, row.replied_at) == (Inbound.objects.get().at,) * 2
    assert stats.message_counts([row.message])[row.message_id]["unsubscribed"] == 1
    assert row.events.get(type="unsubscribed").detail["source"] == "Texts: STOP"
    assert reasons() == [("stop", "")]  # START can take it back


def test_other_replies_unsubscribe_nobody(channel, joe):
    row = copy(channel, joe)
    for text in ("START", "HELP", "please stop"):
        say(channel, text)
    row.refresh_from_db()
    assert row.replied_at and row.unsubscribed_at is None


def test_a_stop_from_another_address_that_names_a_copy_stops_that_address_only(channel, joe):
    row = copy(channel, joe)
    row.provider_refs.create(channel=channel, provider_id="p1")
    say(channel, "STOP", address="34600999999", answers="p1")
    row.refresh_from_db()
    assert (Inbound.objects.get().delivery, row.unsubscribed_at) == (row, None)
    assert list(Suppression.objects.values_list("address", flat=True)) == ["34600999999"]
    assert not Consent.objects.exists()


@pytest.mark.parametrize("address", ["+34 600 111 222", "US.1349", "34600777777"])
def test_a_stop_from_the_persons_own_address_that_names_a_copy_stops_the_person(channel, joe, address):
    joe.whatsapp_id = "US.1349"
    joe.save()
    row = copy(channel, joe, address="+34600777777")  # which was Joe's
    row.provider_refs.create(channel=channel, provider_id="p1")
    say(channel, "STOP", address=address, answers="p1")
    assert Consent.objects.get(contact=joe, use_case="general").state == "withdrawn"


def test_not_even_general_messages_reach_who_said_stop(channel, joe):
    make_contact(joe.organization, phone="+34600999999")
    say(channel, "STOP")
    send(make_broadcast(channel, use_case="general"))
    assert Delivery.objects.get(contact=joe).reason == "suppressed"
    assert [one.address for one in Texts.sent] == ["34600111222", "+34600999999"]  # the answer, and a copy to another
    say(channel, "START")
    send(make_broadcast(channel, use_case="general"))
    assert Delivery.objects.filter(contact=joe).latest("pk").status == "sent"


def test_stop_of_somebody_unknown_suppresses_the_address_and_is_confirmed(channel, club):
    say(channel, "STOP")
    assert reasons() == [("stop", "")] and len(Texts.sent) == 1
    assert not Consent.objects.exists()


def test_start_gives_back_what_stop_took_and_no_more(channel, joe, club):
    for use_case in ("marketing", "general"):
        Suppression.objects.create(
            organization=club, medium="sms", address=joe.phone, address_hash=joe.phone_hash, reason="manual"
        ) if use_case == "general" else None
    consenting.grant(joe, "sms", "marketing", source="form", evidence={})
    for text in ("STOP", "START", "START"):
        say(channel, text)
    assert states() == {"marketing": "granted", "general": "unknown"}
    assert reasons() == [("manual", "")]
    assert [(one.use_case, one.state) for one in ConsentChange.objects.filter(source="Texts: START")] == [
        ("general", "unknown"),
        ("marketing", "granted"),
    ]


def test_stop_and_start_make_no_consent_that_never_was(channel, joe):
    consenting.ask(joe, "sms", "marketing", source="form", evidence={})
    for text in ("STOP", "START", "STOP", "START"):
        say(channel, text)
    assert states() == {"marketing": "pending", "general": "unknown"}
    assert not ConsentChange.objects.filter(state="granted").exists()


@pytest.mark.parametrize("acts", [["no", "STOP", "START"], ["STOP", "no", "START"]])
def test_start_leaves_a_no_that_was_said_elsewhere(channel, joe, acts):
    for use_case in ("marketing", "general"):
        consenting.grant(joe, "sms", use_case, source="form", evidence={})
    for act in acts:
        if act == "no":
            consenting.withdraw(joe, "sms", "marketing", source="page", evidence={})
        else:
            say(channel, act)
    assert states() == {"marketing": "withdrawn", "general": "granted"}
    assert reasons() == [("unsubscribe", "marketing")]


def test_start_without_a_stop_is_an_ordinary_reply(channel, joe):
    say(channel, "START")
    assert not Consent.objects.exists() and not Texts.sent and Inbound.objects.count() == 1
