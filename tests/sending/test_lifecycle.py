from datetime import timedelta

import pytest
from django.utils import timezone

from broadcasts import sending
from broadcasts.exceptions import EmptyAudience, InvalidInput, NotReady, WrongState
from broadcasts.models import AuditEntry, Batch, Broadcast, Channel, Contact, Delivery, Organization
from broadcasts.sending import fairness, outcomes
from broadcasts.sending.window import Windows
from broadcasts.transports import TransportError
from tests.make import make_broadcast, make_contact, make_contacts

from . import steps

Status = Broadcast.Status


@pytest.fixture
def broadcast(club, mail, server):
    make_contacts(club, 3)
    return make_broadcast(mail)


def test_send_starts_a_draft_and_sets_its_time(broadcast, sender):
    sending.send(broadcast, by=sender.user)
    assert broadcast.status == Status.SENDING
    assert broadcast.scheduled_at is not None
    assert AuditEntry.objects.get(act="send").user == sender.user


def test_send_keeps_the_time_that_it_was_scheduled_for(broadcast):
    moment = timezone.now() + timedelta(days=1)
    sending.schedule(broadcast, moment)
    sending.send(broadcast)
    assert broadcast.scheduled_at == moment


def test_send_keeps_no_time_that_was_unscheduled(broadcast):
    sending.schedule(broadcast, timezone.now() + timedelta(days=1))
    sending.unschedule(broadcast)
    sending.send(broadcast)
    assert broadcast.scheduled_at == broadcast.started_at


def test_send_keeps_the_clock_time_that_people_wait_for(broadcast):
    moment = timezone.now() + timedelta(hours=2)
    Broadcast.objects.update(scheduled_at=moment, local_time=True)
    broadcast.refresh_from_db()
    sending.send(broadcast)
    assert broadcast.scheduled_at == moment


@pytest.mark.parametrize("status", sorted(Broadcast.STARTED))
def test_what_has_started_cannot_be_sent_again(broadcast, status):
    Broadcast.objects.update(status=status)
    with pytest.raises(WrongState, match=r"^Valid states for operation: Draft, Scheduled\.$"):
        sending.send(broadcast)
    assert Broadcast.objects.get().status == status


def test_an_empty_audience_is_refused_and_changes_nothing(broadcast):
    Contact.objects.all().delete()
    with pytest.raises(EmptyAudience, match="matches nobody"):
        sending.send(broadcast)
    assert Broadcast.objects.get().status == Status.DRAFT


def test_an_audience_that_is_left_out_whole_is_refused_with_the_reasons(broadcast):
    Contact.objects.update(status="blocked")
    with pytest.raises(EmptyAudience, match="blocked 3"):
        sending.send(broadcast)


def test_without_a_channel_it_says_what_to_add(broadcast):
    broadcast.messages.update(channel=None)
    broadcast.organization.channels.all().delete()
    with pytest.raises(NotReady, match="no e-mail channel to send through: add one"):
        sending.send(broadcast)
    assert Broadcast.objects.get().status == Status.DRAFT


def test_a_channel_that_is_switched_off_refuses(broadcast, mail):
    mail.is_active = False
    mail.save()
    with pytest.raises(NotReady, match="switched off"):
        sending.send(broadcast)


def test_a_suspended_organization_sends_nothing(broadcast, club):
    club.status = "suspended"
    club.save()
    with pytest.raises(NotReady, match="suspended"):
        sending.send(Broadcast.objects.get())


def test_schedule_needs_a_time(broadcast):
    with pytest.raises(NotReady, match="no time yet"):
        sending.schedule(broadcast)


def test_schedule_again_changes_nothing(broadcast):
    moment = timezone.now() + timedelta(hours=1)
    sending.schedule(broadcast, moment)
    modified = Broadcast.objects.get().modified
    sending.schedule(broadcast)
    assert Broadcast.objects.get().modified == modified


def test_schedule_again_with_a_time_moves_it(broadcast):
    sending.schedule(broadcast, timezone.now() + timedelta(hours=1))
    later = timezone.now() + timedelta(hours=2)
    sending.schedule(broadcast, later)
    assert Broadcast.objects.get().due_from == later


def test_a_time_after_its_expiry_is_refused(broadcast):
    broadcast.expires_at = timezone.now() + timedelta(hours=1)
    broadcast.save()
    with pytest.raises(InvalidInput, match="scheduled_at"):
        sending.schedule(broadcast, timezone.now() + timedelta(hours=2))


def test_unschedule_makes_it_a_draft_again(broadcast):
    sending.schedule(broadcast, timezone.now() + timedelta(hours=1))
    sending.unschedule(broadcast)
    assert broadcast.status == Status.DRAFT


def test_pause_holds_and_resume_goes_on(broadcast, server):
    steps.start(broadcast)
    sending.pause(broadcast)
    steps.pump(broadcast)
    assert server.received == []
    sending.resume(broadcast)
    steps.pump(broadcast)
    assert len(server.received) == 3
    assert broadcast.status == Status.SENT


