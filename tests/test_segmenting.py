"""Static segments: people put in, taken out, and frozen from rules."""

import pytest

from broadcasts import segmenting
from broadcasts.exceptions import InvalidInput, WrongState
from broadcasts.models import Contact, Segment, SegmentMember

from .make import make_contact, make_contacts


@pytest.fixture
def masters(club):
    return Segment.objects.create(organization=club, name="Masters", kind="static")


@pytest.fixture
def spanish(club):
    make_contact(club, language="es")
    return Segment.objects.create(organization=club, name="Spanish", rules={"language": "es"})


def test_people_are_put_in_once_and_taken_out_in_two_statements_each(club, masters, django_assert_num_queries):
    make_contacts(club, 3)
    with django_assert_num_queries(4):  # with those of a savepoint
        assert segmenting.add(masters, Contact.objects.all()) == 3
    assert segmenting.add(masters, Contact.objects.order_by("full_name")) == 0
    with django_assert_num_queries(4):
        assert segmenting.remove(masters, Contact.objects.order_by("-id")) == 3


def test_nobody_is_put_in_and_nobody_taken_out(masters):
    assert segmenting.add(masters, Contact.objects.filter(pk__in=[])) == 0
    assert segmenting.remove(masters, Contact.objects.none()) == 0


def test_people_of_another_organization_are_never_put_in(masters, elsewhere):
    make_contact(elsewhere)
    assert segmenting.add(masters, Contact.objects.all()) == 0


def test_a_dynamic_segment_has_no_members_to_change(spanish):
    for change in (segmenting.add, segmenting.remove):
        with pytest.raises(WrongState):
            change(spanish, Contact.objects.all())


def test_a_frozen_segment_stays_as_it_is(club, spanish):
    frozen = segmenting.freeze(spanish, " Spanish in May ")
    make_contact(club, language="es")
    assert (frozen.name, frozen.kind, frozen.contacts_count) == ("Spanish in May", "static", 1)
    assert frozen.members.count() == 1


@pytest.mark.parametrize("name", ["", " ", "SPANISH", "x" * 256])
def test_a_frozen_segment_needs_a_name_of_its_own(spanish, name):
    with pytest.raises(InvalidInput) as refused:
        segmenting.freeze(spanish, name)
    assert list(refused.value.errors) == ["name"]
    assert Segment.objects.count() == 1


def test_what_cannot_be_frozen_leaves_nothing_behind(club, masters):
    odd = Segment.objects.create(organization=club, name="Odd", rules={"nonsense": 1})
    with pytest.raises(InvalidInput):
        segmenting.freeze(odd, "Frozen")
    with pytest.raises(WrongState):
        segmenting.freeze(masters, "Frozen")
    assert not Segment.objects.filter(name="Frozen").exists()
    assert not SegmentMember.objects.exists()
