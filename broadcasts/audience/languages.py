"""Which of a message's languages each contact gets."""

from collections.abc import Sequence

from django.db.models import Case, CharField, Q, Value, When

from broadcasts.models import Organization


def _fitting(language: str, languages: Sequence[str]) -> str:
    """Return the language itself, else the plain one (es for es-MX), else the first of that family, else ""."""
    if language in languages:
        return language
    family = language.split("-")[0]
    if family in languages:
        return family
    return next((one for one in languages if one.split("-")[0] == family), "") if family else ""


def choose_language(language: str, languages: Sequence[str], organization: Organization, base_language: str) -> str:
    """Return the language for one contact: its own, else the organization's primary, else the base; "" for none."""
    wanted = (language, organization.primary_language, base_language)
    return next((found for one in wanted if (found := _fitting(one, languages))), "")


def send_language(
    languages: Sequence[str], organization: Organization, base_language: str, to: str = ""
) -> Case | Value:
    """Return `choose_language` as SQL; `to` is the path to the contact."""
    column = f"{to}language"
    families = list(dict.fromkeys(one.split("-")[0] for one in languages))
    exact = [When(Q(**{column: one}), then=Value(one)) for one in languages]
    family = [
        When(Q(**{column: one}) | Q(**{f"{column}__startswith": f"{one}-"}), then=Value(_fitting(one, languages)))
        for one in families
    ]
    default = Value(choose_language("", languages, organization, base_language), CharField())
    return Case(*exact, *family, default=default, output_field=CharField()) if languages else default
