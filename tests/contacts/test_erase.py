import sqlite3
from contextlib import closing
from importlib import import_module
from pathlib import Path

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.utils import timezone

from broadcasts import audience, contacts, links, retention, stats, tracking, wiping
from broadcasts.models import (
    AuditEntry,
    Broadcast,
    Channel,
    Consent,
    Contact,
    Delivery,
    DeliveryAttempt,
    DeliveryEvent,
    EarlyFact,
    Inbound,
    ProviderRef,
    Segment,
    SegmentMember,
    Suppression,
)
from tests.make import make_broadcast, make_contact, make_delivery
from tests.recorder import Recorder
from tests.sending.steps import pump, start

SECRETS = ("joe@", "Joe Bloggs", "600000001", "Joe@", "A1-joe")


@pytest.fixture
def joe(club) -> Contact:
    return make_contact(
        club, "Joe@Example.com", full_name="Joe Bloggs", phone="+34600000001", external_id="A1-joe", language="es"
    )


def test_the_report_that_suppressed_an_address_is_blanked_with_it(joe, mail):
    copy = make_delivery(make_broadcast(mail), joe, address=joe.email)
    detail = {"hard": True, "code": "5.1.1", "text": "no such user joe@example.com"}
    tracking.record(copy, "bounced", detail=detail)
    contacts.erase(joe)
    stop = Suppression.objects.get(reason="hard_bounce")
    assert (stop.address, stop.report, stop.delivery) == ("", None, None)


def test_what_servers_said_of_their_copies_is_blanked(joe, mail):
    copy = make_delivery(make_broadcast(mail), joe)
    DeliveryAttempt.objects.create(delivery=copy, number=1, words="550 no such user joe@example.com")
    contacts.erase(joe)
    assert DeliveryAttempt.objects.get().words == ""


def test_an_alert_that_quotes_their_address_forgets_it(joe, mail):
    copy = make_delivery(make_broadcast(mail), joe, address=joe.email)
    tracking.record(copy, "bounced", detail={"class": "policy", "code": "5.7.1", "text": "not to joe@example.com"})
    contacts.erase(joe)
    mail.refresh_from_db()
    assert "joe@" not in f"{mail.last_error} {mail.alerts}".lower() and "5.7.1" in mail.alerts


@pytest.fixture
def lived(joe, mail, admin):
    """Somebody who left traces wherever a person can."""
    broadcast = make_broadcast(
        mail,
        status="SENT",
        addresses=["mailto:joe@example.com", "tel:+34600000001", "ext:A1-joe", "mailto:ann@example.com"],
        audience_preview=["ann@example.com", "Joe@Example.com"],
        error_message="Paused: 550 no such user <JOE@example.com>",
        extra={"urns": ["mailto:joe@example.com"], "flow": "welcome"},
    )
    broadcast.messages.update(extra={"to": {"name": "+34600000001"}})
    for provider_id, text in (("unknown", "no such user joe@example.com"), ("of somebody else", "no such user")):
        report = tracking.Report((mail.pk, provider_id), "bounced", timezone.now(), detail={"text": text})
        tracking.keep_early([report])
    delivery = make_delivery(broadcast, joe, error="451 <joe@example.com> greylisted")
    tracking.record(delivery, "clicked", detail={"network": "192.0.2.1", "who": "joe@example.com"})
    ProviderRef.objects.create(delivery=delivery, channel=mail, provider_id="ref")
    Inbound.objects.create(organization=joe.organization, contact=joe, delivery=delivery, text="It is me, Joe Bloggs")
    consent = Consent.objects.create(contact=joe, medium="email", use_case="marketing", state="granted")
    tracking.suppress(joe.organization, "email", joe.email, "hard_bounce")
    Channel.objects.filter(pk=mail.pk).update(last_error="refused joe@example.com")
    member = SegmentMember.objects.create(
        contact=joe, segment=Segment.objects.create(organization=joe.organization, name="Gold", kind="static")
    )
    for row in (joe, consent, delivery, member):
        AuditEntry.write(row, "change", organization=joe.organization, reason="told by joe@example.com")
    for row in (joe, member):
        kind = ContentType.objects.get_for_model(row)
        LogEntry.objects.create(
            user=admin.user, content_type=kind, object_id=str(row.pk), object_repr=str(row), action_flag=2
        )
    member.delete()
    return delivery


