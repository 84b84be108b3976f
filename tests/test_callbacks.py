"""What providers call back, through the one address that each channel has."""

import hmac
import json
import math
import sqlite3
from datetime import UTC, datetime, timedelta
from datetime import timezone as Zone
from urllib.parse import urlsplit
from uuid import UUID

import pytest
from django.contrib.sessions.middleware import SessionMiddleware
from django.db import OperationalError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from broadcasts import health, links, receiving, retention, rotating, throttling, tracking
from broadcasts.exceptions import WrongState
from broadcasts.models import AuditEntry, Channel, Delivery, DeliveryEvent, Inbound, ProviderRef, StoredCall
from broadcasts.public import callbacks
from broadcasts.receiving import applying, storing
from broadcasts.transports import TRANSPORTS, Callback, Event, InboundMessage, Transport
from tests.make import make_broadcast, make_contact, make_delivery, path_of
from tests.sending.test_concurrency import at_once

NOON = timezone.now().replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=2)


class Pigeons(Transport):
    """A provider that signs the address and the body, and tells of copies and replies in JSON."""

    kind = "pigeons"
    label = "Pigeons"
    address_field = "phone"
    medium = "sms"
    calls_back = True

    @property
    def account(self):
        return self.settings.get("account", "")

    def signature(self, call):
        return hmac.new(self.settings["secret"].encode(), call.url.encode() + call.body, "sha256").hexdigest()

    def verify(self, call):
        return hmac.compare_digest(call.headers["x-signature"], self.signature(call))

    def parse(self, call):
        if call.method == "GET":
            return Callback(answer=call.url.partition("?challenge=")[2])
        told = json.loads(call.body)
        events = [
            Event(one["id"], one["type"], NOON, one.get("detail", {}), account=one.get("account", ""))
            for one in told.get("events", [])
        ]
        replies = [
            InboundMessage(
                one["from"], one["text"], NOON, one, one.get("id", ""), one.get("to", ""), one.get("account", "")
            )
            for one in told.get("replies", [])
        ]
        return Callback(events, replies)


@pytest.fixture
def channel(club, monkeypatch):
    monkeypatch.setitem(TRANSPORTS, "pigeons", f"{__name__}.Pigeons")
    return Channel.objects.create(organization=club, name="Pigeons", kind="pigeons", secrets={"secret": "coo"})


@pytest.fixture
def joe(club):
    return make_contact(club, phone="+34600111222", full_name="Joe")


@pytest.fixture
def delivery(channel, joe):
    """A copy that the provider knows as p1."""
    delivery = make_delivery(make_broadcast(channel), joe, address=joe.phone)
    ProviderRef.objects.create(delivery=delivery, channel=channel, provider_id="p1")
    return delivery


class Calls:
    """Calls the address of a channel, signed with its secret."""

    def __init__(self, channel, settings):
        self.channel, self.settings = channel, settings
        self.client = Client(enforce_csrf_checks=True)

    def __call__(self, told=None, *, apply=True, body=None, secret="coo", **headers):
        """Call, and do what the queue does then."""
        response = self._call(told, body, secret, headers)
        if apply:
            receiving.apply_due()
        return response

    def _call(self, told, body, secret, headers):
        path = path_of(self.channel)
        body = json.dumps(told).encode() if body is None else body
        signed = f"{self.settings.BASE_URL}{path}".encode() + body
        signature = hmac.new(secret.encode(), signed, "sha256").hexdigest()
        return self.client.post(path, body, "application/json", headers={"X-Signature": signature, **headers})


@pytest.fixture
def call(channel, settings):
    return Calls(channel, settings)


def take_in(channel, told):
    applying.record([applying.Thing(channel, one) for one in (*told.events, *told.replies)])


def delivered(*ids):
    return {"events": [{"id": one, "type": "delivered"} for one in ids]}