def test_a_pause_takes_effect_within_one_window(broadcast, club, server):
    make_contacts(club, 30)
    server.before = lambda envelope: Broadcast.objects.filter(status="SENDING").update(status="PAUSED")
    steps.send(broadcast)
    assert 1 <= len(server.received) <= 10
    assert steps.log(broadcast)["pending"] == 33 - len(server.received)


def test_cancel_keeps_what_was_sent_and_accounts_for_the_rest(broadcast, club, server):
    make_contacts(club, 30)
    server.before = lambda envelope: Broadcast.objects.filter(status="SENDING").update(status="CANCELLED")
    steps.send(broadcast)
    sending.close(broadcast.pk)
    log = steps.log(broadcast)
    assert log["sent"] == len(server.received)
    assert log["sent"] + log["cancelled"] == 33
    assert Broadcast.objects.get().completed_at is not None


@pytest.mark.parametrize("last", [{"sent": 1, "untried": 1}, {"again": 2}])
def test_a_cancel_also_follows_a_worker_that_lets_go_while_it_is_written_down(
    broadcast, club, mail, settings, monkeypatch, last
):
    settings.BATCH_SIZE = 2
    make_contacts(club, 1)
    steps.start(broadcast)
    held = fairness.claim(mail)
    window = Windows(held.message).read(held, 2)
    outcomes.commit(held, outcomes.Results(), window, mail)
    sending.cancel(broadcast)
    rest = [row.pk for row in window]
    results = outcomes.Results(
        sent=rest[: last.get("sent", 0)],
        untried=rest[len(rest) - last.get("untried", 0) :],
        again=dict.fromkeys(rest[: last.get("again", 0)], (1, "451 later")),
    )
    deliveries = Batch.deliveries

    def let_go_first(batch):
        monkeypatch.setattr(Batch, "deliveries", deliveries)
        outcomes.commit(held, results, [], mail, Batch.State.DONE)
        return deliveries(batch)

    monkeypatch.setattr(Batch, "deliveries", let_go_first)
    sending.close(broadcast.pk)
    sending.tick()
    assert steps.log(broadcast)["pending"] == 0
    assert Broadcast.objects.get().completed_at is not None


def test_a_suspension_takes_effect_within_one_window_and_its_end_goes_on(broadcast, club, server):
    make_contacts(club, 27)
    server.before = lambda envelope: Organization.objects.update(status="suspended")
    steps.send(broadcast)
    assert 1 <= len(server.received) <= 10
    server.before = lambda envelope: None
    Organization.objects.update(status="active")
    steps.pump(broadcast)
    assert steps.log(broadcast) == {"sent": 30}
    assert set(server.copies.values()) == {1}


def test_a_channel_that_is_switched_off_is_let_go_once(broadcast, club, mail, server):
    make_contacts(club, 27)
    server.before = lambda envelope: Channel.objects.update(is_active=False)
    steps.start(broadcast)
    sending.run_pump(mail.pk, seconds=1)
    assert 1 <= len(server.received) <= 10
    assert Batch.objects.get().token == 1


def test_a_draft_cannot_be_cancelled(broadcast):
    with pytest.raises(WrongState, match="Sending, Paused"):
        sending.cancel(broadcast)


def test_duplicate_copies_content_and_people_into_a_draft(broadcast, club):
    joe = make_contact(club)
    broadcast.contacts.add(joe)
    copy = sending.duplicate(broadcast)
    assert copy.status == Status.DRAFT
    assert copy.parent == broadcast
    assert list(copy.contacts.all()) == [joe]
    assert copy.messages.get().translations.get().subject == "Pool closed"


def test_a_duplicate_of_something_sent_can_be_sent(broadcast, server):
    steps.send(broadcast)
    copy = sending.duplicate(broadcast)
    steps.send(copy)
    assert copy.status == Status.SENT
    assert len(server.received) == 6


def test_retry_sends_to_the_failed_only_as_a_linked_child(broadcast, server):
    failing = Contact.objects.first().email
    server.answers[failing] = server_error = refusal()
    steps.send(broadcast)
    assert steps.delivery(broadcast, failing).error == str(server_error)
    server.answers.clear()
    server.received.clear()
    child = sending.retry(broadcast)
    sending.expand(child.pk)
    steps.pump(child)
    assert list(server.copies) == [failing]
    assert (child.parent, child.origin, child.status) == (broadcast, "retry", Status.SENT)


def test_a_broadcast_is_retried_once(broadcast, server):
    server.answers[Contact.objects.first().email] = refusal()
    steps.send(broadcast)
    sending.retry(broadcast)
    with pytest.raises(WrongState, match="retried already"):
        sending.retry(broadcast)
    assert Broadcast.objects.count() == 2


def test_retry_needs_something_that_failed(broadcast):
    steps.send(broadcast)
    with pytest.raises(WrongState, match="nothing to retry"):
        sending.retry(broadcast)


def test_content_that_breaks_is_refused_before_anything_is_sent(broadcast):
    broadcast.messages.get().translations.update(text="Hello {{ contact.name ")
    with pytest.raises(InvalidInput):
        sending.send(broadcast)
    assert Broadcast.objects.get().status == Status.DRAFT
    assert not Delivery.objects.exists()


def refusal():
    return TransportError("The server refused this recipient: 550 no", permanent=True, code="550")
