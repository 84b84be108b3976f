"""A yes and a no at the same moment, on real connections: whoever says no after all is left alone."""

from threading import Event, Thread

import pytest
from django.db import connection

from broadcasts import confirming, consenting, contacts, tracking
from broadcasts.consenting import record
from broadcasts.exceptions import WrongState
from broadcasts.models import Consent, ConsentChange, Contact, Delivery, PersonalLink, Suppression
from tests.make import make_broadcast, make_contact, make_delivery
from tests.sending.test_concurrency import at_once

pytestmark = pytest.mark.django_db(transaction=True)
PLACE = ("email", "marketing")
PROOF = {"source": "desk", "evidence": {"wording": "Yes", "time": "2026-01-01T00:00:00Z"}}


@pytest.fixture
def joe(club):
    return make_contact(club, "joe@example.com")


def test_a_no_said_while_staff_write_down_a_yes_is_not_lifted(joe, monkeypatch):
    """The yes has looked for noes already when the no comes."""
    looked, done = Event(), Event()
    demand = record._demand_later_yes

    def slow(*args):
        demand(*args)
        looked.set()
        done.wait(0.3)

    monkeypatch.setattr(record, "_demand_later_yes", slow)

    def refuse():
        try:
            looked.wait(5)
            consenting.withdraw(joe, *PLACE, source="page", evidence={})
        finally:
            done.set()
            connection.close()

    thread = Thread(target=refuse)
    thread.start()
    consenting.grant(joe, *PLACE, **PROOF)
    thread.join()
    assert Consent.objects.get().state == "withdrawn"
    assert Suppression.objects.filter(reason="unsubscribe").exists()


def test_two_confirmations_at_once_are_one_yes(joe, mail):
    confirming.ask(joe, "marketing", source="form", evidence={})
    link = PersonalLink.objects.get()
    assert at_once(3, lambda: confirming.confirm(link, evidence={})) == [True] * 3
    assert list(ConsentChange.objects.values_list("state", flat=True)) == ["pending", "granted"]


def test_unsubscribing_many_times_at_once_is_one_no(joe, mail):
    delivery = make_delivery(make_broadcast(mail), joe)
    assert sorted(at_once(4, tracking.unsubscribe, delivery.pk, "page")) == [False, False, False, True]
    assert Suppression.objects.count() == Consent.objects.count() == 1


def test_unsubscribing_while_two_become_one_is_the_kept_ones_no(joe, club, mail):
    """Whichever is first."""
    keep = make_contact(club, "ann@example.com")
    delivery = make_delivery(make_broadcast(mail), joe)
    acts = [lambda: contacts.merge(keep, [joe]), lambda: tracking.unsubscribe(delivery.pk, "page")]
    found = at_once(2, lambda: acts.pop()())
    assert not [one for one in found if isinstance(one, Exception)]
    assert Consent.objects.get(contact=keep).state == "withdrawn"


def test_erasing_while_they_unsubscribe_leaves_nothing_of_them(joe, mail):
    delivery = make_delivery(make_broadcast(mail), joe)
    acts = [lambda: contacts.erase(joe), lambda: tracking.unsubscribe(delivery.pk, "page")]
    found = at_once(2, lambda: acts.pop()())
    assert not [one for one in found if isinstance(one, Exception) and not isinstance(one, WrongState)]
    assert not Contact.objects.exists() and not Suppression.objects.exclude(address="").exists()
    assert Delivery.objects.get().address == ""
