"""Deleting people: nobody else gets more for it, and they themselves no more when they come back."""

import pytest

from broadcasts import audience, consenting, contacts
from broadcasts.models import Contact, Suppression
from tests.admin.conftest import sign_in
from tests.api.conftest import client_of
from tests.make import make_broadcast, make_contact, make_delivery


@pytest.fixture
def joe(club):
    return make_contact(club, "joe@example.com")


@pytest.fixture
def retarget(mail, joe):
    """A draft to Joe alone, of those whom an earlier broadcast went to; Ann is another of them."""
    earlier = make_broadcast(mail, status="SENT")
    for contact in (joe, make_contact(joe.organization, "ann@example.com")):
        make_delivery(earlier, contact)
    draft = make_broadcast(mail, send_to_all=False, retarget_of=earlier, retarget_engagement="sent")
    draft.contacts.add(joe)
    return draft


def reached(broadcast):
    broadcast.refresh_from_db()
    return [contact.email for contact in audience.matched(audience.Audience.of(broadcast))]


def test_a_retarget_of_one_who_is_deleted_is_of_nobody(retarget, joe):
    contacts.delete(joe)
    assert reached(retarget) == []


def test_a_retarget_of_others_as_well_is_of_those(retarget, joe):
    retarget.contacts.add(Contact.objects.get(email="ann@example.com"))
    contacts.delete(joe)
    assert reached(retarget) == ["ann@example.com"]


def test_a_no_outlives_the_contact_also_at_its_later_address(joe, club):
    consenting.withdraw(joe, "email", "marketing", source="page", evidence={})
    joe.email = "joe@new.example"
    joe.save()
    contacts.delete(joe)
    again = make_contact(club, "joe@new.example")
    assert consenting.blocking(again, "email", "marketing").exists()


def test_who_said_nothing_leaves_nothing(joe):
    contacts.delete(joe)
    assert not Contact.objects.exists() and not Suppression.objects.exists()


def test_deleting_twice_changes_nothing(joe):
    gone = Contact.objects.get()
    contacts.delete(joe)
    contacts.delete(gone)
    assert not Contact.objects.exists()


@pytest.mark.parametrize("door", ["api", "admin"])
def test_both_doors_delete_so(door, retarget, joe, admin):
    if door == "api":
        gone = client_of(admin).delete(f"/api/contacts/{joe.uuid}/").status_code == 204
    else:
        gone = (
            sign_in(admin.user).post(f"/admin/broadcasts/contact/{joe.pk}/delete/", {"post": "yes"}).status_code == 302
        )
    assert gone and reached(retarget) == []
