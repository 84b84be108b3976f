"""Facts that providers tell by ids of their own, before and after these are written down."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Event

import pytest
from django.db import connection, transaction
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext

from broadcasts import retention, tracking
from broadcasts.models import Batch, Channel, Delivery, DeliveryEvent, EarlyFact, ProviderRef
from broadcasts.transports import Receipt, TransportError
from tests.make import make_broadcast, make_contact, make_contacts, make_delivery
from tests.recorder import Recorder
from tests.sending.steps import send

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def delivery(mail) -> Delivery:
    return make_delivery(make_broadcast(mail), make_contact(mail.organization, email="joe@example.com"))


def write(channel: Channel, delivery: Delivery, provider_id: str = "id-1") -> None:
    """Do what a window does when it is recorded."""
    with transaction.atomic():
        tracking.add_provider_ids(channel, {delivery.pk: provider_id})


def tell(channel: Channel, fact: str = "delivered", provider_id: str = "id-1", **more) -> bool:
    return tracking.record_by_provider_id(channel, provider_id, fact, NOON, **more)


def delivered(delivery: Delivery) -> int:
    """How often it counts as delivered."""
    return sum(Batch.objects.filter(message=delivery.message_id).values_list("delivered", flat=True))


def test_a_fact_after_its_reference_is_recorded(mail, delivery):
    write(mail, delivery)
    assert tell(mail)
    delivery.refresh_from_db()
    assert delivery.delivered_at == NOON and not EarlyFact.objects.exists()


def test_a_fact_before_its_reference_is_recorded_with_it(mail, delivery):
    assert not tell(mail, detail={"code": "250"})
    assert not ProviderRef.objects.exists()
    write(mail, delivery)
    delivery.refresh_from_db()
    assert (delivery.delivered_at, delivered(delivery)) == (NOON, 1)
    assert DeliveryEvent.objects.get().detail == {"code": "250"} and not EarlyFact.objects.exists()


def test_early_facts_are_recorded_in_the_order_they_came(mail, delivery):
    for fact in ("failed", "clicked"):
        tell(mail, fact, detail={"hard": True})
    tell(mail, "opened", machine=True)
    write(mail, delivery)
    events = DeliveryEvent.objects.order_by("pk").values_list("type", "machine")
    assert list(events) == [("bounced", False), ("clicked", False), ("opened", True)]


def test_a_fact_told_twice_before_its_reference_counts_once(mail, delivery):
    tell(mail)
    tell(mail)
    write(mail, delivery)
    assert delivered(delivery) == DeliveryEvent.objects.count() == 1


def test_another_channel_with_the_same_id_is_told_nothing(mail, delivery, elsewhere):
    other = Channel.objects.create(organization=elsewhere, name="Theirs", kind=mail.kind)
    write(mail, delivery)
    assert not tell(other)
    theirs = make_delivery(make_broadcast(other))
    write(other, theirs)
    delivery.refresh_from_db()
    theirs.refresh_from_db()
    assert (delivery.delivered_at, theirs.delivered_at) == (None, NOON)
    assert ProviderRef.objects.filter(provider_id="id-1").count() == 2


def test_an_unknown_id_is_kept_for_some_days(mail, delivery):
    for age, provider_id in ((4, "old"), (2, "recent")):
        tell(mail, provider_id=provider_id)
        EarlyFact.objects.filter(provider_id=provider_id).update(created=Now() - timedelta(days=age))
    write(mail, delivery, "another")
    retention.prune()
    assert list(EarlyFact.objects.values_list("provider_id", flat=True)) == ["recent"]


def test_an_id_given_twice_stays_with_the_delivery_that_had_it_first(mail, delivery):
    write(mail, delivery)
    second = make_delivery(delivery.message.broadcast)
    write(mail, second)
    assert ProviderRef.objects.get().delivery == delivery


def test_an_id_longer_than_the_column_is_found_again(mail, delivery):
    write(mail, delivery, "x" * 300)
    assert tell(mail, provider_id="x" * 300)


def test_a_provider_that_tells_of_ever_more_unknown_ids_fills_no_disk(mail, elsewhere, monkeypatch):
    monkeypatch.setattr(tracking, "MOST_EARLY", 3)
    monkeypatch.setattr(tracking, "ROOM_EVERY", 1)
    tell(Channel.objects.create(organization=elsewhere, name="Theirs", kind=mail.kind), provider_id="theirs")
    for n in range(6):
        tell(mail, provider_id=f"id-{n}")
    assert list(EarlyFact.objects.order_by("pk").values_list("provider_id", flat=True)) == [
        "theirs",
        *("id-3", "id-4", "id-5"),
    ]


@pytest.mark.parametrize(("given", "stored"), [(4711, "4711"), ("a\0b", "ab"), ("a\ud800", "a?")])
def test_an_id_that_no_column_takes_costs_no_window_its_outcomes(mail, provider, monkeypatch, given, stored):
    monkeypatch.setattr(Recorder, "deliver", lambda recorder, envelope: Receipt(provider_id=given))
    make_contact(mail.organization)
    send(make_broadcast(mail))
    assert Delivery.objects.get().status == "sent"
    assert ProviderRef.objects.get().provider_id == stored
    assert tell(mail, provider_id=given)


def test_words_that_no_column_takes_cost_no_window_its_outcomes(mail, provider):
    contact = make_contact(mail.organization)
    provider.answers[contact.email] = TransportError("No\0 such\ud800 person", permanent=True)
    send(make_broadcast(mail))
    assert (Delivery.objects.get().status, Delivery.objects.get().error) == ("failed", "No such? person")


def test_what_is_no_type_of_event_is_refused_at_once(mail):
    with pytest.raises(ValueError, match="no type of event"):
        tell(mail, "seen")
    assert not tell(mail, provider_id="") and not EarlyFact.objects.exists()


@pytest.fixture
def provider(monkeypatch) -> Recorder:
    """What the club's channel speaks to."""
    recorder = Recorder()
    monkeypatch.setattr(Channel, "transport", lambda channel: recorder)
    return recorder


