"""Several supervisors, and staff, at the same time: each action is done, and told, once."""

from datetime import timedelta
from threading import Barrier

import pytest
from django.utils import timezone

from broadcasts import gauging, sending
from broadcasts.gauging import totals
from broadcasts.models import AuditEntry, Broadcast, Channel
from tests.sending.test_concurrency import at_once

from . import made

pytestmark = pytest.mark.django_db(transaction=True)
ROUNDS = 3


@pytest.fixture
def all_have_read(monkeypatch):
    """Let each round go on only once all of them have read what they judge by."""
    barrier, read = Barrier(ROUNDS, timeout=30), totals.of_domains

    def wait(*args, **options):
        found = read(*args, **options)
        barrier.wait()
        return found

    monkeypatch.setattr(totals, "of_domains", wait)


def acts() -> list[str]:
    return sorted(AuditEntry.objects.values_list("act", flat=True))


def test_rounds_at_once_slow_hold_and_pause_once(mail, all_have_read):
    since = (timezone.now() - timedelta(days=2)).date().isoformat()
    Channel.objects.update(ramp={"start": 50, "growth": 2, "since": since})
    made.tell(made.copies(made.at_work(mail, sent=2000))[:10])
    assert at_once(ROUNDS, gauging.act) == [None] * ROUNDS
    assert acts() == ["hold warm-up", "pause", "slow"]
    channel = Channel.objects.get()
    assert (channel.slowed_to is not None, channel.ramp["held"]) == (True, 1)


def test_rounds_at_once_slow_a_domain_once(mail, all_have_read):
    broadcast = made.at_work(mail, sent=8000)
    new = made.add_copies(broadcast, 2000, domain="gmail.example")
    made.tell(new[:6])
    assert at_once(ROUNDS, gauging.act) == [None] * ROUNDS
    assert acts() == ["slow domain"]


def test_a_broadcast_that_staff_resumed_meanwhile_is_not_paused_by_what_was_read_before(mail, monkeypatch):
    broadcast = made.at_work(mail, sent=1000)
    made.tell(made.copies(broadcast)[:50])
    decide = gauging.acting.pause_with

    def be_overtaken(row, reason, **only):
        decide(row, reason, **only)
        sending.resume(Broadcast.objects.select_related("organization").get(pk=row.pk))
        decide(row, reason, **only)  # another supervisor's, which read the row before

    monkeypatch.setattr("broadcasts.gauging.acting.pause_with", be_overtaken)
    made.act()
    assert Broadcast.objects.get().status == "SENDING"
    assert acts() == ["pause", "resume", "slow"]


def test_what_staff_lift_while_a_round_looks_stays_lifted(mail, monkeypatch):
    made.tell(made.copies(made.at_work(mail, sent=5000))[:6])
    Channel.objects.update(slowed_to=5, slowed_until=timezone.now() + timedelta(hours=1))
    read = totals.of_domains

    def be_overtaken(*args, **options):
        found = read(*args, **options)
        monkeypatch.setattr(totals, "of_domains", read)
        gauging.lift(Channel.objects.select_related("organization").get(pk=mail.pk))
        return found

    monkeypatch.setattr(totals, "of_domains", be_overtaken)
    made.act()
    assert Channel.objects.get().slowed_to is None
