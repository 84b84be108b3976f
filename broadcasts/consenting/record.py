"""Change consents: each function writes the state, its history and the suppression list in one transaction."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.db import transaction
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from broadcasts import formats, noting
from broadcasts.exceptions import WrongState
from broadcasts.models import Consent, ConsentChange, ConsentState, Contact, Suppression

from .suppressing import address_of, blocking, lift, suppress

Evidence = Mapping[str, object]


@transaction.atomic
def grant(
    contact: Contact, medium: str, use_case: str, *, source: str, evidence: Evidence, by_person: bool = False
) -> bool:
    """Grant a consent and lift the contact's own unsubscription; returns whether the state changed.

    by_person: given by the contact itself. Otherwise a consent after a withdrawal needs evidence of a later yes, or
    WrongState is raised. Suppressions for other reasons, such as a bounce, always stay.
    """
    contact = hold(contact)
    if not by_person:
        _demand_later_yes(contact, medium, use_case, source, evidence)
    news = _write(contact, medium, use_case, ConsentState.GRANTED, source, evidence)
    lift(contact, medium, use_case)
    return news


@transaction.atomic
def withdraw(
    contact: Contact,
    medium: str,
    use_case: str,
    *,
    source: str,
    evidence: Evidence,
    address: str = "",
    cause: str = Suppression.Cause.UNSUBSCRIBE,
) -> bool:
    """Withdraw a consent, and suppress the address, which outlives the contact; returns whether the state changed.

    address: the one that was written to, if it may differ from the contact's current one.
    """
    contact = hold(contact)
    address = address or address_of(contact, medium)
    suppress(contact.organization, medium, address, cause, use_case, source)
    news = _write(contact, medium, use_case, ConsentState.WITHDRAWN, source, evidence)
    if not news:  # withdrawn again: a later yes must be later than this
        place = {"contact": contact, "medium": medium, "use_case": use_case}
        Consent.objects.filter(**place).update(modified=timezone.now())
    return news


@transaction.atomic
def restore(contact: Contact, medium: str, use_case: str, state: str, *, source: str, evidence: Evidence) -> bool:
    """Set the state that a consent had before its withdrawal; returns whether the state changed.

    For a contact that takes its own withdrawal back. Suppressions stay.
    """
    return _write(hold(contact), medium, use_case, state, source, evidence)


@transaction.atomic
def ask(contact: Contact, medium: str, use_case: str, *, source: str, evidence: Evidence) -> bool:
    """Set a consent to pending until the contact confirms it; returns whether the state changed.

    A granted consent stays granted. After a withdrawal evidence of a later yes is needed, or WrongState is raised, and
    the address stays suppressed until the contact confirms.
    """
    contact = hold(contact)
    _demand_later_yes(contact, medium, use_case, source, evidence)
    place = {"contact": contact, "medium": medium, "use_case": use_case}
    if Consent.objects.filter(**place, state=ConsentState.WITHDRAWN).exists():
        address = address_of(contact, medium)
        suppress(contact.organization, medium, address, Suppression.Cause.UNSUBSCRIBE, use_case, source)
    return _write(contact, medium, use_case, ConsentState.PENDING, source, evidence, unless=[ConsentState.GRANTED])


def hold(contact: Contact) -> Contact:
    """Return the contact with its row locked, so that its consents cannot change until the end of the transaction.

    Raises WrongState if the contact was deleted.
    """
    rows = Contact.objects.select_for_update(of=("self",), no_key=True).select_related("organization")
    held = rows.filter(pk=contact.pk).first()
    if held is None:
        raise WrongState("This contact is not there any more.")
    return held


def why_not(contact: Contact, medium: str, use_case: str, *, source: str, evidence: Evidence) -> str:
    """Return why a consent cannot be granted on behalf of the contact; "" if it can."""
    since = _no_since(contact, medium, use_case)
    if since is None:
        return ""
    said = said_at(evidence)
    if source.strip() and str(evidence.get("wording") or "").strip() and said and since < said <= timezone.now():
        return ""
    return (
        f"This person said no on {formats.moment(since, contact.organization.zone)}. "
        "To write a yes over it, prove a later one: give its source, its wording and its time (after the no)."
    )


def said_at(evidence: Evidence) -> datetime | None:
    """Return the time of the evidence; None if it has no time with a time zone."""
    try:
        moment = parse_datetime(str(evidence.get("time") or ""))
    except ValueError:
        return None
    return moment if moment and timezone.is_aware(moment) else None


def _demand_later_yes(contact: Contact, medium: str, use_case: str, source: str, evidence: Evidence) -> None:
    if refusal := why_not(contact, medium, use_case, source=source, evidence=evidence):
        raise WrongState(refusal)


def _no_since(contact: Contact, medium: str, use_case: str) -> datetime | None:
    """Return when the contact last withdrew or unsubscribed; None if neither is in force."""
    noes = Consent.objects.filter(contact=contact, medium=medium, use_case=use_case, state=ConsentState.WITHDRAWN)
    own = blocking(contact, medium, use_case).filter(reason=Suppression.Cause.UNSUBSCRIBE)
    return max([*noes.values_list("modified", flat=True), *own.values_list("modified", flat=True)], default=None)


def _write(
    contact: Contact,
    medium: str,
    use_case: str,
    state: str,
    source: str,
    evidence: Evidence,
    unless: Sequence[str] = (),
) -> bool:
    """Set the state, add the change to the history, and return whether the state changed."""
    place = {"contact": contact, "medium": medium, "use_case": use_case}
    consent, created = Consent.objects.get_or_create(**place, defaults={"state": state})
    others = Consent.objects.filter(pk=consent.pk).exclude(state__in=[state, *unless])
    if not created and not others.transition(state=state, modified=timezone.now()):
        return False
    change = ConsentChange.objects.create(**place, state=state, source=source[:255], evidence=dict(evidence))
    noting.note_consents(contact.organization_id, [change])
    return True
