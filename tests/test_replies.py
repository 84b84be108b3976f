"""Replies: whose they are, what they answer, and what STOP, START and HELP do."""

from datetime import timedelta

import pytest
from django.db.models.functions import Now
from django.utils import timezone

from broadcasts import consenting, contacts, receiving
from broadcasts.models import (
    AutoReply,
    Channel,
    Consent,
    ConsentChange,
    Delivery,
    DeliveryEvent,
    Inbound,
    StoredCall,
    Suppression,
)
from broadcasts.receiving import answering, applying
from broadcasts.receiving.keywords import keyword_of
from broadcasts.transports import TRANSPORTS, Callback, Event, InboundMessage, Receipt, Transport, TransportError
from tests.make import make_broadcast, make_contact, make_delivery
from tests.sending.steps import send
from tests.sending.test_concurrency import at_once


class Texts(Transport):
    """An SMS gateway."""

    kind = "texts"
    label = "Texts"
    medium = "sms"
    calls_back = True
    sent: list = []
    error: TransportError | None = None

    def deliver(self, envelope):
        if Texts.error:
            raise Texts.error
        Texts.sent.append(envelope)
        return Receipt()


@pytest.fixture
def channel(club, monkeypatch):
    monkeypatch.setitem(TRANSPORTS, "texts", f"{__name__}.Texts")
    monkeypatch.setattr(Texts, "sent", [])
    return Channel.objects.create(organization=club, name="Texts", kind="texts", from_address="4711")


@pytest.fixture
def joe(club):
    return make_contact(club, phone="+34600111222", full_name="Joe")


def say(channel, text, **fields):
    """Do what a worker does with a reply, and send the answers to it."""
    reply = InboundMessage(**{"address": "34600111222", "text": text, "at": timezone.now(), **fields})
    applying.record([applying.Thing(channel, reply)])
    answer()


def answer():
    for pk in set(AutoReply.objects.filter(due_at__lte=timezone.now()).values_list("channel", flat=True)):
        receiving.send_answers(pk)


def copy(channel, joe, days_ago=0.0, **fields):
    """A copy that was sent to Joe so many days ago."""
    sent_at = timezone.now() - timedelta(days=days_ago)
    return make_delivery(make_broadcast(channel), joe, **{"address": joe.phone, "sent_at": sent_at, **fields})


def states():
    return dict(Consent.objects.values_list("use_case", "state"))


def reasons():
    return list(Suppression.objects.order_by("pk").values_list("reason", "use_case"))


# What a reply answers


def test_a_reply_answers_the_last_copy_that_was_sent_to_the_address(channel, joe):
    copy(channel, joe, 3)
    last = copy(channel, joe, 2)
    say(channel, "Yes")
    last.refresh_from_db()
    row = Inbound.objects.get()
    assert (row.delivery, row.broadcast, row.contact) == (last, last.message.broadcast, joe)
    assert last.replied_at


def test_a_reply_that_names_its_copy_answers_that_one(channel, joe):
    named, last = copy(channel, joe, 9), copy(channel, joe)
    named.provider_refs.create(channel=channel, provider_id="p1")
    say(channel, "Yes", answers="p1")
    assert Inbound.objects.get().delivery == named
    last.refresh_from_db()
    assert last.replied_at is None


@pytest.mark.parametrize("fields", [{"days_ago": 8}, {"days_ago": -1}, {"address": "+34600999999"}, {"sent_at": None}])
def test_a_copy_that_is_too_old_later_to_another_address_or_unsent_is_not_answered(channel, joe, fields):
    copy(channel, joe, **fields)
    say(channel, "Yes")
    assert Inbound.objects.get().delivery is None


def test_a_copy_of_another_channel_is_not_answered(channel, joe, mail):
    copy(mail, joe)
    say(channel, "Yes")
    assert Inbound.objects.get().delivery is None


def test_a_second_reply_is_kept_and_sets_the_fact_no_second_time(channel, joe):
    row = copy(channel, joe)
    for text in ("Yes", "Or no"):
        say(channel, text)
    assert Inbound.objects.count() == DeliveryEvent.objects.filter(type="replied").count() == 2
    assert row.message.batches.get().replied == 1


