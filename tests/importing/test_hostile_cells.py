"""Cells that mean something to COPY, to arrays, to JSON or to a spreadsheet are stored as they are, and found again."""

import csv
import json
import random
from hashlib import blake2b
from io import BytesIO, StringIO

import phonenumbers
import pytest
from django.core.exceptions import ValidationError
from django.test import override_settings

from broadcasts.importing import import_contacts
from broadcasts.mediums import address_hash, clean_phone
from broadcasts.models import Attribute, Contact, Suppression
from tests.make import make_contact

from .conftest import counts, go, refused

HOSTILE = (
    "\\N", "\\.", "a\\tb", "back\\slash", "two\\\\",
    "tab\there", "line\nbreak", "carriage\r\nreturn", 'quo"te', '""',
    "{a,b}", '{"a": 1}', "NULL", "null", "a,b", "%s %(name)s", "$$", "'; DROP TABLE contact; --", "x" * 250, "é" * 250,
    "😀",
    "日本", "e\u0301", "ﬁ", "İstanbul", "\x07bell", "\x7f", "\ue000", "0", "007", "1e5", "-0", "true", "2026-01-31",
)  # fmt: skip
STORED = (
    "email_key", "email_hash", "phone_key", "phone_hash", "whatsapp_key", "whatsapp_hash", "reference_hash",
    "search_text", "attributes",
)  # fmt: skip


def written(*rows, header=("id", "note")):
    text = StringIO(newline="")
    csv.writer(text).writerows([header, *rows])
    return text.getvalue()


def load(club, content, **options):
    Attribute.objects.get_or_create(organization=club, key="note", defaults={"type": "text"})
    return import_contacts(club, BytesIO(content.encode()), **options).job


def notes(club):
    return {one.external_id: one.attributes["note"] for one in club.contacts.all()}


def test_a_cell_is_stored_as_it_is_and_known_again(club):
    keys = [" ".join(cell.split()) for cell in HOSTILE]
    content = written(*zip(HOSTILE, HOSTILE, strict=True))
    assert counts(load(club, content)) == (len(HOSTILE), len(HOSTILE), 0, 0, 0)
    assert notes(club) == dict(zip(keys, HOSTILE, strict=True))
    assert counts(load(club, content)) == (len(HOSTILE), 0, 0, len(HOSTILE), 0)


def test_what_a_cell_replaces_is_stored_as_it_is_too(club):
    load(club, written(*((n, "plain") for n in range(len(HOSTILE)))))
    job = load(club, written(*enumerate(HOSTILE)))
    assert counts(job) == (len(HOSTILE), 0, len(HOSTILE), 0, 0)
    assert notes(club) == {str(n): cell for n, cell in enumerate(HOSTILE)}


def test_json_lines_are_stored_as_they_are(begin, club):
    lines = "\n".join(json.dumps({"external_id": cell, "attributes": {"note": cell}}) for cell in HOSTILE)
    for made in (len(HOSTILE), 0):
        assert counts(go(begin(lines, format="jsonl"))) == (len(HOSTILE), made, 0, len(HOSTILE) - made, 0)
    assert sorted(notes(club).values()) == sorted(HOSTILE)


def test_imported_contacts_are_as_saved_ones(club):
    rows = [(cell, cell, f"P{{{n}}}%s'@Bücher.example", f"+346{n:08}", cell) for n, cell in enumerate(HOSTILE)]
    rows += [("", cell, f"q{n}@example.com", "", "") for n, cell in enumerate(HOSTILE)]
    header = ("id", "full_name", "email", "phone", "note")
    changed = [[row[0], f"{row[1]} changed"[-255:], *row[2:]] for row in rows]
    assert counts(load(club, written(*rows, header=header))) == (len(rows), len(rows), 0, 0, 0)
    assert counts(load(club, written(*changed, header=header))) == (len(rows), 0, len(rows), 0, 0)
    for contact in club.contacts.all():
        imported = {name: getattr(contact, name) for name in STORED}
        contact.save()
        assert imported == {name: getattr(contact, name) for name in STORED}


