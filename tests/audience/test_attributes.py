"""Attributes: typed by the registry, the same on every database."""

import pytest

from broadcasts.audience import validate
from broadcasts.exceptions import InvalidInput
from broadcasts.models import Attribute, Contact

from ..make import make_contact
from .people import chosen


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"plan": "pro"}, "ana chi"),
        ({"plan": "basic"}, ""),
        ({"plan": ["pro", "Basic"]}, "ana bob chi"),
        ({"plan__in": "pro,Basic"}, "ana bob chi"),
        ({"plan__icontains": "BAS"}, "bob"),
        ({"plan__exists": True}, "ana bob chi"),
        ({"plan__exists": "false"}, "dan eve"),
        ({"age": 30}, "ana"),
        ({"age": "30.0"}, "ana"),
        ({"age__gt": 9}, "ana"),
        ({"age__gte": 9}, "ana bob"),
        ({"age__lt": 30}, "bob"),
        ({"age__lte": [5, 9]}, "bob"),
        ({"age__in": [9, 30]}, "ana bob"),
        ({"member": True}, "ana"),
        ({"member": "false"}, "bob"),
        ({"member__exists": True}, "ana bob"),
        ({"tags": "yoga"}, "ana"),
        ({"tags": ["yoga", "polo"]}, "ana"),
        ({"tags": "yog"}, ""),
        ({"tags__exists": True}, "ana bob"),
        ({"born": "1996-05-01"}, "ana"),
        ({"born__gte": "1996-05-01"}, "ana bob"),
        ({"born__gt": "1996-05-01"}, "bob"),
        ({"born__lt": "2017-01-31"}, "ana"),
        ({"born__lte": "2017-01-31"}, "ana bob"),
    ],
)
def test_an_attribute_chooses_by_its_type(club, people, query, expected):
    assert chosen({f"attributes__{key}": value for key, value in query.items()}, club) == expected


def test_numbers_compare_as_numbers_and_not_as_text(club):
    make_contact(club, full_name="Nine", attributes={"age": 9})
    make_contact(club, full_name="Ten", attributes={"age": 10})
    make_contact(club, full_name="Words", attributes={"age": "eleven"})
    make_contact(club, full_name="Huge", attributes={"age": 10**400})
    make_contact(club, full_name="Precise", attributes={"age": 0.1})
    assert chosen({"attributes__age__gt": 9}, club) == "ten"
    assert chosen({"attributes__age": 0.1}, club) == "precise"


def test_moments_are_compared_in_utc_and_a_day_counts_whole(club):
    make_contact(club, full_name="Early", attributes={"joined": "2026-03-01T08:00:00Z"})
    make_contact(club, full_name="Late", attributes={"joined": "2026-03-01 21:30:00"})
    assert chosen({"attributes__joined": "2026-03-01"}, club) == "early late"
    assert chosen({"attributes__joined__gt": "2026-03-01T10:00:00+02:00"}, club) == "late"
    assert chosen({"attributes__joined__lte": "2026-03-01T09:00:00+01:00"}, club) == "early"


def test_null_counts_as_absent(club):
    make_contact(club, full_name="Some", attributes={"plan": "pro"})
    Contact.objects.create(organization=club, full_name="Null", attributes={"plan": None})
    assert chosen({"attributes__plan__exists": False}, club) == "null"
    assert chosen({"not": {"attributes__plan": "pro"}}, club) == "null"


def test_a_list_holds_numbers_and_single_values_too(club):
    make_contact(club, full_name="Listed", attributes={"sizes": [5, "x'%"]})
    Contact.objects.create(organization=club, full_name="Single", attributes={"sizes": "x'%"})
    assert chosen({"attributes__sizes": 5}, club) == "listed"
    assert chosen({"attributes__sizes": "x'%"}, club) == "listed single"


def test_hostile_values_are_values(club):
    make_contact(club, full_name="Bobby", attributes={"plan": "'; DROP TABLE -- %s"})
    assert chosen({"attributes__plan": "'; DROP TABLE -- %s"}, club) == "bobby"
    assert chosen({"attributes__plan__icontains": "drop table -- %"}, club) == "bobby"


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (
            {"attributes__plann": "x"},
            "query.attributes__plann: there is no such attribute; accepted: attributes__age, ",
        ),
        ({"attributes__": "x"}, "query.attributes__: there is no such attribute"),
        (
            {"attributes__age__icontains": "x"},
            "query.attributes__age__icontains: unknown; accepted for an attribute of type number: attributes__age, ",
        ),
        ({"attributes__plan__gt": "x"}, "of type text: attributes__plan, attributes__plan__in, "),
        ({"attributes__age": "old"}, "query.attributes__age: “old” is not a number"),
        ({"attributes__age": "nan"}, "query.attributes__age: “nan” is not a number"),
        ({"attributes__age": True}, "query.attributes__age: true is not a number"),
        ({"attributes__member": 7}, "query.attributes__member: 7 is neither true nor false"),
        ({"attributes__born": "May"}, "query.attributes__born: “May” is not a date or time"),
        ({"attributes__plan__exists": "x"}, "query.attributes__plan__exists: “x” is neither true nor false"),
        ({"attributes__plan": {}}, "query.attributes__plan: {} is not text"),
    ],
)
def test_an_unknown_attribute_lookup_or_value_is_refused(club, people, query, message):
    with pytest.raises(InvalidInput) as error:
        validate(query, club)
    assert message in error.value.errors["query"]


def test_the_attributes_of_another_organization_are_unknown(club, elsewhere):
    Attribute.register(elsewhere, {"secret": 1})
    with pytest.raises(InvalidInput, match="accepted: none, for no contact has any"):
        validate({"attributes__secret": 1}, club)


def test_the_registry_is_read_once(club, people, django_assert_num_queries):
    with django_assert_num_queries(2):
        assert chosen({"attributes__plan": "pro", "attributes__age__gt": 1, "attributes__member": True}, club) == "ana"
