"""What somebody types to find a person."""

from collections.abc import Iterator
from contextlib import suppress
from functools import reduce
from operator import and_

from django.core.exceptions import ValidationError
from django.db.models import Q

from broadcasts.mediums import email_key, phone_key
from broadcasts.models import search_words


def found_by(text: str) -> Q:
    """Return the condition of being found by a text: each word of it begins one of a person's.

    What has an @ begins an e-mail address, or a domain where it begins with the @. A text without a letter is part of a
    phone number as well.
    """
    found = reduce(and_, _conditions(text), Q()) or Q(pk__lt=0)
    digits = phone_key(text)
    # "anna7" is not a number, "0788 123-123" is.
    if digits and not any(char.isalpha() or char == "@" for char in text):
        found |= Q(phone_key__contains=digits.lstrip("0") or digits)
    return found


def _conditions(text: str) -> Iterator[Q]:
    for part in text.split():
        if "@" in part:
            yield _in_address(part)
        else:
            yield from (Q(search_text__contains=f" {word}") for word in search_words(part))


def _in_address(part: str) -> Q:
    typed = part.casefold()
    if typed.startswith("@"):
        return Q(email_key__contains=typed)
    with suppress(ValidationError):  # a whole one, whose domain may be written in any script
        return Q(email_key__startswith=typed) | Q(email_key=email_key(part))
    return Q(email_key__startswith=typed)
