"""What rows of an import may say: JSON lines, consents and suppressions."""

import pytest

from broadcasts.models import Attribute, Consent, ConsentChange, Contact, Suppression
from tests.make import make_contact

from .conftest import counts, go, refused

pytestmark = pytest.mark.usefixtures("small")


# JSON lines.


@pytest.mark.parametrize(
    ("line", "column", "words"),
    [
        ("{", "", "not JSON"),
        ("[1]", "", "one object"),
        ('{"email": "x"}', "email", "no @"),
        ('{"email": true}', "email", "text"),
        ('{"email": ["a@example.com"]}', "email", "text"),
        ('{"email": "a@example.com", "shoe": 1}', "shoe", "accepted: email"),
        ('{"email": "a@example.com", "attributes": []}', "attributes", "object"),
        ('{"email": "a@example.com", "attributes": {"No key": 1}}', "attributes.No key", "small letters"),
        ('{"email": "a@example.com", "attributes": {"age": "x"}}', "attributes.age", "a number"),
        ('{"email": "a@example.com", "attributes": {"age": 1e999}}', "attributes.age", "too large"),
        ('{"email": "a@example.com", "attributes": {"age": {"x": 1}}}', "attributes.age", "cannot be"),
        ('{"email": "a@example.com", "attributes": {"note": ["a\\u0000"]}}', "attributes.note", "NUL"),
        ('{"email": "a@example.com", "full_name": "\\ud800"}', "full_name", "not text"),
        ('{"full_name": "Ana"}', "", "no e-mail address"),
        ('{"email": NaN}', "", "no number"),
        ("[" * 100_000, "", "not JSON"),
    ],
)
def test_a_line_that_is_wrong_is_refused_with_its_field(begin, club, line, column, words):
    Attribute.objects.create(organization=club, key="age", type="number")
    job = go(begin(f'{{"email": "first@example.com"}}\n{line}\n\n{{"email": "last@example.com"}}\n', format="jsonl"))
    assert counts(job) == (3, 2, 0, 0, 1)
    ((number, named, reason, _),) = refused(job)
    assert (number, named) == ("2", column)
    assert words in reason


def test_json_keeps_types_and_what_the_api_shows_is_taken_back(begin, club):
    line = (
        '{"uuid": "x", "id": 1, "status": "blocked", "external_id": 7, "full_name": "Ana", "phone": "600123456", '
        '"attributes": {"age": 5, "vip": true, "tags": ["a", "b"], "plan": "pro", "since": "2026-01-31", "none": null}}'
    )
    go(begin(f"{line}\n", format="jsonl"))
    contact = club.contacts.get()
    assert (contact.external_id, contact.status, contact.phone) == ("7", "active", "+34600123456")
    assert contact.attributes == {"age": 5, "vip": True, "tags": ["a", "b"], "plan": "pro", "since": "2026-01-31"}
    types = dict(club.attributes.values_list("key", "type"))
    assert types == {"age": "number", "vip": "boolean", "tags": "list", "plan": "text", "since": "date"}


@pytest.mark.parametrize(
    ("format", "rows"), [("csv", "mail,not tracked\n{},{}\n"), ("jsonl", '{{"email": "{}", "no_tracking": {}}}\n')]
)
def test_a_file_may_ask_that_somebody_is_not_measured_and_never_takes_it_back(begin, club, format, rows):
    for given, kept in (("false", False), ("true", True), ("false", True)):
        job = go(begin(rows.format("a@example.com", given), format=format))
        assert (job.invalid_count, club.contacts.get().no_tracking) == (0, kept)


# Consent and suppressions.

YES = {"source": "Spring form", "wording": "Yes, write to me"}


def test_suppressed_people_are_counted(begin, club):
    contact = make_contact(club, "p1@example.com")
    Suppression.objects.create(organization=club, address_hash=contact.email_hash, reason="hard_bounce")
    job = go(begin())
    assert job.suppressed_count == 1
    assert go(begin(dry_run=True)).suppressed_count == 1


def test_a_yes_is_written_with_its_evidence_once(begin, club):
    job = go(begin("mail\na@example.com\na@example.com\n", consent=YES))
    consent = Consent.objects.get()
    assert (consent.medium, consent.use_case, consent.state) == ("email", "marketing", "granted")
    change = ConsentChange.objects.get()
    assert (change.source, change.evidence["wording"]) == ("Spring form", "Yes, write to me")
    assert change.evidence["import"] == str(job.uuid)
    go(begin("mail\na@example.com\n", consent=YES))
    assert ConsentChange.objects.count() == 1


def refuse(contact, how):
    if how == "suppressed":
        Suppression.objects.create(
            organization=contact.organization, address_hash=contact.email_hash, reason="unsubscribe"
        )
    elif how == "blocked":
        Contact.objects.filter(pk=contact.pk).update(status="blocked")
    else:
        use_case, state = how
        Consent.objects.create(contact=contact, medium="email", use_case=use_case, state=state)


@pytest.mark.parametrize(
    "how", ["suppressed", "blocked", ("marketing", "withdrawn"), ("marketing", "pending"), ("general", "withdrawn")]
)
def test_a_yes_is_never_written_over_a_no(begin, club, how):
    contact = make_contact(club, "a@example.com")
    refuse(contact, how)
    before = list(Consent.objects.values("use_case", "state")), list(Suppression.objects.values("reason"))
    go(begin("mail,name\na@example.com,New\n", consent=YES))
    assert before == (list(Consent.objects.values("use_case", "state")), list(Suppression.objects.values("reason")))
    assert not ConsentChange.objects.exists()


def test_who_has_no_such_address_said_nothing(begin):
    go(begin("mail,phone\n,600123456\n", consent=YES))
    assert not Consent.objects.exists()


def test_a_dry_run_writes_no_consent(begin):
    go(begin(consent=YES, dry_run=True))
    assert not Consent.objects.exists()


@pytest.mark.parametrize("header", ["medium", "channel_kind", "channel kind", "channel"])
def test_a_list_of_suppressions_may_say_medium_by_its_former_names(begin, club, header):
    go(begin(f"address,{header}\n+34600000001,sms\n", kind="suppressions"))
    assert Suppression.objects.get().medium == "sms"


def test_suppressions_that_an_older_version_wrote_as_json_are_read(begin, club):
    line = '{"address": "+34600000001", "channel_kind": "sms"}'
    go(begin(line, kind="suppressions", format="jsonl"))
    assert Suppression.objects.get().medium == "sms"
