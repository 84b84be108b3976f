"""Outcomes by minute and by group: counted after sending, and exact whatever changes later."""

from collections import Counter
from datetime import UTC, datetime

import pytest

from broadcasts import reporting, sending, tallying, tracking
from broadcasts.models import Batch, Broadcast, Channel, Delivery, GroupCount, MinuteCount
from tests.make import make_broadcast, make_contact, make_delivery
from tests.recorder import Recorder
from tests.sending.steps import send

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def broadcast(mail) -> Broadcast:
    return make_broadcast(mail, status="SENT")


def copy(broadcast: Broadcast, email: str = "joe@example.com", **fields) -> Delivery:
    return make_delivery(broadcast, make_contact(broadcast.organization, email=email), **fields)


def groups(dimension: str) -> dict[tuple[str, str], int]:
    rows = GroupCount.objects.filter(dimension=dimension, count__gt=0)
    return {(fact, value): n for fact, value, n in rows.values_list("fact", "value", "count")}


def minutes() -> int:
    return sum(MinuteCount.objects.filter(fact="sent").values_list("count", flat=True))


def test_a_batch_that_is_done_is_counted_by_language_and_domain_once(broadcast):
    copy(broadcast), copy(broadcast, "ann@Example.com", language="es", status="failed", error="No.")
    assert [tallying.group_done(), tallying.group_done()] == [2, 0]
    assert groups("language") == {("sent", "en"): 1, ("failed", "es"): 1}
    assert groups("domain") == {("sent", "example.com"): 1, ("failed", "example.com"): 1}


def test_a_batch_at_work_is_not_counted_yet(broadcast):
    copy(broadcast)
    Batch.objects.update(state="leased")
    assert (tallying.group_done(), groups("language")) == (0, {})


def test_skipped_copies_are_counted_by_their_reason(broadcast):
    for reason in ("no_address", "bounced", "bounced"):
        copy(broadcast, f"{Delivery.objects.count()}@example.com", status="skipped", reason=reason)
    tallying.group_done()
    assert groups("reason") == {("skipped", "no_address"): 1, ("skipped", "bounced"): 2}


def test_errors_count_as_the_same_whoever_they_are_about_and_name_an_example(broadcast):
    words = "550 5.1.1 <{}>: user unknown (id 4F1A22B3)"
    rows = [copy(broadcast, one, status="failed", error=words.format(one)) for one in ("a@x.example", "b@x.example")]
    tallying.group_done()
    assert groups("error") == {("failed", "550 5.1.1 <…>: user unknown (id …)"): 2}
    assert GroupCount.objects.get(dimension="error").example == rows[0].pk


def test_a_message_has_no_more_errors_than_can_be_told_apart(broadcast, monkeypatch):
    monkeypatch.setattr(tallying.facts, "MOST_ERRORS", 2)
    for n in range(5):
        copy(broadcast, f"{n}@example.com", status="failed", error=f"Error {n}")
    tallying.group_done()
    assert groups("error") == {("failed", "Error 0"): 1, ("failed", "Error 1"): 1, ("failed", "…"): 3}


def test_bounces_have_no_more_errors_either(broadcast, monkeypatch):
    monkeypatch.setattr(tallying.facts, "MOST_ERRORS", 2)
    for n in range(5):
        tracking.record(copy(broadcast, f"{n}@example.com"), "bounced", NOON, detail={"text": f"Error {n}"})
    assert groups("error") == {("bounced", "Error 0"): 1, ("bounced", "Error 1"): 1, ("bounced", "…"): 3}
    assert len(reporting.narrowed(Delivery.objects.filter(bounced_at__isnull=False), "error", "…")) == 5


@pytest.mark.parametrize("is_counted_before", [True, False])
def test_an_outcome_that_is_settled_later_moves_to_its_group(broadcast, is_counted_before):
    row = copy(broadcast, status="unknown", error="Lost.", sent_at=None)
    if is_counted_before:
        tallying.group_done()
    tracking.record(row, "delivered", NOON)
    tallying.group_done()
    wanted = {("sent", "example.com"): 1, ("delivered", "example.com"): 1}
    assert (groups("domain"), groups("error")) == (wanted, {})


def test_a_copy_that_staff_send_again_is_unknown_no_more(broadcast, sender):
    row = copy(broadcast, status="unknown", error="Lost.", sent_at=None)
    tallying.group_done()
    sending.resend(row, by=sender.user)
    assert groups("language") == groups("error") == {}


def test_a_domain_that_erasing_forgot_is_not_counted_below_zero(broadcast):
    row = copy(broadcast, status="unknown", error="Lost.")
    tallying.group_done()
    GroupCount.objects.all().delete()
    tracking.record(row, "sent", NOON)
    assert groups("domain") == {("sent", "example.com"): 1}


def test_what_was_sent_stands_in_the_minutes_when_a_broadcast_is_complete(mail, monkeypatch):
    monkeypatch.setattr(Channel, "transport", lambda self: Recorder())
    for _ in range(3):
        make_contact(mail.organization)
    broadcast = send(make_broadcast(mail))
    assert broadcast.status == "SENT"
    assert minutes() == Batch.objects.get().sent == 3


def test_rounds_add_to_the_minutes_only_what_is_new(mail):
    broadcast = make_broadcast(mail, status="SENDING")
    copy(broadcast), copy(broadcast, "ann@example.com")
    tallying.count_sent(), tallying.count_sent()
    assert minutes() == 2
    Batch.objects.filter(pk=Batch.objects.first().pk).update(sent=4)
    tallying.count_sent()
    assert minutes() == 5


def test_a_copy_that_a_report_proves_sent_is_in_the_minute_of_the_report_and_not_twice(mail):
    row = copy(make_broadcast(mail, status="SENDING"), status="unknown")
    tracking.record(row, "delivered", NOON)
    tallying.count_sent()
    assert list(MinuteCount.objects.filter(fact="sent").values_list("minute", "count")) == [(NOON, 1)]


def test_what_machines_did_is_counted_each_time_by_the_rule_that_told_it(broadcast):
    row = copy(broadcast)
    for rule in ("agent", "agent", "hidden"):
        tracking.record(row, "opened", NOON, machine=True, detail={"rule": rule})
    assert Counter(groups("rule")) == {("opened", "agent"): 2, ("opened", "hidden"): 1}
    assert groups("language") == {}


def test_a_copy_that_may_have_arrived_is_counted_when_its_broadcast_is_cancelled(mail):
    broadcast = make_broadcast(mail, status="CANCELLED", started_at=NOON, expanded_at=NOON)
    row = copy(broadcast, status="pending", sent_at=None, error=f"Lost. {sending.window.AGAIN}")
    tallying.group_done()
    sending.close(broadcast.pk)
    row.refresh_from_db()
    assert row.status == "unknown"
    assert groups("language") == {("unknown", "en"): 1}