def hand_over(recorder: Recorder, envelope) -> Receipt:
    recorder.before(envelope)
    return Receipt(provider_id=envelope.key)


def test_a_provider_that_tells_while_the_window_is_sent_is_heard(mail, provider, monkeypatch):
    provider.before = lambda envelope: tell(mail, provider_id=envelope.key)
    monkeypatch.setattr(Recorder, "deliver", hand_over)
    make_contacts(mail.organization, 25)
    broadcast = send(make_broadcast(mail))
    assert broadcast.status == "SENT"
    assert Delivery.objects.filter(delivered_at=NOON, status="sent").count() == 25
    assert ProviderRef.objects.count() == 25 and not EarlyFact.objects.exists()


def test_a_window_without_provider_ids_asks_for_no_early_facts(mail, provider):
    make_contact(mail.organization)
    with CaptureQueriesContext(connection) as asked:
        send(make_broadcast(mail))
    assert Delivery.objects.get().status == "sent"
    tables = (ProviderRef._meta.db_table, EarlyFact._meta.db_table)
    assert not [query["sql"] for query in asked.captured_queries for table in tables if table in query["sql"]]


def test_a_window_with_provider_ids_asks_once(mail, delivery, django_assert_num_queries):
    more = [make_delivery(delivery.message.broadcast) for _ in range(5)]
    with transaction.atomic(), django_assert_num_queries(2):
        tracking.add_provider_ids(mail, {one.pk: f"id-{one.pk}" for one in more})


class Half:
    """One of two that race: it stops half way until it is told to go on."""

    def __init__(self) -> None:
        self.arrived, self.go_on = Event(), Event()

    def __call__(self) -> None:
        self.arrived.set()
        self.go_on.wait(20)


def at_once(half: Half, first, second) -> None:
    """Run `first` until it stops, begin `second`, and let both end."""

    def run(act):
        try:
            act()
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        running = pool.submit(run, first)
        assert half.arrived.wait(20)
        waiting = pool.submit(run, second)
        with pytest.raises(TimeoutError):  # it waits for the other
            waiting.result(timeout=0.5)
        half.go_on.set()
        for one in (running, waiting):
            one.result(timeout=20)


@pytest.mark.django_db(transaction=True)
def test_a_fact_that_comes_while_its_reference_is_committed_is_recorded_once(mail, delivery):
    half = Half()

    def window():
        with transaction.atomic():
            tracking.add_provider_ids(mail, {delivery.pk: "id-1"})
            half()

    at_once(half, window, lambda: tell(mail))
    assert delivered(delivery) == 1 and not EarlyFact.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_reference_that_comes_while_its_fact_is_committed_finds_it(mail, delivery, monkeypatch):
    half = Half()
    create = EarlyFact.objects.create

    def keep(**values):
        kept = create(**values)
        half()
        return kept

    monkeypatch.setattr(EarlyFact.objects, "create", keep)
    at_once(half, lambda: tell(mail), lambda: write(mail, delivery))
    assert delivered(delivery) == 1 and not EarlyFact.objects.exists()
    assert ProviderRef.objects.get().delivery == delivery


@pytest.mark.django_db(transaction=True)
def test_many_facts_and_the_reference_at_once_lose_nothing(mail, delivery):
    facts = ["delivered", "opened", "clicked", "replied"] * 5

    def act(fact):
        try:
            write(mail, delivery) if fact == "write" else tell(mail, fact)
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(act, [*facts[:10], "write", *facts[10:]]))
    delivery.refresh_from_db()
    batch = Batch.objects.get()
    assert (batch.delivered, batch.opened, batch.clicked, batch.replied) == (1, 1, 1, 1)
    assert not EarlyFact.objects.exists() and ProviderRef.objects.get().delivery == delivery
