"""What an estimate says is what happens: reason by reason, per channel and per language."""

from collections import Counter
from datetime import timedelta

import pytest
from django.utils import timezone

from broadcasts.audience import Audience, estimate
from broadcasts.models import (
    Broadcast,
    Channel,
    Consent,
    Delivery,
    Message,
    MessageTranslation,
    Organization,
    Reason,
    Suppression,
)

from ..audience.people import make_segment
from ..make import make_broadcast, make_contact
from . import steps

# `duplicate` cannot be: keys are unique within the organization. `expired` comes over all at once, and `no_template` is
# for WhatsApp.
REASONS = set(Reason) - {Reason.DUPLICATE, Reason.EXPIRED, Reason.NO_TEMPLATE}
UNTOLD = {1: {Reason.NO_TRANSLATION}, 3: {Reason.FREQUENCY_CAP}}  # by the cap
CAUSES = {"bounced": "hard_bounce", "complained": "complaint", "suppressed": "manual", "gone": "unsubscribe"}


@pytest.fixture
def strict(club):
    """The club, where marketing needs a yes and more than one message in a week is too much."""
    club.consent_required, club.frequency_cap = True, 1
    club.save()
    return club


@pytest.fixture
def by_mail(strict):
    return Channel.objects.create(organization=strict, name="Mail", kind="console", is_default=True, rate=2)


@pytest.fixture
def by_text(strict):
    return Channel.objects.create(organization=strict, name="Text", kind="console", address_field="phone")


def people(club: Organization, mail: Channel):
    """Make somebody for each reason; those without a phone number are out of reach of the second channel."""
    names = ["ana", "bob", "left", "unsure", "often", "soon", "blocked", "wide", "withdrawn", "nobody", "only_text"]
    names += CAUSES
    found = {name: make_contact(club, f"{name}@example.com", full_name=name) for name in names}
    changes = {
        "ana": {"language": "es", "phone": "+34600000001"},
        "bob": {"language": "en", "phone": "+34600000002"},
        "left": {"phone": "+34600000003"},
        "often": {"phone": "+34600000004", "language": "es"},
        "soon": {"phone": "+34600000005", "language": "es"},
        "blocked": {"status": "blocked"},
        "wide": {"email": "jürgen@example.com"},
        "nobody": {"email": ""},
        "only_text": {"email": "", "phone": "+34600000007", "language": "es"},
    }
    for name, fields in changes.items():
        for field, value in fields.items():
            setattr(found[name], field, value)
        found[name].save()
    for name, cause in CAUSES.items():
        Suppression.objects.create(organization=club, address_hash=found[name].email_hash, reason=cause)
    # The stronger of two is told, and one of another use case says nothing.
    Suppression.objects.create(organization=club, address_hash=found["bounced"].email_hash, reason="unsubscribe")
    Suppression.objects.create(
        organization=club, address_hash=found["ana"].email_hash, reason="manual", use_case="general"
    )
    for kind in ("email", "sms"):
        Consent.objects.bulk_create(
            Consent(
                contact=contact,
                medium=kind,
                use_case="marketing",
                state="withdrawn" if name == "withdrawn" else "granted",
            )
            for name, contact in found.items()
            if name != "unsure"
        )
    earlier = make_broadcast(mail, status="SENT", use_case="marketing").messages.get()
    Delivery.objects.create(message=earlier, contact=found["often"], status="sent", sent_at=timezone.now())
    Delivery.objects.create(message=earlier, contact=found["soon"], status="pending")
    return found


def make_marketing(club: Organization, channels: list[Channel], policy: str) -> Broadcast:
    """A draft to everybody but those who left; in English and Spanish by mail, and in Spanish alone by text."""
    found = people(club, channels[0])
    translations = {"es": {"subject": "Piscina cerrada", "text": "Hola"}}
    broadcast = make_broadcast(
        channels[0], use_case="marketing", channel_policy=policy, base_language="en", translations=translations
    )
    broadcast.excluded_segments.add(make_segment(club, "Left", members=[found["left"]]))
    second = Message.objects.create(broadcast=broadcast, channel=channels[1], position=1)
    MessageTranslation.objects.create(message=second, language="es", **translations["es"])
    return broadcast


def estimated(broadcast: Broadcast):
    return estimate(Audience.of(broadcast), list(broadcast.messages.select_related("channel").order_by("position")))


def counted(broadcast: Broadcast, *fields: str, **conditions) -> dict:
    rows = Delivery.objects.filter(message__broadcast=broadcast, **conditions)
    return dict(Counter(rows.values_list(*fields, flat=True)))


@pytest.mark.parametrize(("policy", "cap"), [("first", 1), ("every", 1), ("every", 2), ("every", 3)])
def test_what_an_estimate_says_is_what_happens(strict, by_mail, by_text, policy, cap):
    strict.frequency_cap = cap
    strict.save()
    broadcast = make_marketing(strict, [by_mail, by_text], policy)
    foretold = estimated(broadcast)
    steps.send(broadcast)
    assert counted(broadcast, "status") == {
        "sent": foretold.will_receive,
        "skipped": sum(foretold.skipped.values()),
    }
    assert counted(broadcast, "reason", status="skipped") == foretold.skipped
    assert counted(broadcast, "message__channel__name", status="sent") == foretold.per_channel
    assert counted(broadcast, "language", status="sent") == foretold.per_language
    assert len(set(Delivery.objects.filter(message__broadcast=broadcast).values_list("contact"))) == foretold.matched
    # Whom the text alone has nothing for got the mail; then it is that which counts, and with `first` all they get.
    assert set(foretold.skipped) == REASONS - UNTOLD.get(cap, set())


def test_everybody_who_is_left_is_expired_once_a_broadcast_is(strict, by_mail, by_text):
    broadcast = make_marketing(strict, [by_mail, by_text], "every")
    steps.sending.send(broadcast)
    Broadcast.objects.filter(pk=broadcast.pk).update(expires_at=timezone.now() - timedelta(minutes=1))
    broadcast.refresh_from_db()
    foretold = estimated(broadcast)
    steps.sending.expand(broadcast.pk, seconds=60)
    assert (foretold.will_receive, "expired" in foretold.skipped) == (0, True)
    assert counted(broadcast, "reason") == foretold.skipped
