"""Staff are mailed what the gauges have done: what, why, and where."""

from datetime import timedelta

import pytest
from django.core import mail as django_mail
from django.utils import timezone

from broadcasts import gauging, tasks
from broadcasts.models import AuditEntry, Channel

from . import made


@pytest.fixture
def slowed(mail, admin, sender, settings):
    settings.EMAIL_URL, settings.BASE_URL = "smtp://mail.example.org", "https://club.example"
    made.tell(made.copies(made.at_work(mail, sent=5000))[:6])
    made.act()
    return mail


def test_admins_are_told_once_what_why_and_where(slowed, admin):
    tasks.notify_channel(slowed.pk)
    tasks.notify_channel(slowed.pk)
    [told] = django_mail.outbox
    assert (told.to, told.subject) == ([admin.user.email], "“Newsletter” sends more slowly")
    assert "6 of the 5,000 mails" in told.body
    assert f"https://club.example/admin/broadcasts/channel/{slowed.pk}/change/" in told.body


def test_a_mail_that_was_lost_with_the_queue_is_enqueued_by_a_round(slowed, monkeypatch):
    enqueued = []
    monkeypatch.setattr("broadcasts.gauging.acting.enqueue", lambda *task: enqueued.append(task))
    made.act()
    assert enqueued == [("notify_channel", slowed.pk)]


def test_a_channel_that_slows_again_within_a_day_is_not_mailed_again(slowed):
    tasks.notify_channel(slowed.pk)
    Channel.objects.update(slowed_to=None, slowed_until=None)
    made.act()
    assert Channel.objects.get().slowed_to and Channel.objects.get().notice_due_at is None
    AuditEntry.objects.update(created=timezone.now() - timedelta(days=2))
    Channel.objects.update(slowed_to=None, slowed_until=None)
    made.act()
    assert Channel.objects.get().notice_due_at is not None


def test_nobody_is_told_of_what_staff_have_lifted_meanwhile(slowed):
    gauging.lift(slowed)
    tasks.notify_channel(slowed.pk)
    assert django_mail.outbox == []
