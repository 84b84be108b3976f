"""Staff are told by mail of what stopped by itself."""

from datetime import timedelta

import pytest
from django.core import mail as django_mail
from django.core.mail.backends.base import BaseEmailBackend
from django.db.models.functions import Now
from django.utils import timezone

from broadcasts import sending
from broadcasts.models import Broadcast, Role
from broadcasts.sending import notices, rounds
from broadcasts.sending.notices import pause_with
from broadcasts.transports import TransportError
from tests.make import make_broadcast, make_contact, make_member

from . import steps


class Broken(BaseEmailBackend):
    def send_messages(self, messages):
        raise OSError("no route to host")


@pytest.fixture(autouse=True)
def mail_server(settings):
    settings.EMAIL_URL = "smtp://mail.example.org"
    settings.BASE_URL = "https://club.example"


@pytest.fixture
def broadcast(mail, server, club):
    make_contact(club)
    return make_broadcast(mail)


@pytest.fixture
def paused(broadcast, author, admin, viewer, sender, stranger):
    """One that a refused account paused; its author is one of the members."""
    Broadcast.objects.update(author=author.user)
    steps.start(broadcast)
    pause_with(broadcast, "Paused: the channel cannot send.")
    return broadcast


def due() -> None:
    Broadcast.objects.update(notice_due_at=Now() - timedelta(seconds=1))


def test_the_author_and_the_admins_are_told_what_why_and_where(paused, author, admin):
    sending.notify(paused.pk)
    [told] = django_mail.outbox
    assert told.to == [author.user.email, admin.user.email]
    assert told.subject == "“Pool closed” was paused"
    assert "Paused: the channel cannot send." in told.body
    assert "resume it, or cancel it" in told.body
    assert f"https://club.example/admin/broadcasts/broadcast/{paused.pk}/change/" in told.body


def test_a_pause_is_told_once(paused):
    sending.notify(paused.pk)
    sending.notify(paused.pk)
    assert len(django_mail.outbox) == 1
    assert notices.due_notices() == []


def test_each_pause_is_told(paused):
    sending.notify(paused.pk)
    sending.resume(paused)
    pause_with(paused, "Paused: again.")
    sending.notify(paused.pk)
    assert len(django_mail.outbox) == 2


def test_a_pause_by_staff_is_told_to_nobody(broadcast, admin):
    steps.start(broadcast)
    sending.pause(broadcast)
    sending.notify(broadcast.pk)
    assert django_mail.outbox == []


@pytest.mark.parametrize("act", [sending.resume, sending.cancel])
def test_what_staff_dealt_with_already_is_told_to_nobody(paused, act):
    act(paused)
    sending.notify(paused.pk)
    assert django_mail.outbox == []


def test_a_mail_server_that_fails_is_asked_again_later(paused, settings):
    backend, settings.EMAIL_BACKEND = settings.EMAIL_BACKEND, f"{__name__}.Broken"
    sending.notify(paused.pk)
    assert notices.due_notices() == []
    settings.EMAIL_BACKEND = backend
    due()
    assert notices.due_notices() == [paused.pk]
    sending.notify(paused.pk)
    assert len(django_mail.outbox) == 1


def test_a_mail_server_that_fails_for_a_day_is_left_alone(paused, settings):
    settings.EMAIL_BACKEND = f"{__name__}.Broken"
    Broadcast.objects.update(modified=timezone.now() - timedelta(days=2))
    sending.notify(paused.pk)
    assert Broadcast.objects.get().notice_due_at is None


def test_without_a_mail_server_it_is_logged(paused, settings, caplog):
    settings.EMAIL_URL = ""
    sending.notify(paused.pk)
    assert django_mail.outbox == []
    assert "EMAIL_URL is not set" in caplog.text
    assert notices.due_notices() == []


def test_who_left_the_organization_is_not_told(paused, author, admin):
    author.delete()
    admin.user.is_active = False
    admin.user.save()
    sending.notify(paused.pk)
    assert django_mail.outbox == []


def test_an_admin_who_is_the_author_is_told_once(broadcast, admin):
    Broadcast.objects.update(author=admin.user)
    steps.start(broadcast)
    pause_with(broadcast, "Paused.")
    sending.notify(broadcast.pk)
    assert django_mail.outbox[0].to == [admin.user.email]


def test_an_admin_elsewhere_is_not_told(paused, elsewhere, viewer):
    make_member(elsewhere, Role.ADMIN)
    viewer.user.memberships.create(organization=elsewhere, role=Role.ADMIN)
    sending.notify(paused.pk)
    assert viewer.user.email not in django_mail.outbox[0].to


def test_a_broadcast_that_could_not_be_started_is_told(broadcast, club, admin):
    club.contacts.all().delete()
    sending.schedule(broadcast, timezone.now())
    sending.tick()
    sending.notify(broadcast.pk)
    [told] = django_mail.outbox
    assert told.subject == "“Pool closed” was not sent"
    assert "matches nobody" in told.body


def test_a_broadcast_whose_time_had_passed_is_told(broadcast, admin):
    sending.schedule(broadcast, timezone.now())
    Broadcast.objects.update(due_from=timezone.now() - timedelta(days=2))
    sending.tick()
    sending.notify(broadcast.pk)
    assert "It is a draft again" in django_mail.outbox[0].body


def test_an_account_that_is_refused_has_it_told(broadcast, server, admin):
    server.refuses = TransportError("The server refused the login: 535", permanent=True, account=True)
    steps.send(broadcast)
    sending.notify(broadcast.pk)
    assert "refused the login" in django_mail.outbox[0].body


def test_a_lost_wake_up_is_made_good_by_the_next_round(paused, monkeypatch):
    enqueued = []
    monkeypatch.setattr(rounds, "enqueue", lambda *task: enqueued.append(task))
    sending.tick()
    assert ("notify", paused.pk) in enqueued
