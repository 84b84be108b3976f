"""People are found by how words of their names and addresses begin."""

from importlib import import_module

import pytest
from django.db import connection

from broadcasts.admin.search import find_contacts
from broadcasts.importing.upsert import ContactRow, ContactStore
from broadcasts.models import Contact, search_words
from tests.make import make_contact

from .conftest import client_of

URL = "/api/contacts/"


@pytest.fixture
def maria(club):
    return make_contact(club, "mgarcia.lopez@correo.example", full_name="María José García-Núñez", phone="+34600111222")


@pytest.fixture(params=["admin", "api"])
def found(request, club, admin, maria):
    """The names that each of the two searches finds."""
    make_contact(club, "olaf@example.com", full_name="Łukasz Ørsted")

    def search(term: str) -> set[str]:
        if request.param == "admin":
            contacts = Contact.objects.for_organization(club)
            return set(contacts.filter(pk__in=find_contacts(contacts, term)).values_list("full_name", flat=True))
        return {row["full_name"] for row in client_of(admin).get(URL, {"search": term}).json()}

    return search


@pytest.mark.parametrize(
    "term",
    [
        *("García", "garcia", "GARCÍA", "Garcı\u0301a", "mar gar", "núñ jos", "maría josé", "nunez"),
        *("mgarcia", "mgarcia.lo", "lopez", "correo", "MGARCIA.LOPEZ@correo.example", "mgarcia.lopez@cor"),
        *("600 111", "0600-111", "+34600111222"),
    ],
)
def test_each_word_typed_begins_a_word_of_the_name_or_the_address(found, term):
    assert found(term) == {"María José García-Núñez"}


@pytest.mark.parametrize("term", ["arcia", "garcia pedro", "orreo", "0700", "a%", "m_r"])
def test_a_word_that_begins_none_of_theirs_finds_nobody(found, term):
    assert "María José García-Núñez" not in found(term)


@pytest.mark.parametrize("term", ["mgarcia@", "lopez@correo", "mgarcia.lopez@correo.example.org", "@orreo", "34@"])
def test_what_has_an_at_sign_begins_an_address_and_not_its_words(found, term):
    assert found(term) == set()


def test_people_are_found_by_the_domain_of_their_address(found):
    assert found("@correo") == {"María José García-Núñez"}


@pytest.mark.parametrize("term", ["lukasz", "Łuk", "orsted", "Ørs"])
def test_letters_with_strokes_are_found_by_plain_ones(found, term):
    assert found(term) == {"Łukasz Ørsted"}


def test_words_are_small_letters_without_marks_each_once():
    assert search_words("Ana ANA  O'Brien-Straße, ﬁn ²") == ["ana", "o", "brien", "strasse", "fin", "2"]


def test_people_of_others_are_not_found(outsider, maria):
    assert outsider.get(URL, {"search": "garcia"}).json() == []


def test_a_search_without_a_letter_or_digit_is_refused(api):
    answer = api.get(URL, {"search": "%_"})
    assert answer.status_code == 400 and "no letter or digit" in answer.json()["search"][0]


def test_a_renamed_person_is_found_by_the_new_name_only(api, maria):
    api.patch(f"{URL}{maria.uuid}/", {"full_name": "Rosa Parra"})
    assert [row["full_name"] for row in api.get(URL, {"search": "parra"}).json()] == ["Rosa Parra"]
    assert api.get(URL, {"search": "nunez"}).json() == []


def test_imported_people_are_found_when_new_and_when_changed(club, maria):
    rows = [
        ContactRow(1, {"full_name": "Íñigo Sáez", "email": "i@example.com"}, {}, {"email_key": "i@example.com"}),
        ContactRow(2, {"full_name": "Ángela Ruiz"}, {}, {"email_key": maria.email_key}),
    ]
    ContactStore(club).upsert(rows)
    contacts = Contact.objects.for_organization(club)
    assert len(find_contacts(contacts, "inigo sae")) == 1
    assert find_contacts(contacts, "angela") == [maria.pk]


def test_people_from_before_an_upgrade_are_found_after_it(club, maria):
    Contact.objects.update(search_text="")
    import_module("broadcasts.migrations.0011_contact_search").write_words(Contact, connection)
    assert find_contacts(Contact.objects.for_organization(club), "garcia") == [maria.pk]