def test_what_happened_to_a_copy_becomes_its_fact(call, delivery):
    response = call(delivered("p1"))
    delivery.refresh_from_db()
    assert (response.status_code, response.content) == (200, b"")
    assert delivery.delivered_at == NOON


def test_a_call_twice_is_told_once(call, delivery):
    for _ in range(2):
        assert call(delivered("p1", "p1")).status_code == 200
    assert DeliveryEvent.objects.count() == 1
    assert delivery.message.batches.get().delivered == 1


def test_a_call_needs_no_session_and_leaves_none(call, delivery, django_assert_max_num_queries, settings):
    settings.CALLBACK_MB_PER_HOUR = 0  # its allowance is taken now and then only
    with django_assert_max_num_queries(10):
        response = call(delivered("p1"), apply=False)
    assert not response.cookies
    assert "Cookie" not in response.get("Vary", "")


def test_a_second_call_costs_one_statement(call, delivery, django_assert_num_queries):
    call(delivered("p1"))
    with django_assert_num_queries(1):
        assert call(delivered("p1"), apply=False).status_code == 200


def test_a_call_passes_by_what_only_pages_need(call, delivery, monkeypatch):
    monkeypatch.setattr(SessionMiddleware, "process_request", lambda *args: 1 / 0)
    response = call(delivered("p1"), apply=False)
    assert (response.status_code, response["Cache-Control"]) == (200, "no-store")
    assert response["Content-Length"] == "0"  # so that the provider may use its connection again


def test_an_address_without_its_last_slash_is_still_led_to_the_right_one(channel):
    response = Client().get(path_of(channel).removesuffix("/"))
    assert (response.status_code, response["Location"]) == (301, path_of(channel))


def test_a_challenge_is_answered(channel, settings):
    path = f"{path_of(channel)}?challenge=4711"
    signature = hmac.new(b"coo", f"{settings.BASE_URL}{path}".encode(), "sha256").hexdigest()
    response = Client().get(path, headers={"X-Signature": signature})
    assert (response.status_code, response.content) == (200, b"4711")
    assert response["Content-Type"].startswith("text/plain")


# Who may call


@pytest.mark.parametrize("headers", [{"X-Signature": "00"}, {"X-Signature": "ö"}])
def test_a_bad_signature_is_refused_without_a_reason(call, delivery, headers):
    response = call(delivered("p1"), **headers)
    delivery.refresh_from_db()
    assert (response.status_code, response.content) == (401, b"Unauthorized.")
    assert delivery.delivered_at is None


def test_no_signature_at_all_is_refused_alike(channel):
    response = Client().post(path_of(channel), b"{}", "application/json")
    assert (response.status_code, response.content) == (401, b"Unauthorized.")


def test_a_kind_that_checks_no_signature_takes_no_calls(call, delivery, monkeypatch):
    monkeypatch.setattr(Pigeons, "verify", Transport.verify)
    assert call(delivered("p1")).status_code == 401


def test_a_channel_that_is_not_there_and_one_that_has_no_callbacks_are_not_found(mail, channel):
    for uuid in (mail.uuid, UUID("0190c7a2-0000-7000-8000-000000000000")):
        path = urlsplit(links.callback_url(uuid)).path
        assert Client().post(path, b"{}", "application/json").status_code == 404


@pytest.mark.parametrize("key", ["", "guessed/", "gu%C3%A9ssed/"])
def test_the_uuid_of_a_channel_does_not_tell_its_address(channel, key, monkeypatch):
    monkeypatch.setattr(Pigeons, "verify", lambda transport, call: True)
    assert Client().post(path_of(channel), b"{}", "application/json").status_code == 200
    assert Client().post(f"/callbacks/{channel.uuid}/{key}", b"{}", "application/json").status_code == 404


def test_the_address_of_another_channel_is_of_no_use(channel, mail):
    path = path_of(channel).replace(str(channel.uuid), str(mail.uuid))
    assert links.callback_key(channel.uuid) in path
    assert Client().post(path, b"{}", "application/json").status_code == 404


