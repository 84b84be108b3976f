"""One broadcast, by its uuid."""

from uuid import UUID

import pytest
from django.core.management import CommandError

from broadcasts.models import Broadcast
from tests.make import make_broadcast, make_contacts
from tests.sending.steps import pump, start


@pytest.fixture
def broadcast(mail):
    make_contacts(mail.organization, 3)
    return make_broadcast(mail)


def test_a_broadcast_is_sent_now(command, broadcast):
    said, _ = command("send_broadcast", broadcast.uuid)
    broadcast.refresh_from_db()
    assert broadcast.status == Broadcast.Status.SENDING
    assert "is being sent" in said


def test_a_broadcast_is_sent_after_an_undo_window_and_undone(command, broadcast):
    said, _ = command("send_broadcast", broadcast.uuid, undo=600)
    assert "will be sent in 10 minutes" in said and f"undo_broadcast {broadcast.uuid}" in said
    assert Broadcast.objects.get().is_undoable
    said, _ = command("undo_broadcast", broadcast.uuid)
    assert "is a draft again. Nothing was sent." in said
    assert Broadcast.objects.get().status == Broadcast.Status.DRAFT


def test_what_has_begun_is_not_undone(command, broadcast):
    command("send_broadcast", broadcast.uuid)
    with pytest.raises(CommandError, match="pause or cancel it"):
        command("undo_broadcast", broadcast.uuid)


@pytest.mark.parametrize("seconds", [-1, 3601])
def test_an_undo_window_has_an_end(command, broadcast, seconds):
    with pytest.raises(CommandError, match="give 0 to 3600 seconds"):
        command("send_broadcast", broadcast.uuid, undo=seconds)
    assert Broadcast.objects.get().status == Broadcast.Status.DRAFT


def test_what_cannot_be_sent_says_why(command, mail):
    with pytest.raises(CommandError):
        command("send_broadcast", make_broadcast(mail).uuid)


@pytest.mark.parametrize(("uuid", "words"), [("x", "not a UUID"), (UUID(int=7), "There is no broadcast")])
@pytest.mark.parametrize("name", [f"{verb}_broadcast" for verb in ("send", "undo", "schedule", "cancel", "show")])
def test_a_broadcast_that_is_not_there_is_refused(db, command, name, uuid, words):
    with pytest.raises(CommandError, match=words):
        command(name, uuid)


def test_a_moment_without_a_zone_is_the_organizations(command, broadcast, club):
    club.time_zone = "Europe/Madrid"
    club.save()
    said, _ = command("schedule_broadcast", broadcast.uuid, at="2100-06-01T09:00")
    broadcast.refresh_from_db()
    assert broadcast.scheduled_at.isoformat() == "2100-06-01T07:00:00+00:00"
    assert "1 Jun 2100, 09:00 Europe/Madrid" in said


@pytest.mark.parametrize(
    ("at", "words"),
    [("tomorrow", "write a moment as"), ("9999-12-31T23:59", "too far away"), (None, "no time yet")],
)
def test_a_moment_is_needed_to_schedule(command, broadcast, at, words):
    with pytest.raises(CommandError, match=words):
        command("schedule_broadcast", broadcast.uuid, at=at)


def test_cancelling_a_scheduled_one_says_that_nothing_was_sent(command, broadcast):
    command("schedule_broadcast", broadcast.uuid, at="2100-06-01T09:00")
    told, _ = command("cancel_broadcast", broadcast.uuid)
    assert "It had not begun: nothing was sent." in told
    broadcast.refresh_from_db()
    assert broadcast.status == Broadcast.Status.CANCELLED


def test_cancelling_stops_one_under_way(command, broadcast):
    command("send_broadcast", broadcast.uuid)
    command("cancel_broadcast", broadcast.uuid)
    broadcast.refresh_from_db()
    assert broadcast.status == Broadcast.Status.CANCELLED


@pytest.mark.parametrize("watch", [True, False])
def test_the_numbers_of_a_broadcast_are_shown(command, broadcast, server, watch):
    start(broadcast)
    pump(broadcast)
    said, _ = command("show_broadcast", broadcast.uuid, watch=watch)
    assert "Swimming Club" in said
    assert "3  sent" in said