def everything() -> str:
    """All that the database holds, as text."""
    with connection.cursor() as cursor:
        tables = connection.introspection.table_names(cursor)
        found = []
        for table in tables:
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            found += [f"{table}: {row}" for row in cursor.fetchall()]
    return "\n".join(found)


def test_nothing_of_a_person_is_left_in_the_database(lived, joe, admin):
    assert all(secret in everything() for secret in SECRETS)
    contacts.erase(joe, by=admin.user)
    left = [line for line in everything().splitlines() for secret in SECRETS if secret in line]
    assert left == []


def test_numbers_stay_and_the_delivery_is_nobodys(lived, joe):
    before = stats.counts([lived.message.broadcast])
    contacts.erase(joe)
    lived.refresh_from_db()
    assert (lived.contact_id, lived.address, lived.error, lived.status) == (None, "", "", "sent")
    assert lived.clicked_at
    assert stats.counts([lived.message.broadcast]) == before
    assert list(DeliveryEvent.objects.values_list("type", "detail")) == [("clicked", {})]


def test_what_other_apis_and_unknown_deliveries_say_stays_but_for_the_person(lived, joe):
    contacts.erase(joe)
    broadcast = Broadcast.objects.get()
    assert broadcast.extra == {"urns": ["mailto:(erased)"], "flow": "welcome"}
    assert list(EarlyFact.objects.values_list("provider_id", flat=True)) == ["of somebody else"]


def test_other_people_keep_theirs(lived, joe):
    broadcast = lived.message.broadcast
    ann = make_delivery(broadcast, make_contact(joe.organization, "ann@example.com"), error="451 ann@example.com")
    contacts.erase(joe)
    broadcast.refresh_from_db()
    ann.refresh_from_db()
    assert (broadcast.addresses, broadcast.audience_preview) == (["mailto:ann@example.com"], ["ann@example.com"])
    assert (ann.address, ann.error) == ("ann@example.com", "451 ann@example.com")


def test_every_no_stays_by_its_hash_and_everything_stops_for_whoever_comes_back(lived, joe, mail, club):
    contacts.erase(joe)
    assert set(Suppression.objects.values_list("medium", "reason", "address")) == {
        ("email", "hard_bounce", ""),
        ("email", "erased", ""),
        ("sms", "erased", ""),
        ("whatsapp", "erased", ""),
        ("webhook", "erased", ""),
    }
    Suppression.objects.filter(reason="hard_bounce").delete()
    make_contact(club, "JOE@example.com")
    draft = make_broadcast(mail, use_case="general")
    wanted = audience.Audience.of(draft)
    assert audience.estimate(wanted, list(draft.messages.all())).skipped["suppressed"] == 1


def test_the_audit_says_who_erased_and_not_whom(lived, joe, admin):
    contacts.erase(joe, by=admin.user, source="admin")
    entry = AuditEntry.objects.get(act="erase")
    assert (entry.user, entry.label, entry.object_id) == (admin.user, str(joe.uuid), joe.pk)
    assert entry.detail == {"deliveries": 1, "source": "admin"}


