"""The numbers of a report: of what they are a share, and that report, API, CSV and log tell the same."""

import csv
import io
import os
import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import zip_longest

import pytest
from django.db import connection

from broadcasts import exporting, reporting, tallying, tracking
from broadcasts.models import Batch, Broadcast, Channel, Delivery, DeliveryEvent, Link, MinuteCount
from broadcasts.transports.email import Email
from tests.make import add_channel, make_broadcast, make_contact, make_delivery

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
# By hand with more: REPORT_PEOPLE=20000 pytest tests/test_reporting.py -k agree
PEOPLE = int(os.environ.get("REPORT_PEOPLE", 60))
UNSENT = ("failed", "unknown")
TYPES = ("delivered", "opened", "clicked", "bounced", "complained", "replied", "failed", "sent", "unsubscribed")


@pytest.fixture
def broadcast(mail) -> Broadcast:
    return make_broadcast(mail, status="SENT", started_at=NOON)


def told(broadcast: Broadcast) -> dict[str, reporting.ReportFigure]:
    return {figure.name: figure for figure in reporting.figures(Broadcast.objects.get(pk=broadcast.pk))}


def test_an_open_is_of_the_delivered_where_these_are_measured(broadcast, tracked):
    rows = [make_delivery(broadcast) for _ in range(4)]
    for row in rows[:2]:
        tracking.record(row, "delivered", NOON)
    tracking.record(rows[0], "opened", NOON)
    opened = told(broadcast)["opened"]
    assert (opened.of, opened.total, opened.rate) == ("delivered", 2, 0.5)


def test_an_open_is_of_the_sent_where_deliveries_are_not_measured(broadcast, monkeypatch):
    monkeypatch.setattr(Email, "reports", frozenset({"opened"}))
    rows = [make_delivery(broadcast) for _ in range(4)]
    tracking.record(rows[0], "opened", NOON)
    opened = told(broadcast)["opened"]
    assert (opened.of, opened.total, opened.rate) == ("sent", 4, 0.25)


def test_a_share_is_of_the_copies_that_could_tell(broadcast, monkeypatch):
    monkeypatch.setattr(Email, "reports", frozenset({"opened"}))
    make_delivery(broadcast)
    Batch.objects.create(message=add_channel(broadcast), state="done", total=9, sent=9)
    assert (told(broadcast)["opened"].total, told(broadcast)["unsubscribed"].total) == (1, 10)


def test_a_fact_that_nothing_measures_has_no_figure(broadcast):
    make_delivery(broadcast)
    assert "opened" not in told(broadcast)


def test_machines_stand_beside_people_and_are_never_counted(broadcast, tracked):
    row = make_delivery(broadcast)
    for _ in range(3):
        tracking.record(row, "opened", NOON, machine=True, detail={"rule": "agent"})
    opened = told(broadcast)["opened"]
    assert (opened.value, opened.machines) == (0, 3)


@pytest.mark.parametrize(
    ("length", "per"), [(timedelta(hours=2), "minute"), (timedelta(days=3), "hour"), (timedelta(days=40), "day")]
)
def test_the_step_of_a_series_follows_from_its_length(broadcast, length, per):
    for at in (NOON, NOON + length):
        MinuteCount.objects.create(message=broadcast.messages.get(), fact="sent", minute=at, count=2)
    found = reporting.series(broadcast)
    assert (found.per, [counts for _, counts in found.points]) == (per, [{"sent": 2}, {"sent": 2}])


def test_days_are_those_of_the_organization(broadcast, club):
    club.time_zone = "America/New_York"
    club.save()
    MinuteCount.objects.create(
        message=broadcast.messages.get(), fact="sent", minute=datetime(2026, 3, 1, 3, tzinfo=UTC), count=2
    )
    [(at, _)] = reporting.series(Broadcast.objects.get(), "day").points
    assert at.isoformat() == "2026-02-28T00:00:00-05:00"


