"""Attributes that staff marked have an index, and rules use it, on both databases."""

import pytest
from django.db import connection

from broadcasts import indexing
from broadcasts.audience import compile_query
from broadcasts.exceptions import InvalidInput
from broadcasts.models import Attribute, Contact

from .make import make_contact

LONG = "a_key_that_is_as_long_as_the_key_of_an_attribute_can_ever_be"
VALUES = {
    "plan": "pro",
    "age": 30,
    "paid": True,
    "born": "1996-05-01",
    "seen": "2026-03-01T08:00:00Z",
    LONG: "x",
}


@pytest.fixture
def marked(club):
    make_contact(club, attributes=VALUES)
    Contact.objects.bulk_create(Contact(organization=club, attributes={"plan": f"{i}"}) for i in range(50))
    Attribute.objects.filter(organization=club).update(is_indexed=True)
    connection.check_constraints()  # PostgreSQL builds no index while some are to be checked at the end
    indexing.arrange()


def plan(contacts) -> str:
    """How the database would read them if it had very many."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL enable_seqscan = off")
    return contacts.explain()


ASKED = [
    ({"plan": "pro"}, "text"),
    ({"plan": ["pro", "x" * 300]}, "text"),
    ({"age": 30}, "number"),
    ({"age__gte": 30}, "number"),
    ({"paid": True}, "boolean"),
    ({"born": "1996-05-01"}, "date"),
    ({"born__lt": "1996-05-02"}, "date"),
    ({"seen__gte": "2026-03-01"}, "datetime"),
    ({LONG: "x"}, "text"),
]


def test_a_rule_on_an_indexed_attribute_is_answered_by_its_index(club, marked):
    for query, type_ in ASKED:
        [(name, value)] = query.items()
        found = compile_query({f"attributes__{name}": value}, club)
        assert indexing.name_of(name.partition("__")[0], type_) in plan(found), query
        assert found.count() == 1, query


def test_a_text_longer_than_an_entry_of_an_index_is_compared_whole(club, marked):
    for end in "ab":
        make_contact(club, full_name=end, attributes={"plan": "x" * 5000 + end})
    assert compile_query({"attributes__plan": "x" * 999}, club).count() == 0
    make_contact(club, attributes={"plan": "x" * 999})
    assert compile_query({"attributes__plan": "x" * 999}, club).count() == 1


def test_whatever_stands_in_an_indexed_attribute_can_be_written(club, marked):
    strange = {"plan": ["x" * 5000], "age": 10**400, "paid": "y" * 5000, "born": {"a": "z" * 5000}, "seen": None}
    make_contact(club, attributes=strange)
    assert compile_query({"attributes__paid": True}, club).count() == 1


def test_an_index_is_shared_and_goes_when_nobody_marks_it_any_more(club, elsewhere, marked):
    Attribute.objects.create(organization=elsewhere, key="plan", type="text", is_indexed=True)
    Attribute.objects.filter(organization=club).update(is_indexed=False)
    indexing.arrange()
    assert list(indexing.existing()) == ["attribute_text_plan"]
    Attribute.objects.filter(organization=elsewhere).delete()
    indexing.arrange()
    assert indexing.existing() == {}


def test_the_state_of_an_index_is_told(club, monkeypatch):
    attribute = Attribute.objects.create(organization=club, key="plan", is_indexed=True)
    indexing.follow(attribute)
    assert attribute.index_state == "building"
    indexing.arrange()
    attribute.refresh_from_db()
    assert attribute.index_state == "ready"
    attribute.is_indexed = False
    attribute.save()
    indexing.follow(attribute)
    assert attribute.index_state == ""


def test_a_list_cannot_be_indexed(club):
    with pytest.raises(InvalidInput, match="A list cannot be indexed"):
        indexing.check(Attribute(organization=club, key="tags", type="list", is_indexed=True))


def test_there_are_so_many_indexes_and_no_more(club, elsewhere):
    for i in range(indexing.LIMIT):
        Attribute.objects.create(organization=elsewhere, key=f"key{i}", is_indexed=True)
    indexing.check(Attribute(organization=club, key="key1", type="text", is_indexed=True))
    with pytest.raises(InvalidInput, match="10 attributes are indexed"):
        indexing.check(Attribute(organization=club, key="key1", type="number", is_indexed=True))
