"""The texts that people agree to, by language, and the evidence of what they read."""

from hashlib import blake2b

from broadcasts.languages import nearest_language
from broadcasts.models import Medium, Organization, UseCase

# Language -> (text for marketing, text for general messages).
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
    """Return the available language that is nearest to a language tag; English if none is."""
    return nearest_language(language, LANGUAGES) or "en"


def medium_name(medium: str, language: str) -> str:
    """Return the noun for a medium within a sentence in a language."""
    noun = Medium(medium).noun
    return _EMAIL.get(spoken(language), noun) if medium == Medium.EMAIL else noun


def wording(organization: Organization, language: str, medium: str, use_case: str) -> str:
    """Return the text of a consent: the organization's own, if it has one for marketing by e-mail, or ours."""
    theirs = organization.consent_wording if use_case == UseCase.MARKETING and medium == Medium.EMAIL else {}
    if fitting := nearest_language(language, theirs):
        return theirs[fitting]
    ours = _OURS[spoken(language)][use_case != UseCase.MARKETING]
    return ours.format(organization=organization.name, medium=medium_name(medium, language))


def version(text: str) -> str:
    """Return a short hash that identifies a text."""
    return blake2b(text.encode(), digest_size=6).hexdigest()


def evidence_of(wording: str = "", **facts: object) -> dict[str, object]:
    """Return the evidence of a consent: its facts, and the text that was read with its version."""
    read = {"wording": wording, "wording_version": version(wording)} if wording else {}
    return {**{name: value for name, value in facts.items() if value not in ("", None)}, **read}
