"""The search answers by its index what LIKE answers without it, on both databases."""

from importlib import import_module
from types import SimpleNamespace

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from broadcasts.audience import compile_query
from broadcasts.models import Contact, Organization, search_text, search_words
from broadcasts.models.search import LONGEST, words_vector

from ..make import make_contact

migration = import_module("broadcasts.migrations.0039_search_index")
ODD = "aAbBéÉßſİıKÆøłÞﬃ㌖ﷺ٣²½一あ한𞤀𝔞\u0301\u200d'\"\\%_*?:&|!()<>-.,@ \t\x01"
odd = st.text(ODD, max_size=12) | st.text(max_size=8).filter(lambda text: "\x00" not in text)


@pytest.fixture
def indexed(db):
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(
                f"CREATE INDEX contact_words ON broadcasts_contact USING gin ({words_vector('search_text')})"
            )
            cursor.execute("SET LOCAL enable_seqscan = off")


def like(club: Organization, words: list[str]):
    people = Contact.objects.for_organization(club)
    for word in words:
        people = people.filter(search_text__contains=f" {word}")
    return set(people.values_list("pk", flat=True))


@settings(max_examples=60, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
@given(names=st.lists(odd, min_size=1, max_size=6), asked=odd, cut=st.integers(1, 6))
def test_the_index_finds_whom_like_finds(club, indexed, names, asked, cut):
    Contact.objects.all().delete()
    Contact.objects.bulk_create(
        Contact(organization=club, full_name=name, search_text=search_text(name)) for name in names
    )
    for text in (asked, *names, *(name[:cut] for name in names)):
        if (words := search_words(text)) and "@" not in text:
            found = Contact.objects.for_organization(club)
            for word in words:
                found = found.filter(search_text__word_begins=word)
            assert set(found.values_list("pk", flat=True)) == like(club, words), (text, names)


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no index of words")
def test_a_search_reads_the_index(club, indexed):
    names = ["Íñigo Muñoz", *(f"Ann Member{n}" for n in range(3000))]
    Contact.objects.bulk_create(
        Contact(organization=club, full_name=one, search_text=search_text(one)) for one in names
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE broadcasts_contact")
    assert "contact_words" in compile_query({"search": "munoz"}, club).explain()


def test_a_word_of_any_length_is_found_by_its_beginning(club, indexed):
    endless = make_contact(club, full_name="㌖" * 255)
    for size in (1, 30, 255):
        assert compile_query({"search": "㌖" * size}, club).get() == endless


def test_longer_words_stored_before_are_cut(club):
    old = make_contact(club, full_name="㌖" * 255)
    Contact.objects.filter(pk=old.pk).update(search_text=" " + "x" * (LONGEST + 1))
    migration.cut(None, SimpleNamespace(connection=connection))
    assert compile_query({"search": "㌖"}, club).get() == old
