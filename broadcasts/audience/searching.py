"""The search for contacts by name, e-mail address or phone number."""

from collections.abc import Iterator
from contextlib import suppress
from functools import reduce
from operator import and_

from django.core.exceptions import ValidationError
from django.db.models import Q

from broadcasts.mediums import email_key, phone_key
from broadcasts.models import search_words


def search_clause(text: str) -> Q:
    """Return the clause for contacts that match a search: each of its words begins a word of the contact.

    A word with an @ matches the beginning of an e-mail address; one that starts with @, of its domain. A text without
    a letter also matches a part of a phone number.
    """
    found = reduce(and_, _clauses(text), Q()) or Q(pk__lt=0)
    digits = phone_key(text)
    # "anna7" is not a number, "0788 123-123" is.
    if digits and not any(char.isalpha() or char == "@" for char in text):
        found |= Q(phone_key__contains=digits.lstrip("0") or digits)
    return found


def _clauses(text: str) -> Iterator[Q]:
    for part in text.split():
        if "@" in part:
            yield _in_address(part)
        else:
            yield from (Q(search_text__word_begins=word) for word in search_words(part))


def _in_address(part: str) -> Q:
    typed = part.casefold()
    if typed.startswith("@"):
        return Q(email_key__contains=typed)
    with suppress(ValidationError):  # a whole address may have its domain in any script
        return Q(email_key__startswith=typed) | Q(email_key=email_key(part))
    return Q(email_key__startswith=typed)
