"""Many reports in one transaction mean the same as one after the other."""

import random
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from broadcasts import contacts, tracking
from broadcasts.models import (
    FACTS,
    Batch,
    Consent,
    ConsentChange,
    Delivery,
    DeliveryEvent,
    GroupCount,
    Link,
    MinuteCount,
    Suppression,
)
from tests.make import make_broadcast, make_contact, make_delivery
from tests.sending.test_concurrency import at_once

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
STATUSES = ("sent", "sent", "pending", "unknown", "skipped", "failed")


def make_log(mail, n: int = 12) -> list[Delivery]:
    """Copies in each status, of two messages; one gathered by another batch, one of somebody erased, one merged."""
    broadcasts = [make_broadcast(mail) for _ in range(2)]
    rows = []
    for number in range(n):
        status = STATUSES[number % len(STATUSES)]
        row = make_delivery(broadcasts[number % 2], status=status, language="es" if number % 3 else "")
        rows.append(row)
    gathered = Batch.objects.create(message=rows[0].message, state="done", unknown=9)
    Delivery.objects.filter(pk=rows[0].pk).update(batch=gathered)
    Delivery.objects.filter(pk=rows[1].pk).update(contact=None, address="")
    Delivery.objects.filter(pk=rows[3].pk).update(contact=None, merged_into=rows[4].contact_id)
    return rows


def make_facts(rows: list[Delivery], seed: int, n: int = 60) -> list[tracking.Fact]:
    """Random reports in random order, many twice; those of one delivery at different times."""
    chance = random.Random(seed)
    links = [
        Link.objects.create(message=row.message, url=f"https://club.example/{row.pk}", digest=row.pk)
        for row in rows[:2]
    ]
    facts = []
    for number in range(n):
        row = chance.choice(rows)
        type = chance.choice([*FACTS, "sent", "failed", "clicked"])
        link = chance.choice([None, *(one for one in links if one.message_id == row.message_id)])
        detail = chance.choice([{}, {"hard": True, "code": "550"}, {"device": "phone", "source": "page"}])
        at = NOON + timedelta(seconds=chance.randrange(-90, 90))
        facts.append(
            tracking.Fact(row.pk, type, at, chance.random() < 0.2, detail, link if type == "clicked" else None)
        )
        if number % 5 == 0:
            facts.append(facts[chance.randrange(len(facts))])
    return facts


def remembered(rows: list[Delivery]) -> list[object]:
    """Everything that reports leave behind, with the deliveries' places in the log instead of their ids."""
    place = {row.pk: number for number, row in enumerate(rows)}
    person = {row.contact_id: number for number, row in enumerate(rows)}
    message = {row.message_id: number % 2 for number, row in enumerate(rows)}
    facts = [f"{fact}_at" for fact in FACTS]
    found = Delivery.objects.filter(pk__in=place).order_by("pk")
    batches = Batch.objects.filter(message__in=message).order_by("pk")
    events = DeliveryEvent.objects.filter(delivery__in=place).order_by("pk")
    minutes = MinuteCount.objects.filter(message__in=message).values_list("message", "fact", "minute", "count")
    groups = GroupCount.objects.filter(message__in=message).values_list(
        "message", "fact", "dimension", "value", "count"
    )
    links = Link.objects.filter(message__in=message).order_by("pk")
    noes = Suppression.objects.order_by("pk").values_list("reason", "use_case", "address")
    changes = ConsentChange.objects.filter(contact__in=person).values_list("contact", "state", "source")
    return [
        list(found.values_list("status", *facts)),
        list(batches.values_list("sent", "failed", "unknown", *FACTS)),
        [(place[one.delivery_id], one.type, one.at, one.machine, one.detail, one.link is None) for one in events],
        *[Counter((message[pk], *told) for pk, *told in counts) for counts in (minutes, groups)],
        list(links.values_list("clicks", "people", "machine_clicks")),
        Counter((reason, use_case, bool(address)) for reason, use_case, address in noes),
        Counter((person[contact], state, source.partition(":")[0]) for contact, state, source in changes),
        Consent.objects.filter(contact__in=person).count(),
    ]


@pytest.mark.parametrize("seed", range(8))
def test_many_reports_at_once_leave_the_same_as_one_after_the_other(mail, seed):
    single, many = [], []
    for left, act in (
        (single, lambda facts: [tracking.record_all([fact])[0] for fact in facts]),
        (many, tracking.record_all),
    ):
        rows = make_log(mail)
        facts = make_facts(rows, seed)
        left += [act(facts), remembered(rows)]
        Suppression.objects.all().delete()
    assert single == many


def test_many_reports_cost_few_statements(mail):
    broadcast = make_broadcast(mail)
    rows = [make_delivery(broadcast) for _ in range(30)]
    with CaptureQueriesContext(connection) as asked:
        tracking.record_all([tracking.Fact(row.pk, "delivered", NOON) for row in rows])
    assert len(asked) <= 12  # one of them ends what was counted of soft bounces
    assert Delivery.objects.filter(delivered_at=NOON).count() == 30


def test_reports_of_copies_that_retention_deleted_change_nothing(mail):
    row = make_delivery(make_broadcast(mail))
    Delivery.objects.filter(pk=row.pk)._raw_delete("default")
    assert tracking.record_all([tracking.Fact(row.pk, "delivered", NOON)]) == [False]


@pytest.mark.django_db(transaction=True)
def test_reports_in_opposite_orders_at_once_wait_for_each_other_and_count_all(mail):
    rows = make_log(mail, 8)
    facts = [tracking.Fact(row.pk, type, NOON) for row in rows for type in ("delivered", "unsubscribed")]
    orders = [facts, facts[::-1], facts, facts[::-1]]
    found = at_once(4, lambda: tracking.record_all(orders.pop()))
    assert not [one for one in found if isinstance(one, Exception)]
    totals = [Batch.objects.filter(message=row.message_id).values_list("delivered", flat=True) for row in rows[:2]]
    assert [sum(one) for one in totals] == [4, 4]


@pytest.mark.django_db(transaction=True)
def test_early_noes_while_two_become_one_are_the_kept_ones(mail, club):
    """Whichever is first; a window that writes the references meanwhile waits for neither."""
    keep, joe = make_contact(club, "ann@example.com"), make_contact(club, "joe@example.com")
    row = make_delivery(make_broadcast(mail), joe)
    tracking.keep_early([tracking.Report((mail.pk, "id-1"), "unsubscribed", NOON)])
    acts = [
        lambda: contacts.merge(keep, [joe]),
        lambda: tracking.add_provider_ids(mail, {row.pk: "id-1"}),
        lambda: tracking.record_all([tracking.Fact(row.pk, "complained", NOON)]),
    ]
    found = at_once(3, lambda: acts.pop()())
    assert not [one for one in found if isinstance(one, Exception)]
    assert Consent.objects.get(contact=keep).state == "withdrawn"
