"""Contacts that lack a value that content may name."""

import pytest

from broadcasts.exceptions import InvalidInput
from tests.make import make_contact

from .people import chosen, make_population


@pytest.fixture
def people(club):
    return make_population(club)


@pytest.mark.parametrize(
    ("field", "who"),
    [
        ("contact.email", "dan"),
        ("contact.language", "dan eve"),
        ("contact.external_id", "ana bob chi eve"),
        ("contact.attributes.plan", "dan eve"),
        ("contact.tags", "bob chi dan eve"),
        ("first_name", ""),
        (["contact.email", "contact.attributes.plan"], "dan eve"),
    ],
)
def test_people_without_a_value_are_found(club, people, field, who):
    assert chosen({"lacks": field}, club) == who


def test_false_and_nothing_of_a_number_are_values_and_blanks_are_none(club, people):
    make_contact(club, full_name="Fay", attributes={"age": 0, "member": False, "plan": "", "born": None})
    assert "fay" not in chosen({"lacks": "contact.attributes.age"}, club)
    assert "fay" not in chosen({"lacks": "contact.attributes.member"}, club)
    assert "fay" in chosen({"lacks": "contact.attributes.plan"}, club)
    assert "fay" in chosen({"lacks": "contact.attributes.born"}, club)


def test_an_unknown_field_is_refused_with_the_known_ones(club, people):
    with pytest.raises(
        InvalidInput, match=r"“contact.shoe” is no merge field of contacts; accepted: contact.name, .*plan"
    ):
        chosen({"lacks": "contact.shoe"}, club)
