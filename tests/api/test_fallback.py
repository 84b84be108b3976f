"""The channel policy `fallback` over the API."""

import pytest
from django.utils import timezone

from broadcasts.models import Batch, Channel, Delivery
from tests.make import make_broadcast, make_contact

from .conftest import URL

POLICY = {"channel_policy": "fallback", "fallback_fact": "delivered", "fallback_minutes": 10}


@pytest.fixture
def sms(club):
    return Channel.objects.create(organization=club, name="SMS", kind="console", address_field="phone")


@pytest.fixture
def both(mail, sms):
    """What a broadcast says by mail, and else by text."""
    content = {"translations": {"en": {"subject": "Closed", "text": "Closed"}}}
    return [{"channel": str(channel.uuid), **content} for channel in (mail, sms)]


def shown(answer):
    names = ("channel_policy", "fallback_fact", "fallback_minutes", "fallback_unknown")
    return [answer.json()[name] for name in names]


def test_the_policy_is_written_and_read(api, both):
    made = api.post(URL, {"messages": both, "query": {"all_users": True}, **POLICY, "fallback_unknown": True})
    assert shown(made) == ["fallback", "delivered", 10, True]
    only_failures = {"fallback_fact": None, "fallback_minutes": None}
    assert shown(api.patch(f"{URL}{made.json()['uuid']}/", only_failures)) == ["fallback", None, None, True]


def test_another_policy_leaves_nothing_of_it(api, draft):
    made = draft(**POLICY)
    assert shown(api.patch(f"{URL}{made['uuid']}/", {"channel_policy": "every"})) == ["every", None, None, False]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"fallback_minutes": None}, "fallback_minutes"),
        ({"fallback_minutes": 0}, "fallback_minutes"),
        ({"fallback_minutes": 10_081}, "fallback_minutes"),
        ({"fallback_fact": None}, "fallback_fact"),
        ({"fallback_fact": "clicked"}, "fallback_fact"),
        ({"channel_policy": "first"}, "fallback_fact"),
    ],
)
def test_what_contradicts_itself_is_refused_by_its_field(api, fields, field):
    asked = {"subject": "Closed", "body": "Closed", "query": {"all_users": True}, **POLICY, **fields}
    answer = api.post(URL, asked)
    assert answer.status_code == 400
    assert field in answer.json()


def test_a_fact_that_is_not_reported_is_refused_when_it_is_sent(api, both, club):
    make_contact(club)
    made = api.post(URL, {"messages": both, "query": {"all_users": True}, **POLICY}).json()
    for act, asked in (("send", {}), ("schedule", {"scheduled_at": "2030-01-01T09:00:00Z"})):
        answer = api.post(f"{URL}{made['uuid']}/{act}/", asked)
        assert (answer.status_code, list(answer.json())) == (400, ["fallback_fact"])


def test_the_estimate_shows_who_could_fall_back(api, both, club):
    make_contact(club, phone="+34600111222")
    made = api.post(URL, {"messages": both, "query": {"all_users": True}, "channel_policy": "fallback"}).json()
    found = api.post(f"{URL}{made['uuid']}/estimate/").json()
    assert (found["per_channel"], found["fallback_per_channel"]) == ({"Newsletter": 1, "SMS": 0}, {"SMS": 1})


def test_the_log_links_the_copies_of_a_chain_in_both_directions(api, mail, sms):
    broadcast = make_broadcast(mail, status="SENT", channel_policy="fallback")
    second = broadcast.messages.create(channel=sms, position=1)
    ann = make_contact(mail.organization, phone="+34600000001")
    failed = Delivery.objects.create(message=broadcast.messages.first(), contact=ann, status="failed", error="550 no")
    sent = Delivery.objects.create(
        message=second, contact=ann, status="sent", sent_at=timezone.now(), replaces=failed.pk
    )
    Batch.objects.create(message=broadcast.messages.first(), state="done", total=1, failed=1)
    Batch.objects.create(message=second, state="done", total=1, sent=1, fallbacks=1, repeats=1)
    first, last = api.get(f"{URL}{broadcast.uuid}/logs/").json()
    assert (first["replaces"], first["replaced_by"]) == (None, last["key"])
    assert (last["replaces"], last["replaced_by"]) == (first["key"], None)
    for path in (f"{URL}{broadcast.uuid}/logs/", "/api/deliveries/"):
        assert [row["key"] for row in api.get(path, {"fallback": "true"}).json()] == [last["key"]]
    told = api.get(f"/api/contacts/{ann.uuid}/explain/", {"broadcast": str(broadcast.uuid)}).json()
    assert "It failed on Newsletter, so it was sent by SMS." in told["sentence"]
    assert told["verdict"] == "sent" and sent.pk
    counts = api.get(f"{URL}{broadcast.uuid}/").json()["counts"]
    assert (counts["contacts"], counts["recipients"], counts["fallbacks"], counts["failed"]) == (1, 1, 1, 1)