@pytest.mark.django_db(transaction=True)
def test_the_same_reply_taken_in_by_several_at_once_is_one_reply(channel, joe):
    copy(channel, joe)
    reply = InboundMessage("34600111222", "Yes", timezone.now(), provider_id="r1")
    found = at_once(4, lambda: applying.record([applying.Thing(channel, reply)]))
    assert found == [None] * 4
    assert Inbound.objects.count() == DeliveryEvent.objects.filter(type="replied").count() == 1


# Keywords


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


def test_a_stop_from_another_address_that_names_a_copy_stops_that_address_only(channel, joe):
    row = copy(channel, joe)
    row.provider_refs.create(channel=channel, provider_id="p1")
    say(channel, "STOP", address="34600999999", answers="p1")
    assert Inbound.objects.get().delivery == row
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


def test_help_is_answered_in_the_persons_language_some_times_a_day(channel, joe):
    joe.language = "es"
    joe.save()
    for _ in range(5):
        say(channel, "ayuda")
    assert [one.text for one in Texts.sent] == [
        "Swimming Club le envía estos mensajes. Envíe STOP para no recibirlos más."
    ] * 3


def test_a_robot_that_stops_and_starts_gets_few_answers(channel, joe):
    for _ in range(6):
        say(channel, "STOP")
        say(channel, "START")
    assert len(Texts.sent) == 6


def test_an_answer_is_never_sent_twice_and_only_a_refused_one_again(channel, joe, monkeypatch):
    monkeypatch.setattr(Texts, "error", TransportError("busy"))
    say(channel, "HELP")
    row = AutoReply.objects.get()
    assert row.sent_at is None and row.due_at and not Texts.sent
    monkeypatch.setattr(Texts, "error", TransportError("lost", handed_over=True))
    AutoReply.objects.update(due_at=timezone.now() - timedelta(seconds=1))
    answer()
    row.refresh_from_db()
    assert row.sent_at and row.due_at is None and row.error == "lost"


def test_an_answer_that_is_too_late_is_not_sent(channel, joe, monkeypatch):
    monkeypatch.setattr(Texts, "error", TransportError("busy"))
    say(channel, "HELP")
    monkeypatch.setattr(Texts, "error", None)
    AutoReply.objects.update(due_at=timezone.now(), created=timezone.now() - timedelta(minutes=6))
    answer()
    assert not Texts.sent and AutoReply.objects.get().due_at is None


