"""Static segments: filled from the contact list, and frozen from rules."""

import pytest
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.urls import reverse
from django.utils import timezone

from broadcasts.formats import day
from broadcasts.models import AuditEntry, Contact, Segment
from tests.make import make_contact, make_contacts

from .conftest import sign_in

CONTACTS = "admin:broadcasts_contact_changelist"


@pytest.fixture
def masters(club):
    return Segment.objects.create(organization=club, name="Masters", kind="static")


@pytest.fixture
def spanish(club):
    make_contact(club, language="es")
    return Segment.objects.create(organization=club, name="Spanish", rules={"language": "es"})


def act(user, name, pks, query="", **fields):
    data = {"action": name, ACTION_CHECKBOX_NAME: pks, **fields}
    return sign_in(user).post(reverse(CONTACTS) + query, data, follow=True)


def test_ticked_contacts_are_added_and_removed(author, club, masters):
    first, second, _ = make_contacts(club, 3)
    asked = act(author.user, "add_to_segment", [first.pk, second.pk])
    assert "<strong>2</strong> contacts chosen" in asked.content.decode()
    assert not masters.members.exists()
    act(author.user, "add_to_segment", [first.pk, second.pk], segment=masters.pk)
    masters.refresh_from_db()
    assert (masters.members.count(), masters.contacts_count) == (2, 2)
    act(author.user, "remove_from_segment", [first.pk], segment=masters.pk)
    assert masters.members.get().contact == second
    assert AuditEntry.objects.filter(act="change").count() == 2


def test_all_that_the_search_and_filters_find_are_added(author, club, masters):
    make_contacts(club, 2, language="es")
    only = make_contact(club)
    act(author.user, "add_to_segment", [only.pk], "?language=es", select_across="1", segment=masters.pk)
    assert set(masters.members.values_list("contact__language", flat=True)) == {"es"}
    act(author.user, "add_to_segment", [only.pk], f"?q={only.email}", select_across="1", segment=masters.pk)
    assert masters.members.count() == 3


def test_only_a_static_segment_of_ones_own_can_be_chosen(author, club, elsewhere, spanish):
    theirs = Segment.objects.create(organization=elsewhere, name="Theirs", kind="static")
    for segment in (spanish, theirs):
        answer = act(author.user, "add_to_segment", [Contact.objects.get().pk], segment=segment.pk)
        assert "segment" in answer.context["form"].errors
        assert not segment.members.exists()


def test_contacts_of_another_organization_stay_out(author, masters, elsewhere):
    theirs = make_contact(elsewhere)
    act(author.user, "add_to_segment", [theirs.pk], segment=masters.pk)
    assert not masters.members.exists()


def test_a_viewer_changes_no_members(viewer, club, masters):
    contact = make_contact(club)
    act(viewer.user, "add_to_segment", [contact.pk], segment=masters.pk)
    assert not masters.members.exists()


def test_a_rule_is_frozen_under_a_name(author, spanish):
    address = reverse("admin:broadcasts_segment_freeze", args=[spanish.pk])
    client = sign_in(author.user)
    assert f"Spanish, {day(timezone.localdate())}" in client.get(address).content.decode()
    assert "already" in client.post(address, {"name": "spanish"}).content.decode()
    client.post(address, {"name": "Spanish in May"})
    assert Segment.objects.get(name="Spanish in May").members.count() == 1


def test_rules_that_cannot_be_used_are_not_frozen_and_say_why(author, club):
    odd = Segment.objects.create(organization=club, name="Odd", rules={"nonsense": 1})
    address = reverse("admin:broadcasts_segment_freeze", args=[odd.pk])
    answer = sign_in(author.user).post(address, {"name": "Frozen"})
    assert "cannot be used" in answer.content.decode()
    assert Segment.objects.count() == 1


def test_who_may_not_freeze(viewer, stranger, spanish, masters):
    address = reverse("admin:broadcasts_segment_freeze", args=[spanish.pk])
    assert sign_in(viewer.user).post(address, {"name": "x"}).status_code == 403
    assert sign_in(stranger.user).post(address, {"name": "x"}).status_code == 404
    static = reverse("admin:broadcasts_segment_freeze", args=[masters.pk])
    assert sign_in(viewer.user).get(static).status_code == 404


def test_a_static_segment_shows_no_rules(author, masters):
    page = sign_in(author.user).get(reverse("admin:broadcasts_segment_change", args=[masters.pk])).content.decode()
    assert 'name="rules"' not in page
    assert "Import members" in page