def test_another_channels_secret_and_another_channels_copies_are_of_no_use(call, delivery, elsewhere, settings):
    other = Channel.objects.create(organization=elsewhere, name="Ours", kind="pigeons", secrets={"secret": "gull"})
    assert call(delivered("p1"), secret="gull").status_code == 401
    assert Calls(other, settings)(delivered("p1"), secret="gull").status_code == 200
    assert not DeliveryEvent.objects.exists()


def test_calls_are_limited_for_each_channel(call, delivery, settings):
    settings.CALLBACKS_PER_HOUR = 2
    assert [call(delivered("p1")).status_code for _ in range(3)] == [200, 200, 429]
    response = call(delivered("p1"))
    assert 0 < int(response["Retry-After"]) <= throttling.HOUR


def test_the_bytes_of_calls_are_limited_for_each_organization(call, delivery, settings):
    settings.CALLBACK_MB_PER_HOUR = 1
    large = {**delivered("p1"), "padding": "x" * 600_000}
    assert [call(large).status_code for _ in range(4)] == [200, 200, 429, 429]
    response = call(delivered("p1"))
    assert response.status_code == 429 and 0 < int(response["Retry-After"]) <= throttling.HOUR


def test_a_new_secret_is_valid_at_once_and_the_earlier_one_soon_not_any_more(call, delivery, monkeypatch):
    assert call(delivered("p1")).status_code == 200
    call.channel.secrets = {"secret": "cooo"}
    call.channel.save()
    assert call(delivered("p1"), secret="cooo").status_code == 200
    assert call(delivered("p1"), secret="coo").status_code == 401


def test_the_settings_of_a_channel_are_known_for_seconds_only(call, delivery, monkeypatch):
    assert call(delivered("p1")).status_code == 200
    Channel.objects.update(secrets={"secret": "cooo"})
    monkeypatch.setattr("broadcasts.receiving.known.SECONDS", 0)
    assert call(delivered("p1"), secret="coo").status_code == 401


@pytest.mark.django_db(transaction=True)
def test_a_channel_that_was_deleted_a_moment_ago_is_not_found(channel, settings):
    call = Calls(channel, settings)
    assert call(delivered("p1")).status_code == 200
    Channel.objects.all().delete()
    assert call(delivered("p1")).status_code == 404
    assert not StoredCall.objects.exists()


# What may be told


def test_too_large_a_call_is_refused_unread(call, delivery, monkeypatch):
    monkeypatch.setattr(callbacks, "LARGEST", 100)
    assert call(body=b"x" * 101).status_code == 413
    assert call(body=json.dumps(delivered("p1")).encode()).status_code == 200


def test_a_call_that_tells_too_much_is_refused(call, delivery, monkeypatch):
    monkeypatch.setattr(callbacks, "MOST", 2)
    assert call(delivered("p1", "p1", "p1")).status_code == 413
    assert call(delivered("p1", "p1")).status_code == 200


def test_a_length_that_is_no_number_is_nothing_to_stumble_over(channel):
    response = Client().post(path_of(channel), b"{}", "application/json", CONTENT_LENGTH="1e9")
    assert response.status_code == 401


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 100_000, b"[]", b'{"events": [{}]}'])
def test_a_call_that_cannot_be_read_is_a_bad_request(call, delivery, body):
    assert call(body=body).status_code == 400


@pytest.mark.parametrize("odd", [{"id": "p1", "type": "exploded"}, {"id": "odd", "type": "delivered"}])
def test_a_fault_in_one_event_loses_none_of_the_others_and_is_tried_again(call, delivery, monkeypatch, odd):
    about = tracking.Report.about

    def stumble(report, delivery):
        if report.place[1] == "odd":
            raise ZeroDivisionError
        return about(report, delivery)

    monkeypatch.setattr(tracking.Report, "about", stumble)
    second = make_delivery(delivery.message.broadcast)
    ProviderRef.objects.create(delivery=second, channel=call.channel, provider_id="odd")
    call({"events": [odd, *delivered("p1")["events"]]})
    delivery.refresh_from_db()
    row = StoredCall.objects.get()
    assert delivery.delivered_at == NOON
    assert (row.left, row.attempts) == ([0], 1) and row.due_at > timezone.now()


