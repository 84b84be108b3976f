"""STOP, START and HELP: the words that mean them, and the texts of an organization that answer them."""

import re
import unicodedata
from typing import Protocol

from django.core.exceptions import ValidationError
from django.db import models

from broadcasts import septets
from broadcasts.languages import normalize_language


class Keyword(models.TextChoices):
    """What a reply of a single word asks for."""

    STOP = "stop", "Stop"
    START = "start", "Start"
    HELP = "help", "Help"


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
_STOP_WORDS = re.compile(rf"\b({'|'.join(word for word, keyword in _KEYWORDS.items() if keyword == Keyword.STOP)})\b")
LONGEST = 100  # characters: a longer text is no keyword

PLACEHOLDERS = ("organization", "postal_address")
MOST_SEGMENTS = 3  # of an answer: each is paid for
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


class Sender(Protocol):
    """An organization, as far as an answer tells of it."""

    name: str
    postal_address: str


def keyword_of(text: str) -> Keyword | None:
    """Return the keyword that a text consists of, whatever its case, accents, punctuation and emoji."""
    return _KEYWORDS.get(_plain_words(text)) if len(text) <= LONGEST else None


def _plain_words(text: str) -> str:
    """Return the words of a text without case, accents, punctuation, symbols and invisible characters."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    kept = "".join(char for char in decomposed if unicodedata.category(char)[0] not in "MPSC" or char.isspace())
    return " ".join(kept.split())


def fill_answer(text: str, organization: Sender) -> str:
    """Return the text of an answer with its placeholders replaced."""
    values = {
        "organization": organization.name,
        "postal_address": ", ".join(organization.postal_address.split("\n")).replace("\r", ""),
    }
    return _PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), text)


def answer_fault(keyword: str, text: str, organization: Sender | None = None) -> str:
    """Return what is wrong with the text of an answer; "" if nothing is.

    The organization is needed to tell how long the text gets.
    """
    for name in _PLACEHOLDER.findall(text):
        if name not in PLACEHOLDERS:
            offered = ", ".join(f"{{{one}}}" for one in PLACEHOLDERS)
            return f"“{{{name[:40]}}}” is not a placeholder: use {offered}."
    if "{organization}" not in text:
        return "The answer has to name the sender: write {organization} where the name goes."
    if keyword == Keyword.HELP and not _STOP_WORDS.search(_plain_words(text)):
        return "The answer to HELP has to say how to stop: name the word STOP."
    if organization is None:
        return ""
    if "{postal_address}" in text and not organization.postal_address.strip():
        return "The organization has no postal address for {postal_address}."
    taken = septets.segments(fill_answer(text, organization))
    if taken > MOST_SEGMENTS:
        return f"The answer takes {taken} SMS segments; it may take {MOST_SEGMENTS}."
    return ""


def validate_answer_texts(texts: object, organization: Sender | None = None) -> None:
    """Refuse what is not a text per keyword and language, or lacks what the law wants; raises ValidationError."""
    if not isinstance(texts, dict) or not all(isinstance(by_language, dict) for by_language in texts.values()):
        raise ValidationError(
            'Give texts per keyword and language, such as {"help": {"en": "{organization}. STOP ends this."}}.'
        )
    for keyword, by_language in texts.items():
        if keyword not in Keyword.values:
            raise ValidationError(f"“{keyword[:40]}” is not a keyword: use one of {', '.join(Keyword.values)}.")
        for language, text in by_language.items():
            if normalize_language(language) != language:
                raise ValidationError(f"“{language[:40]}” should be written “{normalize_language(language)}”.")
            if not isinstance(text, str) or not text.strip():
                raise ValidationError(f"{keyword}, {language}: give a text, or leave the language out for ours.")
            if fault := answer_fault(keyword, text, organization):
                raise ValidationError(f"{keyword}, {language}: {fault}")
