"""The verbs: each writes the state, its history and what follows for the suppression list, or nothing."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.db import transaction
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from broadcasts.exceptions import WrongState
from broadcasts.models import Consent, ConsentChange, ConsentState, Contact, Suppression

from .suppressing import address_of, blocking, lift, suppress

Evidence = Mapping[str, object]


@transaction.atomic
def grant(
    contact: Contact, medium: str, use_case: str, *, source: str, evidence: Evidence, by_person: bool = False
) -> bool:
    """Write down a yes and lift the no that the person said itself; True when it is news.

    Said by the person, it stands. Written by somebody else over a no, it needs proof of a yes said later, else it
    is WrongState. What else keeps the address from being reached, such as a bounce, always stays.
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
    """Write down a no, and suppress the address so that it outlives the contact; True when it is news.

    `address` is the one that the no was said at, where that may be another than the contact's own.
    """
    contact = hold(contact)
    address = address or address_of(contact, medium)
    suppress(contact.organization, medium, address, cause, use_case, source)
    news = _write(contact, medium, use_case, ConsentState.WITHDRAWN, source, evidence)
    if not news:  # said again, so that a yes must be later than this
        place = {"contact": contact, "medium": medium, "use_case": use_case}
        Consent.objects.filter(**place).update(modified=timezone.now())
    return news


@transaction.atomic
def ask(contact: Contact, medium: str, use_case: str, *, source: str, evidence: Evidence) -> bool:
    """Write down that somebody is asked and has not confirmed yet; True when it is news.

    A yes stays a yes. A no stands until it is confirmed to be none, and to ask at all needs proof of a later yes.
    """
    contact = hold(contact)
    _demand_later_yes(contact, medium, use_case, source, evidence)
    place = {"contact": contact, "medium": medium, "use_case": use_case}
    if Consent.objects.filter(**place, state=ConsentState.WITHDRAWN).exists():
        address = address_of(contact, medium)
        suppress(contact.organization, medium, address, Suppression.Cause.UNSUBSCRIBE, use_case, source)
    return _write(contact, medium, use_case, ConsentState.PENDING, source, evidence, unless=[ConsentState.GRANTED])


def hold(contact: Contact) -> Contact:
    """Read a person again and hold off every other yes and no of it to the end of the transaction.

    WrongState when it is gone.
    """
    rows = Contact.objects.select_for_update(of=("self",), no_key=True).select_related("organization")
    held = rows.filter(pk=contact.pk).first()
    if held is None:
        raise WrongState("This contact is not there any more.")
    return held


def why_not(contact: Contact, medium: str, use_case: str, *, source: str, evidence: Evidence) -> str:
    """Say why a yes that somebody else writes down cannot be taken; "" when it can."""
    since = _no_since(contact, medium, use_case)
    if since is None:
        return ""
    said = said_at(evidence)
    if source.strip() and str(evidence.get("wording") or "").strip() and said and since < said <= timezone.now():
        return ""
    return (
        f"This person said no on {since:%Y-%m-%d} at {since:%H:%M:%S} UTC. "
        "To write a yes over it, prove a later one: give its source, its wording and its time (after the no)."
    )


def said_at(evidence: Evidence) -> datetime | None:
    """Return when a yes or a no was said; None where the evidence names no moment with its time zone."""
    try:
        moment = parse_datetime(str(evidence.get("time") or ""))
    except ValueError:
        return None
    return moment if moment and timezone.is_aware(moment) else None


def _demand_later_yes(contact: Contact, medium: str, use_case: str, source: str, evidence: Evidence) -> None:
    if refusal := why_not(contact, medium, use_case, source=source, evidence=evidence):
        raise WrongState(refusal)


def _no_since(contact: Contact, medium: str, use_case: str) -> datetime | None:
    """Return when the person's own no was said last, by consent or by the address; None when none stands."""
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
    """Change the state where it is another, and add to the history when it did change."""
    place = {"contact": contact, "medium": medium, "use_case": use_case}
    consent, created = Consent.objects.get_or_create(**place, defaults={"state": state})
    others = Consent.objects.filter(pk=consent.pk).exclude(state__in=[state, *unless])
    if not created and not others.transition(state=state, modified=timezone.now()):
        return False
    ConsentChange.objects.create(**place, state=state, source=source[:255], evidence=dict(evidence))
    return True
