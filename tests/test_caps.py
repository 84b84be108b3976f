"""How much a contact, an organization and a file may hold, at every door."""

import csv
import json

import pytest
from django.core.exceptions import ValidationError

from broadcasts import contacts, importing
from broadcasts.exceptions import InvalidInput
from broadcasts.models import Attribute, Contact, attributes_fault
from broadcasts.models.caps import (
    ATTRIBUTE_LENGTH,
    ATTRIBUTES_LENGTH,
    CONTACT_ATTRIBUTES,
    FILE_COLUMNS,
    ORGANIZATION_ATTRIBUTES,
    ROW_PROBLEMS,
)

from .admin.conftest import sign_in
from .api.conftest import client_of
from .make import make_contact

TOO_MANY = {f"a{n}": 1 for n in range(CONTACT_ATTRIBUTES + 1)}
TOO_MUCH = [TOO_MANY, {"note": "x" * (ATTRIBUTE_LENGTH + 1)}, {"tags": ["x" * 100] * 100}]
TOO_MUCH.append({f"a{n}": "x" * ATTRIBUTE_LENGTH for n in range(ATTRIBUTES_LENGTH // ATTRIBUTE_LENGTH + 1)})


@pytest.fixture(autouse=True)
def apart(settings, tmp_path):
    settings.DATA_DIR = tmp_path


@pytest.fixture
def full(club):
    """A club whose registry of attributes is full."""
    Attribute.objects.bulk_create(Attribute(organization=club, key=f"k{n}") for n in range(ORGANIZATION_ATTRIBUTES))
    return club


@pytest.fixture
def load(club):
    def run(content, **options):
        job = importing.begin(club, importing.store([content.encode()]), filename="f", **options)
        importing.run_import(job.pk)
        job.refresh_from_db()
        return job

    return run


def reasons(job):
    return [row["reason"] for row in csv.DictReader(b"".join(importing.refused_lines(job)).decode().splitlines())]


def lines(*contacts):
    return "".join(f"{json.dumps(one)}\n" for one in contacts)


@pytest.mark.parametrize("attributes", TOO_MUCH)
def test_a_contact_with_too_much_is_refused_by_the_api_at_its_field(admin, attributes):
    api = client_of(admin)
    answer = api.post("/api/contacts/", {"email": "a@example.com", "attributes": attributes})
    assert (answer.status_code, list(answer.json())) == (400, ["attributes"])
    assert "at most" in answer.json()["attributes"][0]
    assert not Attribute.objects.exists() and not Contact.objects.exists()


def test_a_contact_with_as_much_as_may_be_is_taken(admin):
    attributes = {f"a{n}": "x" * (ATTRIBUTES_LENGTH // CONTACT_ATTRIBUTES) for n in range(CONTACT_ATTRIBUTES)}
    answer = client_of(admin).post("/api/contacts/", {"email": "a@example.com", "attributes": attributes})
    assert answer.status_code == 201
    assert Attribute.objects.count() == CONTACT_ATTRIBUTES


def test_a_contact_with_too_much_is_refused_by_the_admin(admin, club):
    page = sign_in(admin.user)
    form = {"organization": club.pk, "email": "a@example.com", "status": "active", "attributes": json.dumps(TOO_MANY)}
    answer = page.post("/admin/broadcasts/contact/add/", form)
    assert f"{CONTACT_ATTRIBUTES} attributes at most" in answer.content.decode()


def test_two_contacts_with_too_much_together_are_not_merged(club):
    keep, other = (
        make_contact(club, attributes={f"{name}{n}": 1 for n in range(CONTACT_ATTRIBUTES // 2 + 1)}) for name in "ab"
    )
    with pytest.raises(InvalidInput, match="Together they have too much"):
        contacts.merge(keep, [other])
    assert club.contacts.count() == 2


def test_no_attribute_is_registered_beyond_the_most_there_may_be(admin, full):
    api = client_of(admin)
    for url, body, field in (
        ("/api/contacts/", {"email": "a@example.com", "attributes": {"new": 1}}, "attributes"),
        ("/api/attributes/", {"key": "new"}, "key"),
    ):
        answer = api.post(url, body)
        assert (answer.status_code, list(answer.json())) == (400, [field])
    assert Attribute.objects.count() == ORGANIZATION_ATTRIBUTES


def test_what_is_registered_already_is_written_where_the_registry_is_full(admin, full):
    body = {"email": "a@example.com", "attributes": {"k1": "x"}}
    assert client_of(admin).post("/api/contacts/", body).status_code == 201
    Attribute.objects.get(key="k1").full_clean()


def test_an_export_with_every_attribute_fits_into_a_file(full, load):
    header = ",".join(["email", *(f"attributes.k{n}" for n in range(ORGANIZATION_ATTRIBUTES)), *["contact.uuid"] * 15])
    assert load(f"{header}\na@example.com{',' * header.count(',')}\n").created_count == 1


# Files.


@pytest.mark.parametrize("kind", ["contacts", "attendances", "suppressions"])
def test_a_file_with_too_many_columns_is_refused_with_their_number(load, kind):
    header = ",".join(["email", *(f"c{n}" for n in range(FILE_COLUMNS))])
    with pytest.raises(InvalidInput, match=f"It has {FILE_COLUMNS + 1} columns; {FILE_COLUMNS} at most"):
        load(f"{header}\na@example.com\n", kind=kind)


def test_a_file_whose_columns_would_make_too_many_attributes_is_refused(full, load):
    with pytest.raises(InvalidInput, match="attributes at most"):
        load("email,shoe\na@example.com,43\n")
    assert load("email,shoe\na@example.com,43\n", mapping={"shoe": "-"}).created_count == 1


@pytest.mark.parametrize("dry_run", [False, True])
def test_a_row_that_would_have_too_much_is_refused_alone(load, club, dry_run):
    header = ",".join(["email", *TOO_MANY])
    rows = ["a@example.com" + ",1" * len(TOO_MANY), "b@example.com,1" + "," * (len(TOO_MANY) - 1)]
    job = load("\n".join([header, *rows, ""]), dry_run=dry_run)
    assert (job.created_count, job.invalid_count) == (1, 1)
    assert f"{CONTACT_ATTRIBUTES} attributes at most" in reasons(job)[0]


@pytest.mark.parametrize("dry_run", [False, True])
def test_a_row_that_would_add_too_much_to_a_contact_is_refused(load, club, dry_run):
    make_contact(club, "a@example.com", attributes={f"a{n}": 1 for n in range(CONTACT_ATTRIBUTES)})
    job = load("email,new\na@example.com,1\nb@example.com,1\n", dry_run=dry_run)
    assert (job.created_count, job.updated_count, job.invalid_count) == (1, 0, 1)
    assert "With what is known already" in reasons(job)[0]


def test_a_cell_that_is_too_long_is_refused_with_its_length(load):
    job = load(f"email,note\na@example.com,{'x' * (ATTRIBUTE_LENGTH + 1)}\n")
    assert reasons(job) == [f"It has {ATTRIBUTE_LENGTH + 1:,} characters; {ATTRIBUTE_LENGTH:,} at most."]


@pytest.mark.parametrize("kind", ["contacts", "attendances", "suppressions"])
def test_a_line_of_json_with_too_many_fields_is_refused_once(load, kind):
    with pytest.raises(InvalidInput, match=f"It has 10,000 fields; {FILE_COLUMNS} at most"):
        load(lines({f"f{n}": 1 for n in range(10_000)}), kind=kind, format="jsonl")


@pytest.mark.parametrize("attributes", TOO_MUCH)
def test_a_line_of_json_with_too_much_registers_nothing_of_itself(load, club, attributes):
    good = {"email": "b@example.com"}
    job = load(lines(good, {"email": "a@example.com", "attributes": attributes}), format="jsonl")
    assert (job.created_count, job.invalid_count) == (1, 1)
    assert "at most" in reasons(job)[0]
    assert club.attributes.count() <= ATTRIBUTES_LENGTH // ATTRIBUTE_LENGTH + 1


@pytest.mark.parametrize("dry_run", [False, True])
def test_lines_of_json_fill_the_registry_and_no_more(load, club, dry_run):
    size = CONTACT_ATTRIBUTES
    people = [
        {"email": f"{n}@example.com", "attributes": {f"a{n}_{k}": 1 for k in range(size)}}
        for n in range(ORGANIZATION_ATTRIBUTES // size + 2)
    ]
    job = load(lines(*people), format="jsonl", dry_run=dry_run)
    assert (job.created_count, job.invalid_count) == (ORGANIZATION_ATTRIBUTES // size, 2)
    assert "is one more" in reasons(job)[-2]
    assert club.attributes.count() == (0 if dry_run else ORGANIZATION_ATTRIBUTES)


def test_of_one_row_only_so_many_faults_are_told(load, club):
    keys = [f"n{n}" for n in range(60)]
    Attribute.objects.bulk_create(Attribute(organization=club, key=key, type="number") for key in keys)
    job = load(f"email,{','.join(keys)}\na@example.com{',x' * len(keys)}\n")
    assert (job.invalid_count, len(reasons(job))) == (1, ROW_PROBLEMS)
    assert reasons(job)[-1] == f"It has {60 - ROW_PROBLEMS + 1} faults more."


def test_what_may_be_has_no_fault():
    assert attributes_fault({"plan": "pro", "tags": ["a", "b"], "age": 5, "vip": True, "none": None}) == ""


def test_an_attribute_of_a_full_registry_is_not_added_by_the_model(full):
    with pytest.raises(ValidationError, match="different attributes at most"):
        Attribute(organization=full, key="new").full_clean()
