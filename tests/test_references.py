"""What names a person to a webhook: the external id, or else the uuid; suppressions find it by its hash."""

from importlib import import_module
from io import BytesIO

import pytest
from django.apps import apps

from broadcasts import audience, consenting, contacts
from broadcasts.audience import Audience, Route
from broadcasts.importing import import_contacts
from broadcasts.mediums import reference_hash
from broadcasts.models import Channel, Contact, Suppression
from tests.make import make_contact

migration = import_module("broadcasts.migrations.0021_segments_and_references")


@pytest.fixture
def hook(club):
    channel = Channel(organization=club, name="Hook", kind="webhook")
    channel.configure({"url": "https://example.org/", "signing_secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"})
    channel.save()
    return channel


def is_hashed(contact):
    contact.refresh_from_db()
    return contact.reference_hash == consenting.hash_of(contact.external_id or str(contact.uuid))


def reached(club, hook):
    wanted = Audience(organization=club, use_case="general", query={"all_users": True})
    people = audience.recipients(wanted, Route(channel=hook)).order_by("pk")
    return list(people.values_list("send_address", "skip_reason"))


def test_a_person_is_named_by_the_external_id_or_else_by_the_uuid(club, hook):
    known, nameless = make_contact(club, external_id="C-1"), make_contact(club)
    assert reached(club, hook) == [("C-1", ""), (str(nameless.uuid), "")]
    assert known.address_in("external_id") == "C-1"
    assert nameless.address_in("external_id") == str(nameless.uuid)


def test_the_hash_follows_the_external_id(club):
    contact = make_contact(club)
    assert is_hashed(contact)
    contact.external_id = "C-2"
    contact.save()
    assert is_hashed(contact)


def test_an_import_hashes_who_is_new_and_who_gets_an_external_id(club):
    make_contact(club, email="ana@example.com")
    for rows in ("ana@example.com,", "bob@example.com,", "ana@example.com,C-1", "cy@example.com,C-2"):
        import_contacts(club, BytesIO(f"email,external_id\n{rows}\n".encode()))
    assert Contact.objects.count() == 3
    assert all(is_hashed(contact) for contact in Contact.objects.all())


def test_estimate_and_recipients_agree_on_who_is_suppressed(club, hook):
    make_contact(club, external_id="C-1")
    nameless = make_contact(club)
    for reference in ("C-1", str(nameless.uuid)):
        consenting.suppress(club, "webhook", reference, "manual")
    wanted = Audience(organization=club, use_case="general", query={"all_users": True})
    assert audience.estimate(wanted, [Route(channel=hook)]).skipped == {"suppressed": 2}
    assert {reason for _, reason in reached(club, hook)} == {"suppressed"}


def test_a_suppression_of_a_webhook_is_found_by_the_rule_that_asks_for_it(club):
    contact = make_contact(club, external_id="C-1")
    make_contact(club)
    consenting.suppress(club, "webhook", "C-1", "manual")
    wanted = Audience(organization=club, use_case="general", query={"suppressed": "webhook"})
    assert list(audience.matched(wanted)) == [contact]


def test_who_was_erased_is_not_called_again_under_the_same_external_id(club, hook):
    contacts.erase(make_contact(club, external_id="C-1"))
    make_contact(club, external_id="C-1")
    assert reached(club, hook) == [("C-1", "suppressed")]
    assert not Suppression.objects.exclude(address="").exists()


def test_a_reference_that_looks_like_a_wrong_address_has_a_hash(club):
    assert reference_hash("joe@") and reference_hash("@") and reference_hash("x" * 255)
    assert reference_hash("") is None


def test_the_migration_hashes_everybody(club, monkeypatch):
    people = [make_contact(club), make_contact(club, external_id="C-1"), make_contact(club)]
    Contact.objects.update(reference_hash=None)
    monkeypatch.setattr(migration, "CHUNK", 2)
    migration.hash_references(apps, None)
    assert all(is_hashed(contact) for contact in people)