def test_a_worker_that_dies_while_it_sends_an_answer_leaves_it_unsent(channel, joe, monkeypatch):
    monkeypatch.setattr(Texts, "error", KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        say(channel, "HELP")
    monkeypatch.setattr(Texts, "error", None)
    receiving.enqueue_waiting()
    answer()
    assert not Texts.sent


def flood(channel, how_many):
    """Have that many people ask for help."""
    replies = [InboundMessage(f"346001113{n:02}", "HELP", timezone.now()) for n in range(how_many)]
    applying.record([applying.Thing(channel, reply) for reply in replies])


def test_many_answers_of_a_channel_are_one_task(channel, monkeypatch):
    asked = []
    monkeypatch.setattr(answering, "enqueue", lambda *task: asked.append(task))
    monkeypatch.setattr(answering, "queue_is_full", lambda: False)
    flood(channel, 5)
    assert asked == []
    receiving.enqueue_waiting()
    assert asked == [("send_answers", channel.pk)]
    receiving.send_answers(channel.pk)
    receiving.enqueue_waiting()
    assert len(asked) == 1 and len(Texts.sent) == 5


def test_no_answers_are_enqueued_into_a_full_queue(channel, monkeypatch):
    asked = []
    monkeypatch.setattr(answering, "enqueue", lambda *task: asked.append(task))
    monkeypatch.setattr(answering, "queue_is_full", lambda: True)
    flood(channel, 1)
    receiving.enqueue_waiting()
    assert asked == []


def test_one_worker_at_a_time_answers_for_a_channel(channel):
    flood(channel, 2)
    Channel.objects.update(answering_until=timezone.now() + timedelta(seconds=9))
    receiving.send_answers(channel.pk)
    assert not Texts.sent
    Channel.objects.update(answering_until=timezone.now() - timedelta(seconds=1))  # that worker was killed
    receiving.send_answers(channel.pk)
    assert len(Texts.sent) == 2 and Channel.objects.get(pk=channel.pk).answering_until is None


def test_what_a_task_has_no_time_for_stays_due(channel, monkeypatch):
    monkeypatch.setattr(answering, "SECONDS", -1)
    flood(channel, 2)
    answer()
    assert not Texts.sent and AutoReply.objects.filter(due_at__lte=Now(), sent_at=None).count() == 2


def test_an_account_that_is_refused_is_tried_again_later_once_for_all(channel, monkeypatch):
    monkeypatch.setattr(Texts, "error", TransportError("login refused", account=True))
    flood(channel, 3)
    answer()
    assert AutoReply.objects.filter(due_at__gt=Now(), sent_at=None).count() == 3
    assert AutoReply.objects.filter(error="login refused").count() == 1


def test_a_channel_has_so_many_answers_an_hour_and_drops_the_others(channel, monkeypatch):
    monkeypatch.setattr(answering, "MOST_AN_HOUR", 3)
    flood(channel, 5)
    answer()
    assert len(Texts.sent) == 3
    assert AutoReply.objects.filter(due_at=None, error=answering.TOO_MANY).count() == 2
    AutoReply.objects.update(created=timezone.now() - timedelta(hours=2))
    say(channel, "HELP")
    assert len(Texts.sent) == 4


def test_a_blocked_person_is_not_answered(channel, joe):
    joe.status = "blocked"
    joe.save()
    say(channel, "HELP")
    assert not Texts.sent and AutoReply.objects.get().error == "The contact is blocked."


# Once, in any order


def test_what_comes_back_in_any_order_some_of_it_twice_leaves_the_same(channel, joe):
    row = copy(channel, joe)
    row.provider_refs.create(channel=channel, provider_id="p1")
    told = [
        *(Event("p1", type, timezone.now()) for type in ("opened", "delivered", "sent", "failed", "delivered")),
        Event("nobody", "delivered"),
        *[InboundMessage("34600111222", "STOP", timezone.now(), provider_id="r1")] * 2,
    ]
    applying.record([applying.Thing(channel, one) for one in told])
    row.refresh_from_db()
    batch = row.message.batches.get()
    assert (batch.sent, batch.delivered, batch.opened, batch.replied, batch.bounced) == (1, 1, 1, 1, 1)
    assert Inbound.objects.count() == 1 and row.replied_at


@pytest.mark.django_db(transaction=True)
def test_stop_while_two_become_one_is_the_kept_ones_no(channel, joe, club):
    keep = make_contact(club, "ann@example.com")
    copy(channel, joe)
    body = Callback(replies=[InboundMessage("34600111222", "STOP", timezone.now(), provider_id="r1")])
    things = [applying.Thing(channel, one) for one in body.replies]
    acts = [lambda: contacts.merge(keep, [joe]), lambda: applying.record(things)]
    found = at_once(2, lambda: acts.pop()())
    if any(isinstance(one, Exception) for one in found):  # it is tried again
        applying.record(things)
    assert Consent.objects.get(contact=keep, use_case="general").state == "withdrawn"
    assert not StoredCall.objects.exists()


def test_erasing_somebody_forgets_what_came_from_their_address(channel, joe, club):
    Inbound.objects.create(organization=club, channel=channel, address="34600111222", text="Before you knew me")
    StoredCall.objects.create(
        channel=channel, method="POST", url="/", body=b'{"from": "34600111222"}', things=1, due_at=None
    )
    contacts.erase(joe)
    assert not Inbound.objects.exists() and not StoredCall.objects.exists()


@pytest.mark.parametrize(
    ("url", "body"),
    [
        ("/?from=34600111222", b""),
        ("/?who=Joe%40Example.com", b""),
        ("/", b"who=joe%40example.com"),
        ("/", b'{"from": "+34600111222"}'),
    ],
)
def test_erasing_somebody_forgets_calls_that_wait_to_be_applied(channel, joe, url, body):
    joe.email = "Joe@example.com"
    joe.save()
    for one in ({"url": url, "body": body}, {"url": "/?from=34600999999", "body": b"{}"}):
        StoredCall.objects.create(channel=channel, method="POST", things=1, **one)
    contacts.erase(joe)
    assert [call.url for call in StoredCall.objects.all()] == ["/?from=34600999999"]