def test_a_dry_run_tells_the_same_of_them(club):
    content = written(*zip(HOSTILE, reversed(HOSTILE), strict=True), ("N\0L", "x"), ("ok", "N\0L"), ("", "nobody"))
    content += "\udceb,half\n"
    data = content.encode(errors="surrogateescape")
    make_contact(club, "a@example.com", external_id="\\N")
    Attribute.objects.create(organization=club, key="note", type="text")
    dry, real = (import_contacts(club, BytesIO(data), dry_run=dry).job for dry in (True, False))
    assert counts(dry) == counts(real) == (len(HOSTILE) + 4, len(HOSTILE) - 1, 1, 0, 4)


def test_a_row_with_too_long_a_value_is_refused_alone(begin):
    job = go(begin(written(("a", "x" * 5001), ("b" * 256, "x"), ("c", "x" * 5000))))
    assert counts(job) == (3, 1, 0, 0, 2)
    assert [(line, column) for line, column, *_ in refused(job)] == [("2", "note"), ("3", "id")]


def test_what_is_nothing_but_spaces_is_an_empty_cell(begin, club):
    """Whatever kind of spaces, as in JSON or between characters that cannot be seen."""
    make_contact(club, "a@example.com", full_name="Ana")
    go(begin('{"email": "a@example.com", "full_name": "\\u2028", "external_id": "\\u2028"}', format="jsonl"))
    go(begin("mail,name,id\na@example.com,\u2060 \u2060,\u2060 \u2060\n"))
    assert club.contacts.values_list("full_name", "external_id").get() == ("Ana", None)


def test_suppressed_people_are_found_by_any_key(begin, club):
    for n, medium in enumerate(("email", "sms", "whatsapp")):
        key = (f"p{{{n}}}%s@example.com", f"346000000{n:02}", f"us.{n}")[n]
        Suppression.objects.create(
            organization=club, medium=medium, address_hash=address_hash(key), reason="unsubscribe"
        )
    rows = ["p{0}%s@example.com,,", "x@example.com,+34600000001,", ",,us.2", "y@example.com,,"]
    for dry_run in (True, False):
        assert go(begin("\n".join(["mail,phone,whatsapp", *rows]), dry_run=dry_run)).suppressed_count == 3


def by_the_library(number, country):
    try:
        parsed = phonenumbers.parse(number, country or None)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(parsed):
        return None
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def by_us(number, country):
    try:
        return clean_phone(number, country)
    except ValidationError:
        return None


@pytest.mark.parametrize("country", ["", "ES", "US", "IT"])
def test_a_phone_number_is_what_the_library_makes_of_it(country):
    chance = random.Random(country)
    numbers = ["+34600123456", "+34 600-123-456", "+34--600123456", "+34600123456 ", "+3460012345６", "+0034600123456"]
    for region in sorted(phonenumbers.SUPPORTED_REGIONS):
        example = phonenumbers.example_number(region)
        assert example
        code, national = f"+{example.country_code}", str(example.national_number)
        numbers += [f"{code}{prefix}{national}" for prefix in ("", "0", "1", "8", "9", "15", "044")]
        numbers += [f"{code}{national[:-1]}", f"{code} {national}", f"{code}-{national}#1", f"{code}{national}x5"]
        numbers += [f"{code}{''.join(chance.choices('0123456789', k=k))}" for k in range(2, 14)]
    assert [(one, by_us(one, country)) for one in numbers] == [(one, by_the_library(one, country)) for one in numbers]


@pytest.mark.parametrize("link_key", ["a", "b" * 100])
def test_a_hash_is_that_of_the_key_and_of_nothing_before(link_key):
    def expected(key):
        given = link_key.encode()[:64]
        return blake2b(key.encode(), digest_size=16, key=given, person=b"address").hexdigest()

    with override_settings(LINK_KEY=link_key):
        assert [address_hash(key) for key in ("é@example.com", "34600", "é@example.com")] == [
            expected(key) for key in ("é@example.com", "34600", "é@example.com")
        ]
        assert address_hash("") is address_hash(None) is None


def test_of_many_chunks_each_finds_those_of_the_others(small, club):
    rows = [(f"m{n % 7}", f"note {n}") for n in range(21)]
    assert counts(load(club, written(*rows))) == (21, 7, 14, 0, 0)
    assert Contact.objects.count() == 7
