"""ISO 639-3 codes, which RapidPro uses for languages, and our tags."""

from langcodes.data_dicts import LANGUAGE_ALPHA3

from broadcasts.languages import code_of
from broadcasts.models import Organization

UNDETERMINED = ("mul", "und")  # allowed beside the codes that have one of two letters too
NOT_ALLOWED = "Not an allowed ISO 639-3 language code."
TAGS = {code: tag for tag, code in LANGUAGE_ALPHA3.items() if len(tag) == 2}


def is_allowed(code: str, organization: Organization | None = None) -> bool:
    """Tell whether RapidPro's clients may write a code; the organization's own languages are allowed always."""
    return code in TAGS or code in UNDETERMINED or (organization is not None and code in codes_of(organization))


def tag_of(code: str) -> str:
    """Return our tag of an allowed code, such as en for eng."""
    return TAGS.get(code, code)


def codes_of(organization: Organization) -> list[str]:
    """Return the codes of an organization's languages, the primary one first."""
    return [code for tag in organization.languages if (code := code_of(tag))]


def primary_of(organization: Organization) -> str:
    """Return the code of an organization's primary language."""
    return code_of(organization.primary_language) or "und"