def test_it_may_be_done_again_and_after_it_was_broken_off(lived, joe, monkeypatch):
    with monkeypatch.context() as broken:
        broken.setattr(import_module("broadcasts.contacts.erase"), "_blank_deliveries", lambda trace: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            contacts.erase(joe)
    contacts.erase(joe)
    contacts.erase(joe)
    assert AuditEntry.objects.filter(act="erase").count() == 1
    assert not Contact.objects.filter(pk=joe.pk).exists()
    assert "joe@" not in everything().lower()


def test_addresses_of_the_past_go_too_unless_somebody_else_has_them_now(joe, mail, club):
    broadcast = make_broadcast(mail, audience_preview=["old@example.com", "shared@example.com"])
    for address in ("old@example.com", "shared@example.com"):
        make_delivery(make_broadcast(mail), joe, address=address)
    make_contact(club, "shared@example.com")
    contacts.erase(joe)
    broadcast.refresh_from_db()
    assert broadcast.audience_preview == ["shared@example.com"]
    assert not Delivery.objects.exclude(address="").exists()


def test_what_a_deletion_left_in_the_log_goes_with_the_address(joe, mail, club):
    earlier = make_contact(club, "")
    delivery = make_delivery(make_broadcast(mail), earlier, address="joe@example.com")
    earlier.delete()
    Contact.objects.filter(pk=joe.pk).update(email="joe@example.com")
    joe.refresh_from_db()
    contacts.erase(joe)
    delivery.refresh_from_db()
    assert delivery.address == ""


def test_a_retarget_of_one_person_does_not_become_one_of_everybody(lived, joe, mail, club):
    ann = make_contact(club)
    make_delivery(lived.message.broadcast, ann)
    draft = make_broadcast(mail, send_to_all=False, retarget_of=lived.message.broadcast)
    draft.contacts.add(joe)
    contacts.erase(joe)
    assert not audience.matched(audience.Audience.of(Broadcast.objects.get(pk=draft.pk))).exists()


def test_unsubscribe_links_keep_working(lived, joe, client):
    contacts.erase(joe)
    answer = client.post(f"/u/{links.delivery_token(lived.pk)}/", {"List-Unsubscribe": "One-Click"})
    lived.refresh_from_db()
    assert answer.status_code == 200
    assert lived.unsubscribed_at


def test_whoever_is_erased_while_a_broadcast_is_sent_gets_nothing_of_it(joe, mail, club, monkeypatch):
    monkeypatch.setattr(Channel, "transport", lambda self: Recorder())
    ann = make_contact(club, "ann@example.com")
    broadcast = start(make_broadcast(mail))
    contacts.erase(joe)
    pump(broadcast)
    counts = stats.counts([broadcast])[broadcast.pk]
    assert (counts["sent"], counts["skipped"], counts["pending"]) == (1, 1, 0)
    assert Delivery.objects.get(contact=None).reason == "no_address"
    assert Delivery.objects.get(contact=ann).status == "sent"


def test_what_is_told_later_is_noted_without_words(lived, joe):
    contacts.erase(joe)
    lived.refresh_from_db()
    tracking.record(lived, "bounced", detail={"hard": True, "recipient": "joe@example.com"})
    tracking.suppress(joe.organization, "email", "joe@example.com", "complaint")
    assert "joe@" not in everything()
    Delivery.objects.filter(pk=lived.pk).update(error="550 joe@example.com")  # by a worker that had it in hand
    assert retention.prune()["errors of erased people"] == 1
    assert "joe@" not in everything()


def test_somebody_elses_organization_keeps_the_same_person(lived, joe, elsewhere):
    other = make_contact(elsewhere, "joe@example.com")
    tracking.suppress(elsewhere, "email", "joe@example.com", "manual")
    contacts.erase(joe)
    assert Contact.objects.get().pk == other.pk
    assert Suppression.objects.for_organization(elsewhere).get().address == "joe@example.com"


on_sqlite = pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL recycles its log by itself")


def bytes_on_disk() -> bytes:
    """The database's file with its write-ahead log, as somebody reads them who copied the disk."""
    database = Path(connection.settings_dict["NAME"])
    return b"".join(path.read_bytes() for path in database.parent.glob(f"{database.name}*"))


def grow(contact):
    """Give somebody a past: each change of length leaves a copy of the row where it was."""
    for n in range(1, 40):
        contact.attributes = {"note": "x" * 50 * n}
        contact.save()


@on_sqlite
@pytest.mark.django_db(transaction=True)
def test_nothing_of_a_person_is_left_in_the_files(lived, joe):
    grow(joe)
    assert b"joe@" in bytes_on_disk()
    contacts.erase(joe)
    left = [secret for secret in SECRETS if secret.encode() in bytes_on_disk()]
    assert left == []


@on_sqlite
@pytest.mark.django_db(transaction=True)
def test_a_log_that_was_in_use_is_emptied_by_the_next_prune(lived, joe, monkeypatch):
    monkeypatch.setattr(wiping, "WAIT_MS", 1)
    reader = sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)
    with closing(reader):
        reader.execute("BEGIN").execute("SELECT count(*) FROM broadcasts_contact").fetchall()
        contacts.erase(joe)
        assert b"joe@" in bytes_on_disk()
    retention.prune()
    assert b"joe@" not in bytes_on_disk()
    with connection.cursor() as cursor:
        assert cursor.execute("PRAGMA busy_timeout").fetchone()[0] == 20_000
