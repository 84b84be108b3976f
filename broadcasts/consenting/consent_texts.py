"""What people agree to, in the languages we speak, and what proves that they read it."""

from hashlib import blake2b

from broadcasts.languages import nearest_language
from broadcasts.models import Medium, Organization, UseCase

# Marketing and general, by e-mail, by SMS and so on.
_OURS = {
    "en": (
        "Yes, {organization} may send me newsletters and offers by {medium}. I can withdraw this at any time.",
        "Yes, {organization} may send me notices that concern me by {medium}. I can withdraw this at any time.",
    ),
    "es": (
        "Sí, {organization} puede enviarme boletines y ofertas por {medium}. Puedo retirarlo en cualquier momento.",
        "Sí, {organization} puede enviarme avisos que me conciernen por {medium}. Puedo retirarlo en cualquier "
        "momento.",
    ),
    "fr": (
        "Oui, {organization} peut m'envoyer des lettres et des offres par {medium}. Je peux revenir sur cet accord "
        "à tout moment.",
        "Oui, {organization} peut m'envoyer des avis qui me concernent par {medium}. Je peux revenir sur cet accord "
        "à tout moment.",
    ),
    "de": (
        "Ja, {organization} darf mir Rundschreiben und Angebote per {medium} senden. Ich kann das jederzeit "
        "widerrufen.",
        "Ja, {organization} darf mir Mitteilungen, die mich betreffen, per {medium} senden. Ich kann das jederzeit "
        "widerrufen.",
    ),
    "pt": (
        "Sim, {organization} pode enviar-me boletins e ofertas por {medium}. Posso retirar este acordo a qualquer "
        "momento.",
        "Sim, {organization} pode enviar-me avisos que me dizem respeito por {medium}. Posso retirar este acordo a "
        "qualquer momento.",
    ),
    "it": (
        "Sì, {organization} può inviarmi notiziari e offerte via {medium}. Posso revocare il consenso in ogni momento.",
        "Sì, {organization} può inviarmi avvisi che mi riguardano via {medium}. Posso revocare il consenso in ogni "
        "momento.",
    ),
}
_EMAIL = {"es": "correo electrónico", "fr": "e-mail", "de": "E-Mail", "pt": "e-mail", "it": "e-mail"}
LANGUAGES = frozenset(_OURS)


def spoken(language: str) -> str:
    """Return the language that we speak to somebody who reads this one."""
    return nearest_language(language, LANGUAGES) or "en"


def medium_name(medium: str, language: str) -> str:
    """Return what a medium is called within a sentence of a language: most are names of their own."""
    noun = Medium(medium).noun
    return _EMAIL.get(spoken(language), noun) if medium == Medium.EMAIL else noun


def wording(organization: Organization, language: str, medium: str, use_case: str) -> str:
    """Return what somebody agrees to: in the organization's words for marketing by e-mail, or else in ours."""
    theirs = organization.consent_wording if use_case == UseCase.MARKETING and medium == Medium.EMAIL else {}
    if fitting := nearest_language(language, theirs):
        return theirs[fitting]
    ours = _OURS[spoken(language)][use_case != UseCase.MARKETING]
    return ours.format(organization=organization.name, medium=medium_name(medium, language))


def version(text: str) -> str:
    """Return a short name of exactly these words."""
    return blake2b(text.encode(), digest_size=6).hexdigest()


def evidence_of(wording: str = "", **facts: object) -> dict[str, object]:
    """Return what proves a yes or a no: its facts, and the words that were read with their version."""
    read = {"wording": wording, "wording_version": version(wording)} if wording else {}
    return {**{name: value for name, value in facts.items() if value not in ("", None)}, **read}