def test_what_could_not_be_applied_is_applied_later_and_the_call_forgotten(call, delivery, monkeypatch):
    with monkeypatch.context() as broken:
        broken.setattr(tracking.Report, "about", lambda *args: 1 / 0)
        call(delivered("p1"))
    StoredCall.objects.update(due_at=timezone.now() - timedelta(seconds=1))
    receiving.apply_due()
    delivery.refresh_from_db()
    assert delivery.delivered_at == NOON and not StoredCall.objects.exists()


def test_a_call_that_fails_ever_again_is_given_up_and_deleted_by_retention(call, delivery, monkeypatch):
    monkeypatch.setattr(tracking.Report, "about", lambda *args: 1 / 0)
    call(delivered("p1"), apply=False)
    for _ in range(len(applying.DELAYS) + 1):
        StoredCall.objects.update(due_at=timezone.now() - timedelta(seconds=1))
        receiving.apply_due()
    assert StoredCall.objects.get().due_at is None
    assert "ZeroDivisionError" in next(health.calls()).message
    StoredCall.objects.update(created=timezone.now() - timedelta(days=8))
    assert retention.prune()["calls of providers"] == 1 and not StoredCall.objects.exists()


def test_an_outage_has_the_provider_call_again(call, delivery, monkeypatch):
    busy = sqlite3.OperationalError("database is locked")
    busy.sqlite_errorcode = sqlite3.SQLITE_BUSY

    def locked(rows):
        raise OperationalError from busy

    monkeypatch.setattr(storing.stored, "_run", locked)
    response = call(delivered("p1"), apply=False)
    assert response.status_code == 503
    assert response["Retry-After"]


def test_a_good_call_is_stored_whole_in_one_insert_and_answered(call, delivery):
    with CaptureQueriesContext(connection) as asked:
        assert call(delivered("p1"), apply=False, Authorization="Bearer secret", Token="s3cret").status_code == 200
    writes = [
        one["sql"] for one in asked if one["sql"].startswith(("INSERT", "UPDATE")) and "allowance" not in one["sql"]
    ]
    row = StoredCall.objects.get()
    assert len(writes) == 1 and json.loads(bytes(row.body)) == delivered("p1")
    assert row.headers == {"content-type": "application/json"}
    assert not DeliveryEvent.objects.exists()


@pytest.mark.parametrize("refused", [{"secret": "hiss"}, {"body": b"x" * 1_000_001}, {"body": b"{"}])
def test_a_call_that_is_refused_is_not_stored(call, delivery, refused):
    assert call(delivered("p1"), apply=False, **refused).status_code in (400, 401, 413)
    assert not StoredCall.objects.exists()


def test_a_call_that_dies_while_it_is_applied_is_applied_again_as_if_it_had_not_been(call, delivery, monkeypatch):
    class Killed(BaseException):
        pass

    def die(*args):
        raise Killed

    call(delivered("p1"), apply=False)
    with monkeypatch.context() as mortal:
        mortal.setattr(StoredCall.objects.all().__class__, "delete", die)
        with pytest.raises(Killed):
            receiving.apply_due()
    assert not DeliveryEvent.objects.exists()
    receiving.apply_due()
    assert DeliveryEvent.objects.count() == delivery.message.batches.get().delivered == 1


def test_a_large_call_is_applied_in_parts(call, delivery, monkeypatch):
    monkeypatch.setattr(applying, "THINGS", 2)
    opened = {"events": [{"id": "p1", "type": "opened"}] * 5}
    call(opened)
    assert DeliveryEvent.objects.count() == 5 and not StoredCall.objects.exists()


