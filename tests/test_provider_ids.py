"""Facts that providers tell by ids of their own, before and after these are written down."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from broadcasts import retention, tracking
from broadcasts.models import Batch, Channel, Delivery, DeliveryEvent, EarlyFact, ProviderRef
from broadcasts.receiving import applying
from broadcasts.tracking import references
from broadcasts.transports import Event, Receipt, TransportError
from tests.make import make_broadcast, make_contact, make_contacts, make_delivery
from tests.recorder import Recorder
from tests.sending.steps import send

NOON = timezone.now().replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=2)


@pytest.fixture
def delivery(mail) -> Delivery:
    return make_delivery(make_broadcast(mail), make_contact(mail.organization, email="joe@example.com"))


def write(channel: Channel, delivery: Delivery, provider_id: str = "id-1") -> None:
    """Do what a window does when it is recorded."""
    with transaction.atomic():
        tracking.add_provider_ids(channel, {delivery.pk: provider_id})


def tell(channel: Channel, fact: str = "delivered", provider_id: str = "id-1", **more) -> None:
    """Do what a worker does when it applies a call."""
    applying.record([applying.Thing(channel, Event(provider_id, fact, NOON, **more))])


def hear() -> None:
    """Do what a worker does when the time of the early facts has come."""
    EarlyFact.objects.update(due_at=Now())
    tracking.record_early()


def delivered(delivery: Delivery) -> int:
    """How often it counts as delivered."""
    return sum(Batch.objects.filter(message=delivery.message_id).values_list("delivered", flat=True))


def test_a_fact_after_its_reference_is_recorded(mail, delivery):
    write(mail, delivery)
    tell(mail)
    delivery.refresh_from_db()
    assert delivery.delivered_at == NOON and not EarlyFact.objects.exists()


def test_a_fact_before_its_reference_is_recorded_once_that_is_written(mail, delivery):
    tell(mail, detail={"code": "250"})
    write(mail, delivery)
    hear()
    delivery.refresh_from_db()
    assert (delivery.delivered_at, delivered(delivery)) == (NOON, 1)
    assert DeliveryEvent.objects.get().detail == {"code": "250"} and not EarlyFact.objects.exists()


def test_early_facts_are_recorded_in_the_order_they_came(mail, delivery):
    for fact in ("failed", "clicked"):
        tell(mail, fact, detail={"hard": True})
    tell(mail, "opened", machine=True)
    write(mail, delivery)
    hear()
    events = DeliveryEvent.objects.order_by("pk").values_list("type", "machine")
    assert list(events) == [("bounced", False), ("clicked", False), ("opened", True)]


def test_a_fact_told_twice_before_its_reference_counts_once(mail, delivery):
    tell(mail)
    tell(mail)
    write(mail, delivery)
    hear()
    assert delivered(delivery) == DeliveryEvent.objects.count() == 1


def test_another_channel_with_the_same_id_is_told_nothing(mail, delivery, elsewhere):
    other = Channel.objects.create(organization=elsewhere, name="Theirs", kind=mail.kind)
    write(mail, delivery)
    tell(other)
    theirs = make_delivery(make_broadcast(other))
    write(other, theirs)
    hear()
    delivery.refresh_from_db()
    theirs.refresh_from_db()
    assert (delivery.delivered_at, theirs.delivered_at) == (None, NOON)
    assert ProviderRef.objects.filter(provider_id="id-1").count() == 2


def test_an_unknown_id_is_kept_for_some_days(mail, delivery):
    for age, provider_id in ((4, "old"), (2, "recent")):
        tell(mail, provider_id=provider_id)
        EarlyFact.objects.filter(provider_id=provider_id).update(created=Now() - timedelta(days=age))
    write(mail, delivery, "another")
    hear()
    retention.prune()
    assert list(EarlyFact.objects.values_list("provider_id", flat=True)) == ["recent"]


def test_an_id_given_twice_stays_with_the_delivery_that_had_it_first(mail, delivery):
    write(mail, delivery)
    second = make_delivery(delivery.message.broadcast)
    write(mail, second)
    assert ProviderRef.objects.get().delivery == delivery


def test_an_id_longer_than_the_column_is_found_again(mail, delivery):
    write(mail, delivery, "x" * 300)
    tell(mail, provider_id="x" * 300)
    assert delivered(delivery) == 1


def test_a_provider_that_tells_of_ever_more_unknown_ids_fills_no_disk(mail, elsewhere, monkeypatch):
    monkeypatch.setattr(references, "MOST_EARLY", 3)
    monkeypatch.setattr(references, "ROOM_EVERY", 1)
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
    tell(mail, provider_id=given)
    assert delivered(Delivery.objects.get()) == 1


def test_words_that_no_column_takes_cost_no_window_its_outcomes(mail, provider):
    contact = make_contact(mail.organization)
    provider.answers[contact.email] = TransportError("No\0 such\ud800 person", permanent=True)
    send(make_broadcast(mail))
    assert (Delivery.objects.get().status, Delivery.objects.get().error) == ("failed", "No such? person")


def test_what_is_no_type_of_event_is_refused_at_once(mail):
    with pytest.raises(ValueError, match="no type of event"):
        tell(mail, "seen")
    tell(mail, provider_id="")
    assert not EarlyFact.objects.exists()


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
    hear()
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


def test_a_window_writes_its_provider_ids_at_once(mail, delivery, django_assert_num_queries):
    more = [make_delivery(delivery.message.broadcast) for _ in range(5)]
    with transaction.atomic(), django_assert_num_queries(1):
        tracking.add_provider_ids(mail, {one.pk: f"id-{one.pk}" for one in more})


def test_an_early_fact_that_cannot_be_recorded_holds_up_no_other(mail, delivery, monkeypatch):
    record_all = references.record_all

    def stumble(facts):
        assert "opened" not in [fact.type for fact in facts]
        return record_all(facts)

    monkeypatch.setattr(references, "record_all", stumble)
    for fact in ("opened", "delivered"):
        tell(mail, fact)
    write(mail, delivery)
    hear()
    delivery.refresh_from_db()
    assert delivery.delivered_at == NOON and delivery.opened_at is None
    assert EarlyFact.objects.get().due_at > timezone.now() + timedelta(minutes=50)


def test_an_early_fact_is_tried_again_ever_later(mail):
    tell(mail)
    ages = []
    for age in (10, 60):
        EarlyFact.objects.update(created=Now() - timedelta(seconds=age))
        hear()
        ages.append(EarlyFact.objects.get().due_at - timezone.now())
    assert timedelta(seconds=5) < ages[0] < timedelta(seconds=15)
    assert timedelta(seconds=50) < ages[1] < timedelta(seconds=70)


@pytest.mark.django_db(transaction=True)
def test_a_fact_that_comes_while_its_reference_is_committed_waits_for_nobody_and_is_recorded(mail, delivery):
    """Neither of the two transactions can see what the other one writes."""
    if connection.vendor == "sqlite":
        pytest.skip("one writer at a time: they cannot meet")
    with transaction.atomic():
        tracking.add_provider_ids(mail, {delivery.pk: "id-1"})
        with ThreadPoolExecutor(1) as pool:
            pool.submit(lambda: (tell(mail), connection.close())).result(timeout=20)
    hear()
    assert delivered(delivery) == 1 and not EarlyFact.objects.exists()


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
    hear()
    delivery.refresh_from_db()
    batch = Batch.objects.get()
    assert (batch.delivered, batch.opened, batch.clicked, batch.replied) == (1, 1, 1, 1)
    assert not EarlyFact.objects.exists() and ProviderRef.objects.get().delivery == delivery
