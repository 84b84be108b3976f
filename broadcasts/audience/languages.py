"""The language in which each contact gets a message, as SQL."""

from collections.abc import Iterator, Sequence

from django.db.models import Case, CharField, F, Q, Value, When, lookups
from django.db.models.functions import Concat, StrIndex, Substr

from broadcasts.languages import SCRIPTS, TRADITIONAL, choose_language, family, script

OTHER = "????"  # stands for any script that the message does not use; no tag holds it


def send_language(languages: Sequence[str], defaults: Sequence[str], to: str = "") -> Case | Value:
    """Return `choose_language` as SQL; `to` is the path to the contact.

    The result depends only on the prefix of the contact's language tag: so there is one WHEN for each prefix that
    matters, and its result is computed by `choose_language` itself.
    """

    def chosen(tag: str) -> str:
        return choose_language(tag, languages, defaults)

    column = f"{to}language"
    otherwise = Value(chosen(""), CharField())
    if not languages:
        return otherwise
    whens = [When(Q(**{column: one}), then=Value(one)) for one in languages]  # the most frequent case, and the cheapest
    for one in dict.fromkeys(family(language) for language in languages):
        found = [(tag, chosen(tag)) for tag in _beginnings(one, languages)]
        while len(found) > 1 and found[-2][1] == found[-1][1]:
            del found[-2]  # the last WHEN covers the whole language family
        whens += [When(_begins(column, tag), then=Value(language)) for tag, language in found]
    return Case(*whens, default=otherwise, output_field=CharField())


def _beginnings(one: str, languages: Sequence[str]) -> Iterator[str]:
    """Yield the prefixes that matter of tags in a language family, longer ones before their own prefixes."""
    relatives = [language for language in languages if family(language) == one]
    yield from sorted((language for language in relatives if language != one), key=len, reverse=True)
    if scripts := {script(language) for language in relatives} - {""}:
        yield from (f"{one}-{found}" for found in [*sorted(scripts), OTHER])
    if one in SCRIPTS:
        yield from (f"{one}-{place}" for place in TRADITIONAL)
    yield one


def _begins(column: str, tag: str) -> Q:
    if not tag.endswith(OTHER):
        return Q(**{column: tag}) | Q(**{f"{column}__startswith": f"{tag}-"})
    start = tag.removesuffix(OTHER)
    rest = Concat(Substr(F(column), len(start) + 1), Value("-"))
    is_script = Q(lookups.Exact(StrIndex(rest, Value("-")), len(OTHER) + 1))  # scripts have four letters (BCP 47)
    return Q(**{f"{column}__startswith": start}) & is_script
