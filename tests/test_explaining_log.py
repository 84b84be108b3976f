"""Explanations of a broadcast that was started, from the rows of its log."""

from datetime import UTC, datetime, timedelta

import pytest

from broadcasts.explaining import explain
from broadcasts.models import Consent, ConsentChange, Delivery, Suppression
from broadcasts.tracking import suppress

from .audience.people import make_earlier
from .make import add_channel, make_broadcast, make_contact, make_delivery

THEN = datetime(2026, 5, 4, 9, tzinfo=UTC)
LATER = datetime(2090, 5, 4, 8, tzinfo=UTC)


@pytest.fixture
def joe(club):
    return make_contact(club, "joe@example.com", full_name="Joe", language="en", attributes={"plan": "free"})


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"opened_at": THEN}, "Sent 4 May 2026, 09:00 UTC; opened 4 May 2026, 09:00 UTC."),
        (
            {"status": "failed", "attempts": 3, "error": "Mailbox full."},
            "Could not be sent after 3 tries: Mailbox full.",
        ),
        ({"status": "cancelled"}, "Not sent: the broadcast was cancelled before its turn."),
        (
            {"status": "pending", "due_at": LATER, "error": "Quiet hours until 08:00 where they are."},
            "Waiting until 4 May 2090, 08:00 UTC. Quiet hours until 08:00 where they are.",
        ),
        (
            {"status": "pending", "due_at": LATER, "attempts": 2, "error": "Mailbox busy."},
            "To be tried again 4 May 2090, 08:00 UTC, after 2 tries: Mailbox busy.",
        ),
        ({"status": "pending", "due_at": THEN}, "Waiting for its turn."),
        ({"status": "unknown"}, "Handed over, but the answer was lost: nobody can tell whether it arrived."),
    ],
)
def test_a_row_of_the_log_is_told(mail, joe, fields, said):
    broadcast = make_broadcast(mail, status="SENDING")
    make_delivery(broadcast, joe, **{"sent_at": THEN, **fields})
    told = explain(joe, broadcast)
    assert (told.sentence, told.verdict) == (said, fields.get("status", "sent"))
    assert told.lines() == []


@pytest.mark.parametrize(
    ("status", "said"), [("PAUSED", "Waiting: the broadcast is paused."), ("CANCELLED", "Not sent: the broadcast was")]
)
def test_who_waits_in_a_broadcast_that_was_stopped_is_told_so(mail, joe, status, said):
    broadcast = make_broadcast(mail, status=status)
    make_delivery(broadcast, joe, status="pending", sent_at=None, due_at=LATER)
    assert explain(joe, broadcast).sentence.startswith(said)


def test_times_are_those_of_the_organization(mail, joe):
    mail.organization.time_zone = "Europe/Madrid"
    mail.organization.save()
    broadcast = make_broadcast(mail, status="SENT")
    make_delivery(broadcast, joe, sent_at=THEN)
    assert explain(joe, broadcast).sentence == "Sent 4 May 2026, 11:00 Europe/Madrid."


def test_copies_by_several_channels_are_told_together(mail, joe):
    broadcast = make_broadcast(mail, status="SENT", channel_policy="every")
    make_delivery(broadcast, joe, sent_at=THEN)
    message = add_channel(broadcast, name="Text", address_field="phone")
    Delivery.objects.create(message=message, contact=joe, status="skipped", reason="no_address")
    told = explain(joe, broadcast)
    assert told.sentence == (
        "Newsletter: Sent 4 May 2026, 09:00 UTC. Text: Not sent: no address for this channel. The contact has no phone."
    )
    assert (told.verdict, told.reason, len(told.deliveries)) == ("sent", "", 2)


def test_a_skipped_row_is_told_with_what_is_behind_it(mail, joe):
    broadcast = make_broadcast(mail, status="SENT")
    make_delivery(broadcast, joe, status="skipped", reason="suppressed", sent_at=None)
    no = suppress(joe.organization, medium="email", address=joe.email_key, reason="manual", source="API")
    Suppression.objects.filter(pk=no.pk).update(created=THEN)
    told = explain(joe, broadcast)
    assert told.reason == "suppressed"
    assert told.sentence == (
        "Not sent: on the suppression list. By staff, on the suppression list since 4 May 2026, 09:00 UTC (API)."
    )


@pytest.fixture
def skipped(mail, joe):
    """Marketing that left Joe out, some hours after his row was written down."""

    def leave_out(reason):
        broadcast = make_broadcast(
            mail, status="SENT", use_case="marketing", started_at=THEN, completed_at=THEN + timedelta(days=5)
        )
        make_delivery(broadcast, joe, status="skipped", reason=reason, sent_at=None)
        Delivery.objects.update(created=THEN, due_at=THEN + timedelta(days=4))
        return broadcast

    return leave_out


def change(contact, state, days, **fields):
    place = {"contact": contact, "medium": "email", "use_case": "marketing"}
    Consent.objects.update_or_create(**place, defaults={"state": state})
    ConsentChange.objects.create(**place, state=state, created=THEN + timedelta(days=days), **fields)


def test_a_no_that_was_taken_back_since_is_told_as_it_stood(skipped, joe):
    broadcast = skipped("unsubscribed")
    change(joe, "withdrawn", -1, source="one-click")
    change(joe, "granted", 9, source="desk")
    assert explain(joe, broadcast).sentence == (
        "Not sent: unsubscribed. The consent to marketing by email was “withdrawn” since 3 May 2026, 09:00 UTC "
        "(one-click); now it is “granted” since 13 May 2026, 09:00 UTC (desk)."
    )


def test_a_yes_that_came_too_late_is_told(skipped, joe):
    broadcast = skipped("no_consent")
    change(joe, "granted", 9)
    assert explain(joe, broadcast).sentence.endswith(
        "This person had not been asked for marketing by email; now it is “granted” since 13 May 2026, 09:00 UTC."
    )
    change(joe, "withdrawn", 10)
    assert "had not been asked" in explain(joe, broadcast).sentence


def test_what_a_cap_counted_is_what_came_before_its_turn(skipped, mail, joe):
    mail.organization.frequency_cap, mail.organization.frequency_cap_days = 1, 2
    mail.organization.save()
    broadcast = skipped("frequency_cap")
    for days in (-1, 3, 9):
        make_earlier(mail, {joe: {"sent_at": THEN + timedelta(days=days)}})
    assert explain(joe, broadcast).sentence.endswith(
        "At most 1 in 2 days; counted: “Pool closed” 7 May 2026, 09:00 UTC."
    )
