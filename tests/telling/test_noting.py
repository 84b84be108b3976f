"""Events are noted with the facts, and only where somebody wants them."""

import pytest
from django.db import transaction

from broadcasts import consenting, noting, sending, tracking
from broadcasts.models import Contact, EventNote, Link
from tests.make import make_broadcast, make_contact, make_contacts
from tests.sending.steps import send, start

HELLO = {"source": "form", "evidence": {}}


def noted() -> list[str]:
    """The types that are noted, each as often as there are events."""
    items = [item for note in EventNote.objects.order_by("pk") for item in note.items]
    return [type for type, _, deliveries, *_ in items for _ in deliveries or [0]]


def test_nothing_is_noted_without_a_subscription(delivery):
    tracking.record(delivery, "delivered")
    assert noted() == []


def test_only_types_that_an_active_subscription_wants_are_noted(delivery, club, elsewhere, subscribe):
    subscribe(club, "clicked")
    subscribe(club, "delivered", name="Off", is_active=False)
    subscribe(elsewhere, "delivered")
    tracking.record(delivery, "delivered")
    tracking.record(delivery, "clicked")
    assert noted() == ["clicked"]


def test_a_fact_and_its_note_are_written_together_or_not_at_all(delivery, club, subscribe):
    subscribe(club)
    with pytest.raises(RuntimeError), transaction.atomic():
        tracking.record(delivery, "delivered")
        raise RuntimeError
    assert noted() == []


def test_what_a_fact_implies_is_noted_before_it(delivery, club, subscribe):
    subscribe(club)
    type(delivery).objects.update(status="unknown", sent_at=None)
    tracking.record(delivery, "clicked")
    assert noted() == ["sent", "opened", "clicked"]


def test_a_repeated_report_is_noted_only_where_it_is_stored_again(delivery, club, subscribe):
    subscribe(club)
    for fact in ("delivered", "delivered", "opened", "opened"):
        tracking.record(delivery, fact)
    assert noted() == ["delivered", "opened", "opened"]
    assert [item[4] for note in EventNote.objects.order_by("pk") for item in note.items] == [1, 1, 0]


def test_machines_are_not_told_of(delivery, club, subscribe):
    subscribe(club)
    tracking.record(delivery, "opened", machine=True)
    assert noted() == []


def test_a_changed_consent_is_noted_wherever_it_is_changed(club, subscribe):
    subscribe(club)
    contact = make_contact(club)
    consenting.withdraw(contact, "email", "marketing", **HELLO)
    consenting.withdraw(contact, "email", "marketing", **HELLO)
    assert noted() == ["consent.changed"]


def test_a_broadcast_is_noted_from_start_to_finish_with_its_copies(mail, club, subscribe, server):
    subscribe(club)
    make_contacts(club, 3)
    send(make_broadcast(mail))
    assert noted() == ["broadcast.started", "sent", "sent", "sent", "broadcast.finished"]


def test_a_pause_a_resume_and_a_cancel_are_noted(mail, club, subscribe):
    subscribe(club)
    make_contacts(club, 1)
    broadcast = start(make_broadcast(mail))
    sending.pause(broadcast)
    sending.resume(broadcast)
    sending.cancel(broadcast)
    sending.close(broadcast.pk)
    kinds = ["started", "paused", "resumed", "cancelled", "finished"]
    assert noted() == [f"broadcast.{kind}" for kind in kinds]


def test_notes_hold_no_personal_data(delivery, club, subscribe):
    subscribe(club)
    link = Link.objects.create(message=delivery.message, url="https://club.example/", digest="x")
    tracking.record(delivery, "bounced", detail={"error": f"no mailbox {delivery.address}"})
    tracking.record(delivery, "clicked", link=link)
    told = str(list(EventNote.objects.values_list("items", flat=True)))
    assert Contact.objects.get().email not in told
    assert "club.example" not in told


def test_whether_somebody_wants_it_is_asked_once_in_a_while(delivery, django_assert_num_queries):
    noting.wanted(delivery.message.broadcast.organization_id)
    with django_assert_num_queries(0):
        noting.note_outcomes(delivery.message.broadcast, [delivery.pk], [])