def test_calls_that_come_while_others_are_applied_are_left_to_the_next_task(call, delivery, monkeypatch):
    record = applying.record
    monkeypatch.setattr(applying, "record", lambda things: (record(things), call(delivered("p1"), apply=False)))
    call(delivered("p1"))
    assert StoredCall.objects.count() == 1


def test_few_bodies_are_read_at_once(call, delivery, monkeypatch):
    monkeypatch.setattr(applying, "BODIES", 100)
    for _ in range(3):
        call(delivered("p1"), apply=False)
    calls, is_more = applying._take(StoredCall.objects.all())
    assert (len(calls), is_more, StoredCall.objects.count()) == (2, True, 3)
    receiving.apply_due()
    assert not StoredCall.objects.exists()


def test_a_call_with_a_fault_is_read_once_and_in_parts(call, delivery, monkeypatch):
    parse, parsed = Pigeons.parse, []
    monkeypatch.setattr(Pigeons, "parse", lambda self, call: parsed.append(call) or parse(self, call))
    call({"events": [{"id": "p1", "type": "exploded"}, *[{"id": "p1", "type": "opened"}] * 5]}, apply=False)
    monkeypatch.setattr(applying, "THINGS", 3)
    del parsed[:]
    applying._apply_by_itself(StoredCall.objects.get().pk)
    row = StoredCall.objects.get()
    assert (len(parsed), DeliveryEvent.objects.count()) == (1, 2)
    assert (row.left, row.attempts) == ([3, 4, 5, 0], 0) and row.due_at <= timezone.now()
    receiving.apply_due()
    assert DeliveryEvent.objects.count() == 5 and StoredCall.objects.get().left == [0]


def test_a_call_that_kills_its_worker_counts_its_attempts(call, delivery, monkeypatch):
    class Killed(BaseException):
        pass

    def die(*args):
        raise Killed

    call(delivered("p1"), apply=False)
    monkeypatch.setattr(applying, "record", die)
    with pytest.raises(Killed):
        applying._apply_by_itself(StoredCall.objects.get().pk)
    row = StoredCall.objects.get()
    assert row.attempts == 1 and row.due_at > timezone.now()


def test_a_call_that_kills_every_worker_counts_its_attempts_and_holds_up_no_other(call, delivery, monkeypatch):
    class Killed(BaseException):
        pass

    def parse(self, request, parse=Pigeons.parse):
        if b"exploded" in request.body:
            raise Killed
        return parse(self, request)

    call({"events": [{"id": "p1", "type": "exploded"}]}, apply=False)
    call(delivered("p1"), apply=False)
    monkeypatch.setattr(Pigeons, "parse", parse)
    for ago in (timedelta(minutes=1), timedelta(seconds=1)):  # together, then each by itself
        StoredCall.objects.update(due_at=timezone.now() - ago)
        with pytest.raises(Killed):
            receiving.apply_due()
    receiving.apply_due()
    delivery.refresh_from_db()
    assert delivery.delivered_at == NOON
    assert StoredCall.objects.get().attempts == 2


def test_calls_that_waited_for_a_worker_are_applied_together_and_at_once(call, delivery, monkeypatch):
    for _ in range(3):
        call({"events": [{"id": "p1", "type": "opened"}]}, apply=False)
    StoredCall.objects.update(due_at=timezone.now() - timedelta(hours=1))
    monkeypatch.setattr(applying, "_apply_by_itself", lambda pk: pytest.fail("It was not applied together."))
    receiving.apply_due()
    assert DeliveryEvent.objects.count() == 3 and not StoredCall.objects.exists()