def test_the_two_hours_at_the_end_of_summer_time_stay_two(broadcast, club):
    club.time_zone = "Europe/Berlin"
    club.save()
    both = [datetime(2026, 10, 25, hour, 30, tzinfo=UTC) for hour in (0, 1)]  # 02:30, and 02:30 again
    for minute in both:
        MinuteCount.objects.create(message=broadcast.messages.get(), fact="sent", minute=minute, count=2)
    found = reporting.series(Broadcast.objects.get(), "hour").points
    assert [at for at, _ in found] == [minute.replace(minute=0) for minute in both]


def test_hours_begin_as_those_of_the_organization(broadcast, club):
    club.time_zone = "Asia/Kolkata"
    club.save()
    MinuteCount.objects.create(message=broadcast.messages.get(), fact="sent", minute=NOON, count=2)
    [(at, _)] = reporting.series(Broadcast.objects.get(), "hour").points
    assert at == NOON - timedelta(minutes=30)


def test_copies_of_other_mediums_are_of_no_domain(broadcast):
    make_delivery(broadcast)
    texts = add_channel(broadcast)
    Channel.objects.filter(pk=texts.channel_id).update(medium="sms")
    Batch.objects.create(message=texts, state="done", total=9, sent=9)
    tallying.group_done()
    found = reporting.domains(Broadcast.objects.get())
    assert [one.counts for one in found] == [{"sent": 1}]


def test_domains_beyond_the_first_are_others(broadcast):
    for n, domain in enumerate(("a.example", "a.example", "b.example", "c.example")):
        make_delivery(broadcast, make_contact(broadcast.organization, f"{n}@{domain}"))
    tallying.group_done()
    found = reporting.domains(broadcast, top=1)
    assert [(one.value, one.counts) for one in found] == [("a.example", {"sent": 2}), ("", {"sent": 2})]


def test_earlier_broadcasts_of_the_same_use_case_and_medium_compare(mail, club):
    def sent(**fields):
        one = make_broadcast(mail, status="SENT", started_at=NOON, **fields)
        make_delivery(one)
        return one

    alike, _ = sent(), sent(use_case="marketing")
    printed = make_broadcast(Channel.objects.create(organization=club, name="P", kind="webhook"), status="SENT")
    Broadcast.objects.filter(pk=printed.pk).update(started_at=NOON)
    assert [one for one, _ in reporting.compared(sent())] == [alike]


@pytest.mark.parametrize(
    ("by", "value", "found"),
    [
        ("language", "es", ["ann"]),
        ("domain", "xn--bcher-kva.example", ["ann"]),
        ("device", "phone", ["joe"]),
        ("machine", "opened", ["ann"]),
        ("error", "550 <…> is full", ["bob"]),
        ("error", "Mailbox … gone", ["eve"]),
    ],
)
def test_every_group_leads_to_its_people(broadcast, by, value, found):
    def copy(email, **fields):
        return make_delivery(broadcast, make_contact(broadcast.organization, email, full_name=email[:3]), **fields)

    joe, ann = copy("joe@example.com"), copy("ann@bücher.example", language="es")
    copy("bob@example.com", status="failed", error="550 <bob@example.com> is full")
    tracking.record(joe, "opened", NOON, detail={"device": "phone"})
    tracking.record(ann, "opened", NOON, machine=True)
    tracking.record(copy("eve@example.com"), "bounced", NOON, detail={"text": "Mailbox eve@example.com gone"})
    rows = reporting.narrowed(Delivery.objects.all(), by, value)
    assert list(rows.values_list("contact__full_name", flat=True)) == found


