"""A copy is sent to the address that its contact has when it is sent, which is checked again."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from broadcasts import consenting, contacts, sending
from broadcasts.models import Broadcast, Channel, Contact, Delivery
from broadcasts.sending import fairness, outcomes, rounds
from broadcasts.sending.window import Windows
from broadcasts.transports import TransportError
from tests.make import make_broadcast, make_contact

from . import steps

OLD, NEW = "old@example.com", "new@example.com"


@pytest.fixture
def person(club) -> Contact:
    return make_contact(club, OLD, phone="+34600000001")


@pytest.fixture
def waiting(mail, person, server) -> Broadcast:
    """Its only copy is pending."""
    return steps.start(make_broadcast(mail))


def change(person: Contact, email: str) -> None:
    person.email = email
    person.save()


def came_to() -> tuple[str, str, str]:
    return Delivery.objects.values_list("address", "status", "reason").get()


def test_it_goes_to_the_address_of_now_which_the_log_names(waiting, person, server):
    change(person, NEW)
    steps.pump(waiting)
    assert server.copies == {NEW: 1}
    assert came_to() == (NEW, "sent", "")


def test_a_no_of_the_old_address_is_kept_though_the_new_one_gets_it(waiting, club, person, server):
    change(person, NEW)
    consenting.suppress(club, "email", OLD, "manual")
    steps.pump(waiting)
    assert server.copies == {NEW: 1}


def test_a_no_of_the_new_address_stops_it(waiting, club, person, server):
    consenting.suppress(club, "email", NEW, "hard_bounce")
    change(person, NEW)
    steps.pump(waiting)
    assert not server.received
    assert came_to() == (NEW, "skipped", "bounced")


@pytest.mark.parametrize(("email", "reason"), [("", "no_address"), ("ñu@example.com", "invalid_address")])
def test_an_address_that_was_removed_or_cannot_be_sent_to_gets_nothing(waiting, person, server, email, reason):
    change(person, email)
    steps.pump(waiting)
    assert not server.received
    assert came_to() == (email or OLD, "skipped", reason)
    assert waiting.status == Broadcast.Status.SENT


def test_it_is_written_before_the_copy_leaves(waiting, person, server):
    change(person, NEW)
    server.before = lambda envelope: seen.append(came_to())
    seen: list = []
    steps.pump(waiting)
    assert seen == [(NEW, "pending", "")]


def test_a_retry_goes_to_the_address_of_its_own_turn(waiting, person, server):
    server.answers = {OLD: TransportError("451 later")}
    steps.pump(waiting)
    change(person, NEW)
    steps.come_due()
    rounds.gather()
    steps.pump(waiting)
    assert server.copies == {NEW: 1}
    assert Delivery.objects.values_list("address", "status", "attempts").get() == (NEW, "sent", 2)


def test_a_refusal_for_good_is_one_of_the_new_address(waiting, club, person, server):
    change(person, NEW)
    server.answers = {NEW: TransportError("550 5.1.1 nobody", permanent=True, bounced=True)}
    steps.pump(waiting)
    assert list(club.suppressions.values_list("address", "reason")) == [(NEW, "hard_bounce")]


def test_staff_who_send_an_unknown_copy_again_reach_the_address_of_now(waiting, person, server):
    server.answers = {OLD: TransportError("lost", handed_over=True)}
    steps.pump(waiting)
    change(person, NEW)
    sending.resend(Delivery.objects.get())
    rounds.gather()
    steps.pump(waiting)
    assert server.copies == {NEW: 1}


def test_the_domain_of_the_new_address_sets_the_pace(mail, club, person, server):
    mail.domain_rates = {"gmail.com": 1}
    mail.save()
    make_contact(club, "first@gmail.com")
    broadcast = steps.start(make_broadcast(mail))
    change(person, "second@gmail.com")
    steps.pump(broadcast)
    assert server.copies.total() == 1
    waits = Delivery.objects.get(status="pending")
    assert (waits.address.endswith("@gmail.com"), waits.error) == (True, "Waits its turn: gmail.com takes 1 a second.")


def test_it_is_the_field_of_the_channel_that_counts(club, mail, person, server):
    text = Channel.objects.create(organization=club, name="Text", kind="console", address_field="phone")
    broadcast = steps.start(make_broadcast(text))
    person.phone = "+34600000002"
    change(person, NEW)
    steps.pump(broadcast)
    assert server.copies == {"+34600000002": 1}


def test_whoever_was_merged_gets_it_at_the_address_of_the_person(mail, club, person, server):
    broadcast = steps.start(make_broadcast(mail))
    contacts.merge(make_contact(club, NEW), [person])
    steps.pump(broadcast)
    assert server.copies == {NEW: 1}
    assert came_to() == (NEW, "sent", "")


def test_whoever_was_erased_since_their_window_was_read_is_not_named_again(waiting, mail, person):
    change(person, NEW)
    lease = fairness.claim(mail)
    window = Windows(lease.message).read(lease, 1)
    contacts.erase(person)
    outcomes.commit(lease, outcomes.Results(moved={row.pk: row.address for row in window}), window, mail)
    assert came_to()[0] == ""


def test_where_nobody_moved_no_address_is_written(waiting):
    with CaptureQueriesContext(connection) as asked:
        steps.pump(waiting)
    assert not [one["sql"] for one in asked if 'SET "address"' in one["sql"]]