def test_a_fault_in_a_call_that_waited_for_a_worker_holds_up_no_other(call, delivery):
    call({"events": [{"id": "p1", "type": "exploded"}]}, apply=False)
    call(delivered("p1"), apply=False)
    StoredCall.objects.update(due_at=timezone.now() - timedelta(hours=1))
    receiving.apply_due()
    delivery.refresh_from_db()
    assert delivery.delivered_at == NOON and StoredCall.objects.get().due_at > timezone.now()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("waited", [timedelta(0), timedelta(minutes=1)])
def test_several_workers_apply_each_call_once(call, channel, delivery, monkeypatch, waited):
    monkeypatch.setattr(applying, "THINGS", 3)
    for _ in range(12):
        call({"events": [{"id": "p1", "type": "opened"}]}, apply=False)
    StoredCall.objects.update(due_at=timezone.now() - waited - timedelta(seconds=1))
    assert at_once(3, receiving.apply_due) == [None] * 3
    assert DeliveryEvent.objects.count() == 12 and delivery.message.batches.get().opened == 1
    assert not StoredCall.objects.exists()


# Other accounts of the same provider


@pytest.fixture
def second(channel):
    """Another number of the club, whose provider signs with the same secret."""
    settings, secrets = {"account": "2"}, {"secret": "coo"}
    return Channel.objects.create(
        organization=channel.organization, name="Second", kind="pigeons", settings=settings, secrets=secrets
    )


def test_a_call_is_for_the_channel_whose_account_it_names(call, second):
    theirs = make_delivery(make_broadcast(second))
    ProviderRef.objects.create(delivery=theirs, channel=second, provider_id="p1")
    call({"events": [{"id": "p1", "type": "delivered", "account": "2"}], "replies": reply(account="2")["replies"]})
    theirs.refresh_from_db()
    assert theirs.delivered_at == NOON
    assert Inbound.objects.get().channel == second


def test_a_channel_with_another_secret_and_one_of_another_organization_are_not_meant(call, second, elsewhere):
    Channel.objects.filter(pk=second.pk).update(organization=elsewhere)
    call(reply(account="2"))
    Channel.objects.filter(pk=second.pk).update(organization=call.channel.organization)
    second.secrets = {"secret": "gull"}
    second.organization = call.channel.organization
    second.save()
    call(reply(account="2"))
    assert not Inbound.objects.exists() and not StoredCall.objects.exists()


# Odd input


def test_characters_that_no_database_takes_are_left_out(call, delivery):
    call({"events": [{"id": "p1", "type": "delivered", "detail": {"note\0": ["a\0b"], "cost": math.nan}}]})
    assert DeliveryEvent.objects.get().detail == {"note": ["ab"], "cost": None}


@pytest.mark.parametrize("odd", ["\0", "\ud800", "x" * 300])
def test_a_copy_and_a_reply_are_known_by_ids_that_no_column_takes(channel, delivery, odd):
    ProviderRef.objects.all().delete()
    tracking.add_provider_ids(channel, {delivery.pk: f"p1{odd}"})
    told = Callback([Event(f"p1{odd}", "delivered")], [InboundMessage("", odd, None, {odd: odd}, odd * 2, f"p1{odd}")])
    for _ in range(2):
        take_in(channel, told)
    delivery.refresh_from_db()
    assert delivery.delivered_at
    assert list(Inbound.objects.values_list("delivery", flat=True)) == [delivery.pk] * Inbound.objects.count() != []


def test_a_reply_to_a_copy_that_retention_deleted_is_kept(channel, delivery):
    Delivery.objects.filter(pk=delivery.pk)._raw_delete("default")
    take_in(channel, Callback(replies=[InboundMessage("34600111222", "Hi", answers="p1")]))
    assert Inbound.objects.get().delivery is None


def test_nothing_happened_in_the_future(channel, delivery):
    later = timezone.now() + timedelta(days=1)
    take_in(channel, Callback([Event("p1", "delivered", later)]))
    delivery.refresh_from_db()
    assert delivery.delivered_at < later


