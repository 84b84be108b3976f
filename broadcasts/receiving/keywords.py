"""Replies of a single word: STOP withdraws consent on the medium, START gives back what STOP took, HELP is answered."""

from broadcasts import consenting
from broadcasts.models import (
    Consent,
    ConsentChange,
    ConsentState,
    Contact,
    Inbound,
    Keyword,
    Medium,
    OrganizationQuerySet,
    Suppression,
    UseCase,
    keyword_of,
)

from .answering import ask_for


def obey(reply: Inbound, contact: Contact | None) -> Keyword | None:
    """Do what the keyword of a reply asks for, and return it; None for any other reply. The contact is locked."""
    assert reply.channel is not None
    medium = reply.channel.medium
    keyword = keyword_of(word_in(reply))
    if keyword is None or medium == Medium.WEBHOOK:  # the receivers of webhooks are programs
        return None
    if medium == Medium.EMAIL and keyword != Keyword.STOP:  # anybody may write any sender, and a link does the rest
        return None
    act = {Keyword.STOP: _stop, Keyword.START: _start, Keyword.HELP: _help}[keyword]
    if act(reply, contact, medium):
        ask_for(reply, keyword)
    return keyword


def word_in(reply: Inbound) -> str:
    """Return the part of a reply that may be a keyword: of a mail its first line or its subject, else all of it."""
    assert reply.channel is not None
    if reply.channel.medium != Medium.EMAIL:
        return reply.text
    first = next((line for line in reply.text.split("\n") if line.strip()), "")
    subject = str(reply.payload.get("subject", ""))
    return next((one for one in (first, subject) if keyword_of(one)), "")


def source_of(reply: Inbound, keyword: Keyword) -> str:
    """Return where a change of consent by a keyword came from, such as "Texts: STOP"."""
    return f"{reply.channel}: {keyword.upper()}"


def _stop(reply: Inbound, contact: Contact | None, medium: str) -> bool:
    """Withdraw consent to everything on the medium and suppress the address; return whether that is new."""
    known = _stops(reply, contact, medium).filter(use_case="").exists()
    stop, source = Suppression.Cause.STOP, source_of(reply, Keyword.STOP)
    if contact is None:
        consenting.suppress(reply.organization, medium, reply.address, stop, source=source)
        return not known
    for use_case in UseCase.values:
        said = {"source": source, "evidence": _evidence(reply), "address": reply.address, "cause": stop}
        consenting.withdraw(contact, medium, use_case, **said)  # type: ignore[arg-type]
    return not known


def _start(reply: Inbound, contact: Contact | None, medium: str) -> bool:
    """Give back what the last STOP on the medium took, and lift it; return whether anything was."""
    gone, _ = _stops(reply, contact, medium).delete()
    if contact is None:
        return gone > 0
    taken = _taken_by_stop(contact, medium)
    for use_case, state in taken.items():
        source, evidence = source_of(reply, Keyword.START), _evidence(reply)
        consenting.restore(contact, medium, use_case, state, source=source, evidence=evidence)
    return gone > 0 or bool(taken)


def _taken_by_stop(contact: Contact, medium: str) -> dict[str, str]:
    """Return the states before the last STOP, by the use cases whose withdrawal it was; others said no elsewhere."""
    found = {}
    withdrawn = Consent.objects.filter(contact=contact, medium=medium, state=ConsentState.WITHDRAWN)
    for use_case in withdrawn.order_by("use_case").values_list("use_case", flat=True):
        history = ConsentChange.objects.filter(contact=contact, medium=medium, use_case=use_case).order_by("-pk")
        last, before = [*history[:2], None, None][:2]
        # A second no leaves no change of state, but its own suppression.
        is_twice = consenting.blocking(contact, medium, use_case).filter(reason=Suppression.Cause.UNSUBSCRIBE).exists()
        if last and last.state == ConsentState.WITHDRAWN and _is_by_stop(last) and not is_twice:
            found[use_case] = before.state if before else ConsentState.UNKNOWN
    return found


def _is_by_stop(change: ConsentChange) -> bool:
    """Tell whether a reply made a change of consent (see `_evidence`), by its word STOP."""
    return "reply" in change.evidence and keyword_of(str(change.evidence.get("text"))) == Keyword.STOP


def _help(reply: Inbound, contact: Contact | None, medium: str) -> bool:
    return True


def _stops(reply: Inbound, contact: Contact | None, medium: str) -> OrganizationQuerySet[Suppression]:
    hashes = {consenting.hash_of(reply.address), *(contact.hashes if contact else ())} - {None}
    rows = Suppression.objects.for_organization(reply.organization_id)
    return rows.filter(medium=medium, address_hash__in=hashes, reason=Suppression.Cause.STOP)


def _evidence(reply: Inbound) -> dict[str, object]:
    assert reply.at is not None
    return consenting.evidence_of(reply=str(reply.uuid), text=word_in(reply), time=reply.at.isoformat())
