"""Language tags (BCP 47), and which of the languages on offer a person reads."""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from importlib import import_module

from django.core.exceptions import ValidationError

_TAG = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")

# Places where Chinese is written in traditional characters unless the tag says otherwise (CLDR, likely subtags).
TRADITIONAL = ("TW", "HK", "MO")
SCRIPTS = {"zh": "Hans"}  # that a tag means which names neither a script nor one of those places
READ_IN_ANY_SCRIPT = frozenset({"sr"})  # readers of Serbian read both of its alphabets


def normalize_language(tag: str) -> str:
    """Return a BCP 47 tag in its usual case (`pt-BR`, `zh-Hant`), or raise ValidationError."""
    tag = tag.strip().replace("_", "-")
    if not _TAG.fullmatch(tag):
        raise ValidationError(f"“{tag[:40]}” is not a language: use a BCP 47 tag, such as es or pt-BR.")
    head, *rest = tag.split("-")
    cased = [part.upper() if len(part) == 2 else part.title() if len(part) == 4 else part.lower() for part in rest]
    return "-".join([head.lower(), *cased])


@lru_cache(1000)
def code_of(tag: str) -> str | None:
    """Return the ISO 639-3 code of a tag, such as por for pt-BR; None for no language, or one without a code."""
    codes = import_module("langcodes.data_dicts").LANGUAGE_ALPHA3  # which takes a third of a second, so only when used
    language = family(tag)
    return codes.get(language) or (language if len(language) == 3 else None)


def family(tag: str) -> str:
    """Return the language of a tag without script and region: `es` for `es-MX`."""
    return tag.partition("-")[0].lower()


def script(tag: str) -> str:
    """Return the script that a tag names or implies (`Hant` for `zh-TW`); "" if it leaves that open."""
    language, _, rest = tag.partition("-")
    second = rest.partition("-")[0]
    if len(second) == 4:
        return second
    return "Hant" if language == "zh" and second in TRADITIONAL else SCRIPTS.get(language, "")


def nearest_language(tag: str, offered: Iterable[str]) -> str:
    """Return the language on offer that serves readers of a tag, or "".

    The tag itself comes first, then its truncations, the longest first (RFC 4647, section 3.4: `zh-Hant-TW`, `zh-Hant`,
    `zh`), then another region's form of the same language (`es-ES` for `es-MX`), the first on offer. What is in the
    same script comes before what leaves it open, and before the plain language, whichever script that is in.
    A form in another script does not serve: to many readers of `zh-Hant` a text in `zh-Hans` is as foreign as English.
    """
    offered = list(offered)
    relatives = _relatives(tag, offered)
    wanted, plain = script(tag), family(tag)
    truncated = [one for one in _truncations(tag) if one in offered]
    found = [one for one in [*truncated, *relatives] if script(one) == wanted] + truncated
    found += [one for one in relatives if not wanted or not script(one) or plain in READ_IN_ANY_SCRIPT]
    return next(iter(found), "")


def choose_language(tag: str, offered: Iterable[str], defaults: Iterable[str]) -> str:
    """Return the offered language that suits a reader of `tag` best; "" if none does.

    offered: the languages that there is content in, the preferred first.
    defaults: what others read who have no language or another one: the organization's primary language, then the
    broadcast's base language. Each is looked for as a person's own would be.

    Only where those are not on offer either, a form of the person's own language in another script will do.
    All tags are taken to be normalized. `audience.languages` has the same as SQL.
    """
    offered = list(offered)
    found = (nearest_language(one, offered) for one in (tag, *defaults) if one)
    return next(filter(None, found), "") or next(iter(_relatives(tag, offered)), "")


def _truncations(tag: str) -> Iterator[str]:
    while tag:
        yield tag
        tag = tag.rpartition("-")[0]


def _relatives(tag: str, offered: Iterable[str]) -> list[str]:
    return [one for one in offered if tag and family(one) == family(tag)]