@pytest.mark.parametrize(
    "at",
    [datetime(1, 1, 1, tzinfo=Zone(timedelta(hours=14))), datetime(9999, 12, 31, 23, tzinfo=UTC), datetime(2, 1, 1)],
)
def test_an_event_and_a_reply_at_an_impossible_time_happened_within_the_last_days(channel, delivery, at):
    take_in(channel, Callback([Event("p1", "delivered", at)], [InboundMessage("34600111222", "Hi", at)]))
    delivery.refresh_from_db()
    for moment in (delivery.delivered_at, Inbound.objects.get().at):
        assert timedelta(days=-1) < timezone.now() - moment < timedelta(days=31)


# Replies


def reply(**fields):
    return {"replies": [{"from": "34600111222", "text": "Yes please", "id": "r1", **fields}]}


def test_a_reply_is_stored_with_who_wrote_it(call, joe, club):
    assert call(reply()).status_code == 200
    row = Inbound.objects.get()
    assert (row.organization, row.contact, row.text) == (club, joe, "Yes please")
    assert (row.address, row.at, row.payload["id"]) == ("34600111222", NOON, "r1")


def test_what_is_too_long_of_a_reply_is_cut(call, joe):
    call(reply(text="x" * 30_000))
    row = Inbound.objects.get()
    assert (len(row.text), row.payload) == (10_000, {})


def test_a_reply_twice_is_stored_once(call, joe):
    for _ in range(2):
        assert call(reply()).status_code == 200
    assert Inbound.objects.count() == 1


def test_a_reply_to_a_copy_is_tied_to_it_and_sets_its_fact(call, delivery, joe):
    call(reply(to="p1"))
    call(reply(to="p1"))
    delivery.refresh_from_db()
    assert Inbound.objects.get().delivery == delivery
    assert delivery.replied_at == NOON
    assert DeliveryEvent.objects.filter(type="replied").count() == 1


def test_a_reply_of_somebody_unknown_is_kept_with_the_address(call, elsewhere):
    make_contact(elsewhere, phone="+34600111222")
    call(reply(text="Who\0 is this?"))
    row = Inbound.objects.get()
    assert (row.contact, row.address, row.text) == (None, "34600111222", "Who is this?")


# Another address


@pytest.fixture
def heard(monkeypatch):
    """The status of a call at a path, whoever signs it."""
    monkeypatch.setattr(Pigeons, "verify", lambda transport, call: True)
    return lambda path: Client().post(path, b"{}", "application/json").status_code


def test_an_old_address_works_for_some_days_if_it_is_kept(channel, heard, admin):
    old = path_of(channel)
    rotating.rotate_callback(channel, keep_old=True, by=admin.user)
    assert path_of(channel) != old
    assert [heard(path) for path in (old, path_of(channel))] == [200, 200]
    Channel.objects.update(callback_kept_until=timezone.now() - timedelta(seconds=1))
    receiving.called.forget()
    assert [heard(path) for path in (old, path_of(channel))] == [404, 200]


def test_an_old_address_is_cut_at_once_if_that_is_wanted(channel, heard, admin):
    old = path_of(channel)
    rotating.rotate_callback(channel, keep_old=False, by=admin.user)
    assert [heard(path) for path in (old, path_of(channel))] == [404, 200]
    assert AuditEntry.objects.filter(act="rotate callback address").count() == 1


def test_the_address_before_the_last_one_is_cut_in_any_case(channel, heard, admin):
    oldest = path_of(channel)
    rotating.rotate_callback(channel, keep_old=True, by=admin.user)
    rotating.rotate_callback(channel, keep_old=True, by=admin.user)
    assert heard(oldest) == 404


def test_two_who_change_the_address_at_once_change_it_once(channel, admin):
    stale = Channel.objects.get(pk=channel.pk)
    rotating.rotate_callback(channel, keep_old=True, by=admin.user)
    with pytest.raises(WrongState, match="since you looked"):
        rotating.rotate_callback(stale, keep_old=True, by=admin.user)
