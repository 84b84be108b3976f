"""Replies of a single word: STOP withdraws consent on the medium, START gives back what STOP took, HELP is answered."""

import unicodedata

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
)

from .answering import ask_for

# The words of the FCC (47 CFR 64.1200(a)(10)), of Meta's default button, and of the languages that we answer in.
WORDS = {
    Keyword.STOP: (
        "stop, stopall, stop all, quit, end, revoke, opt out, optout, cancel, unsubscribe, stop promotions, "
        "alto, baja, darme de baja, cancelar, parar, detener, arret, arreter, desabonner, desinscription, annuler, "
        "stopp, abmelden, abbestellen, beenden, sair, pare, ferma, basta, disiscrivimi, annulla"
    ),
    Keyword.START: (
        "start, unstop, inicio, iniciar, alta, demarrer, reprendre, starten, anmelden, retomar, voltar, "
        "inizia, riprendi, avvia"
    ),
    Keyword.HELP: "help, info, ayuda, aide, hilfe, ajuda, aiuto",
}
_KEYWORDS = {word: keyword for keyword, words in WORDS.items() for word in words.split(", ")}
LONGEST = 100  # characters: a longer text is no keyword


def keyword_of(text: str) -> Keyword | None:
    """Return the keyword that a text consists of, whatever its case, accents, punctuation and emoji."""
    if len(text) > LONGEST:
        return None
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    # Marks, punctuation, symbols and invisible characters.
    kept = "".join(char for char in decomposed if unicodedata.category(char)[0] not in "MPSC" or char.isspace())
    return _KEYWORDS.get(" ".join(kept.split()))


def obey(reply: Inbound, contact: Contact | None) -> None:
    """Do what the keyword of a reply asks for, if it is one; the contact is locked."""
    assert reply.channel is not None
    keyword, medium = keyword_of(reply.text), reply.channel.medium
    if keyword is None or medium == Medium.WEBHOOK:  # the receivers of webhooks are programs
        return
    act = {Keyword.STOP: _stop, Keyword.START: _start, Keyword.HELP: _help}[keyword]
    if act(reply, contact, medium):
        ask_for(reply, keyword)


def _stop(reply: Inbound, contact: Contact | None, medium: str) -> bool:
    """Withdraw consent to everything on the medium and suppress the address; return whether that is new."""
    known = _stops(reply, contact, medium).filter(use_case="").exists()
    stop, source = Suppression.Cause.STOP, f"{reply.channel}: STOP"
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
        source, evidence = f"{reply.channel}: START", _evidence(reply)
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
    return consenting.evidence_of(reply=str(reply.uuid), text=reply.text, time=reply.at.isoformat())