def random_events(broadcast: Broadcast, people: int) -> None:
    """Copies with any outcome, and events that are late, doubled, out of order, and partly of machines."""
    dice = random.Random(people)
    if people > 1_000 and connection.vendor == "postgresql":  # nothing is asked for while many are made up
        connection.cursor().execute("SET LOCAL idle_in_transaction_session_timeout = 0")
    message = broadcast.messages.get()
    links = [Link.objects.create(message=message, url=f"https://club.example/{n}", digest=str(n)) for n in range(3)]
    statuses = dice.choices(["sent", "failed", "unknown", "skipped"], [80, 8, 8, 4], k=people)
    addresses = [f"{n}@{n % 7}.example" for n in range(people)]
    contacts = [make_contact(broadcast.organization, one) for one in addresses[:60]]  # of the rest only the address
    rows = Delivery.objects.bulk_create(
        Delivery(
            message=message,
            contact=contact,
            address=address,
            language=dice.choice(["en", "es"]),
            status=status,
            error=f"550 <{address}> is {dice.choice([1, 2])}" if status in UNSENT else "",
            reason="bounced" if status == "skipped" else "",
        )
        for contact, address, status in zip_longest(contacts, addresses, statuses)
    )
    half = people // 2  # one batch is counted before the events come, the other after
    for part in (rows[:half], rows[half:]):
        counters = Counter(row.status for row in part)
        span = {"first_id": part[0].pk, "last_id": part[-1].pk, "total": len(part)}
        Batch.objects.create(message=message, state="done", **span, **counters)
    Batch.objects.filter(first_id=rows[half].pk).update(state="leased")
    tallying.group_done()
    facts = []
    for row, status in zip(rows, statuses, strict=True):
        for _ in range(dice.randint(0, 4)) if status != "skipped" else ():
            type = dice.choice(TYPES if status == "unknown" else [one for one in TYPES if one != "failed"])
            detail = {"device": dice.choice(["phone", "desktop"]), "rule": "agent"}
            link = dice.choice(links) if type == "clicked" else None
            at = NOON + timedelta(minutes=dice.randint(0, 5000))
            fact = tracking.Fact(row.pk, type, at, dice.random() < 0.2, detail, link)
            facts += [fact] * dice.choice([1, 1, 2])
    dice.shuffle(facts)
    for start in range(0, len(facts), 500):
        tracking.record_all(facts[start : start + 500])
    Batch.objects.filter(state="leased").update(state="done")
    while tallying.group_done():
        pass
    tallying.count_sent_of(broadcast.messages.all())


def test_report_and_csv_and_log_agree_whatever_was_told(broadcast, monkeypatch):
    monkeypatch.setattr(Email, "reports", frozenset(TYPES) - {"failed", "sent"})
    random_events(broadcast, PEOPLE)
    rows = Delivery.objects.filter(message__broadcast=broadcast)
    facts = [name for name in TYPES if name not in ("failed", "sent")]
    log = {name: rows.filter(status=name).count() for name in ("sent", "failed", "unknown", "skipped")}
    log |= {fact: rows.filter(**{f"{fact}_at__isnull": False}).count() for fact in facts}
    figures = told(broadcast)
    assert {name: figures[name].value for name in log} == log

    per_day: Counter[str] = Counter()
    for _, counts in reporting.series(broadcast, "day").points:
        per_day.update(counts)
    assert per_day == {name: log[name] for name in ("sent", "delivered", "opened", "clicked") if log[name]}

    events = DeliveryEvent.objects.filter(delivery__in=rows)
    for link in reporting.links(broadcast):
        of_link = events.filter(link=link, type="clicked")
        people = of_link.filter(machine=False)
        counted = (people.count(), people.values("delivery").distinct().count(), of_link.filter(machine=True).count())
        assert (link.clicks, link.people, link.machine_clicks) == counted
    assert figures["opened"].machines == events.filter(type="opened", machine=True).count()

    by_language, by_domain = reporting.languages(broadcast), reporting.domains(broadcast, top=5)
    for name in [one for one in log if one != "skipped"]:
        assert sum(one.counts.get(name, 0) for one in by_language) == log[name]
        assert sum(one.counts.get(name, 0) for one in by_domain) == log[name]
    for group in by_language:
        assert group.counts.get("sent", 0) == rows.filter(status="sent", language=group.value).count()
        assert group.counts.get("opened", 0) == rows.filter(opened_at__isnull=False, language=group.value).count()
    why = Counter(dict.fromkeys(("failed", "unknown", "bounced"), 0))
    for reason in reporting.failures(broadcast):
        why[reason.outcome] += reason.count
    assert why == {name: log[name] for name in why}

    lines = csv.DictReader(io.StringIO("".join(exporting.report_csv(broadcast, reporting.series(broadcast)))))
    in_csv = {line["name"]: int(line["count"]) for line in lines if line["section"] == "totals"}
    assert {name: in_csv[name] for name in log} == log
