"""Create personal links, a few a day at most, and open them while they are fresh and the address is the same."""

from collections.abc import Mapping
from datetime import timedelta

from django.db import transaction
from django.db.models.functions import Now

from broadcasts import consenting, links
from broadcasts.exceptions import NotReady, WrongState
from broadcasts.models import (
    Consent,
    ConsentState,
    Contact,
    Medium,
    OrganizationQuerySet,
    PersonalLink,
    Suppression,
    UseCase,
)
from broadcasts.queue import enqueue

Purpose = PersonalLink.Purpose
MOST_A_DAY = 3  # mails to one address in a day
UNDER_WAY = timedelta(minutes=10)  # a repeated request within this time sends no second mail
DAY = timedelta(days=1)


@transaction.atomic
def ask(contact: Contact, use_case: str, *, source: str, evidence: Mapping[str, object]) -> bool:
    """Ask a contact by mail to confirm its consent to e-mail, unless it is granted already.

    Returns whether the state of the consent changed. Raises WrongState if the address cannot be written to, or had too
    many mails today.
    """
    email = Medium.EMAIL
    news = consenting.ask(contact, email, use_case, source=source, evidence=evidence)
    if Consent.objects.filter(contact=contact, medium=email, use_case=use_case, state=ConsentState.PENDING).exists():
        _request(contact, Purpose.CONFIRM, use_case)
    return news


def ask_for_data(contact: Contact) -> None:
    """Mail a contact a link to its own data; raises as `ask` does."""
    _request(contact, Purpose.DATA)


def why_not(contact: Contact) -> str:
    """Return why no link can be mailed to a contact now; "" if one can."""
    try:
        contact.organization.channel_for(Medium.EMAIL)
    except NotReady as error:
        return str(error)
    if unreachable := unreachable_because(contact):
        return unreachable
    if _today(contact).count() >= MOST_A_DAY:
        return f"This address was written to {MOST_A_DAY} times within a day; try again tomorrow."
    return ""


def unreachable_because(contact: Contact) -> str:
    """Return why a contact must not be written to, not even at its own request; "" if it may."""
    if not contact.email_hash:
        return "This contact has no e-mail address."
    if not contact.email.rpartition("@")[0].isascii():
        return "The address cannot be written to: the part before its @ is beyond ASCII."
    if contact.status == Contact.Status.BLOCKED:
        return "This contact is blocked."
    listed = consenting.blocking(contact, Medium.EMAIL, UseCase.GENERAL)
    hard = listed.exclude(reason=Suppression.Cause.UNSUBSCRIBE).first()
    return f"The address is on the suppression list: {hard.get_reason_display().lower()}." if hard else ""


def _today(contact: Contact) -> OrganizationQuerySet[PersonalLink]:
    return PersonalLink.objects.for_organization(contact.organization_id).filter(
        address_hash=contact.email_hash, created__gt=Now() - DAY
    )


@transaction.atomic
def _request(contact: Contact, purpose: str, use_case: str = "") -> None:
    # Locked, so that concurrent requests respect the limit.
    contact = consenting.hold(contact)
    same = _today(contact).filter(contact=contact, purpose=purpose, use_case=use_case)
    if contact.email_hash and same.filter(created__gt=Now() - UNDER_WAY).exists():
        return
    if refusal := why_not(contact):
        raise WrongState(refusal)
    link = PersonalLink.objects.create(
        organization_id=contact.organization_id,
        contact=contact,
        purpose=purpose,
        use_case=use_case,
        address_hash=contact.email_hash or "",
        due_at=Now(),
    )
    enqueue("mail_link", link.pk)


def opened(token: str, purpose: str) -> PersonalLink | None:
    """Return the valid link of a token; None if it is unknown, expired or its address has changed."""
    fresh = PersonalLink.objects.filter(
        pk=links.personal_id(token) or 0, purpose=purpose, created__gt=Now() - PersonalLink.LIFETIMES[Purpose(purpose)]
    )
    link = fresh.select_related("contact__organization").first()
    if link is None or link.contact is None or link.contact.email_hash != link.address_hash:
        return None
    return link


@transaction.atomic
def confirm(link: PersonalLink, *, evidence: Mapping[str, object]) -> bool:
    """Grant the consent of a link; False if the contact has withdrawn since. Idempotent."""
    assert link.contact is not None
    contact = consenting.hold(link.contact)
    place = {"medium": Medium.EMAIL, "use_case": link.use_case}
    asked = Consent.objects.filter(contact=contact, **place, state__in=[ConsentState.PENDING, ConsentState.GRANTED])
    if contact.email_hash != link.address_hash or not asked.exists():
        return False
    consenting.grant(contact, **place, source="confirm page", evidence=evidence, by_person=True)
    return True
