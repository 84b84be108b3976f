"""How fallback ends: cancelled, expired, replaced, retried or killed."""

from datetime import timedelta

import pytest
from django.db.models.functions import Now
from django.utils import timezone

from broadcasts import audience, sending, tracking
from broadcasts.audience import Audience
from broadcasts.exceptions import WrongState
from broadcasts.models import Broadcast, Channel, Delivery
from tests.make import make_contact
from tests.sending import steps
from tests.sending.fallback.chains import (
    LOST,
    REFUSED,
    assert_counted,
    by_both,
    copies,
    go_on,
    time_out,
)
from tests.sending.faults import EVERY_THIRD, die
from tests.sending.test_killed import after_every_step


def test_a_cancelled_broadcast_starts_no_fallback_and_a_paused_one_waits(broadcast, ana):
    steps.send(broadcast)
    time_out()
    sending.pause(broadcast)
    assert go_on(broadcast).status == "PAUSED"
    assert len(copies(broadcast)) == 1
    sending.resume(broadcast)
    go_on(broadcast)
    assert copies(broadcast) == [("Newsletter", "sent"), ("SMS", "sent")]


def test_cancelling_ends_the_waiting(broadcast, ana):
    sending.cancel(steps.send(broadcast))
    time_out()
    for _ in range(2):
        go_on(broadcast)
    assert copies(broadcast) == [("Newsletter", "sent")]
    assert broadcast.completed_at


def test_nothing_falls_back_after_the_broadcast_has_expired(mail, sms, server, tracked, ana):
    soon = timezone.now() + timedelta(minutes=5)
    broadcast = steps.send(by_both(mail, sms, expires_at=soon))
    assert (broadcast.status, copies(broadcast)) == ("SENT", [("Newsletter", "sent")])


def test_a_failure_after_the_broadcast_has_expired_is_the_end(broadcast, ana, server):
    server.answers["ana@example.com"] = REFUSED
    steps.send(broadcast)
    Broadcast.objects.update(expires_at=timezone.now() - timedelta(minutes=1))
    assert (go_on(broadcast).status, copies(broadcast)) == ("SENT", [("Newsletter", "failed")])


def test_what_arrives_late_changes_its_own_row_only(broadcast, ana):
    steps.send(broadcast)
    time_out()
    sending.tick()
    first, second = Delivery.objects.order_by("pk")
    tracking.record(first, "delivered")
    assert Delivery.objects.filter(pk=second.pk, status="pending", delivered_at=None).exists()
    assert go_on(broadcast).status == "SENT"
    assert copies(broadcast) == [("Newsletter", "sent"), ("SMS", "sent")]


def test_a_copy_that_bounces_after_it_was_replaced_is_not_replaced_again(mail, sms, server, tracked, ana, club):
    ana.whatsapp_id = "34600111222"
    ana.save()
    chat = Channel.objects.create(organization=club, name="Chat", kind="console", address_field="whatsapp_id")
    broadcast = steps.send(by_both(mail, sms, chat))
    time_out()
    sending.tick()
    tracking.record(steps.delivery(broadcast, "ana@example.com"), "failed")
    for _ in range(2):
        go_on(broadcast)
    assert [channel for channel, _ in copies(broadcast)] == ["Newsletter", "SMS"]


def test_only_whose_last_copy_failed_is_retried(broadcast, club, ana, server):
    bo = make_contact(club, "bo@example.com", phone="+34600333444")
    make_contact(club, "eve@example.com")
    server.answers = dict.fromkeys(("ana@example.com", "bo@example.com", "+34600333444"), REFUSED)
    steps.send(broadcast)
    tracking.record(steps.delivery(broadcast, "eve@example.com"), "delivered")
    for _ in range(2):
        go_on(broadcast)
    time_out()
    assert go_on(broadcast).status == "SENT"
    server.answers.clear()
    child = sending.retry(broadcast)
    assert (child.channel_policy, child.fallback_fact, child.fallback_minutes) == ("fallback", "delivered", 10)
    assert list(audience.matched(Audience.of(child))) == [bo]


def test_who_was_not_reached_in_time_and_then_failed_counts_as_failed(broadcast, ana, server):
    server.answers["+34600111222"] = REFUSED
    steps.send(broadcast)
    time_out()
    for _ in range(2):
        go_on(broadcast)
    assert sending.retry(broadcast).retarget_engagement == "failed"
    assert sending.duplicate(broadcast).fallback_minutes == 10


def test_nothing_is_retried_where_the_next_channel_reached_everybody(broadcast, ana, server):
    server.answers["ana@example.com"] = REFUSED
    go_on(steps.send(broadcast))
    with pytest.raises(WrongState, match="nothing to retry"):
        sending.retry(broadcast)


def test_a_copy_that_was_replaced_is_not_sent_again(mail, sms, server, tracked, ana):
    server.answers["ana@example.com"] = LOST
    broadcast = go_on(steps.send(by_both(mail, sms, fallback_unknown=True)))
    with pytest.raises(WrongState, match="The next channel has taken over"):
        sending.resend(steps.delivery(broadcast, "ana@example.com"))


def test_a_failure_that_is_reported_after_the_end_starts_nothing_even_when_it_goes_on(mail, sms, server, tracked, club):
    for name in ("ana", "bo"):
        server.answers[make_contact(club, f"{name}@example.com", phone="+34600333444" * (name == "bo")).email] = LOST
    broadcast = steps.send(by_both(mail, sms))
    Delivery.objects.filter(address="bo@example.com").update(fallback_at=Now())
    server.answers.clear()
    sending.resend(steps.delivery(broadcast, "ana@example.com"))
    time_out()
    go_on(broadcast)
    assert "SMS" not in dict(copies(broadcast))


@pytest.mark.parametrize(("path", "by"), [("failed", 1), ("timed out", EVERY_THIRD)])
def test_a_supervisor_that_dies_while_copies_fall_back_repeats_nobody_and_loses_nobody(
    broadcast, club, server, settings, path, by
):
    settings.BATCH_SIZE = 1
    people = [make_contact(club, phone=f"+3460000000{n}") for n in range(2)]
    if path == "failed":
        server.answers = {one.email: REFUSED for one in people}
    steps.send(broadcast)
    time_out()
    received = list(server.received)
    for _ in after_every_step(lambda one: sending.tick(), broadcast, server, die, by=by):
        server.received[:] = received
        for _ in range(2):
            go_on(broadcast)
        assert {server.copies[one.phone] for one in people} == {1}
        assert broadcast.status == "SENT"
        assert_counted(broadcast)


def test_a_worker_that_dies_between_failing_and_falling_back_leaves_the_rest_to_others(broadcast, club, server):
    people = [make_contact(club, phone=f"+3460000000{n}") for n in range(2)]
    server.answers = {people[0].email: REFUSED}
    steps.start(broadcast)
    for _ in after_every_step(steps.pump, broadcast, server, die):
        steps.run_out_leases()
        for _ in range(2):
            go_on(broadcast)
        time_out()
        for _ in range(2):
            go_on(broadcast)
        unknown = set(Delivery.objects.filter(status="unknown").values_list("contact", flat=True))
        assert {server.copies[one.phone] for one in people if one.pk not in unknown} == {1}
        assert set(server.copies.values()) == {1}
        assert broadcast.status == "SENT"
        assert_counted(broadcast)
