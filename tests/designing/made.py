"""Make HTML without a database: an organization that is not saved, and what a content says."""

from typing import Any

import pytest

from broadcasts import designing
from broadcasts.exceptions import InvalidInput
from broadcasts.models import Layout, Organization, TemplateTranslation
from broadcasts.rendering import Budget
from broadcasts.rendering.plaintext import html_to_text

CLUB = Organization(name="Riverside Club", postal_address="1 River Road\nSpringfield")


def content(format: str = "blocks", **fields: Any) -> TemplateTranslation:
    return TemplateTranslation(language=fields.pop("language", "en"), format=format, **fields)


def made(format: str = "blocks", *, syntax: str = "liquid", layout: Layout | None = None, **fields: Any):
    return designing.design(content(format, **fields), layout=layout, organization=CLUB, syntax=syntax)


def html_of(*blocks: dict[str, Any], **options: Any) -> str:
    return made(blocks=list(blocks), **options).html


def refused(*blocks: dict[str, Any], **options: Any) -> dict[str, str]:
    """Return the errors of content that cannot be designed."""
    format = options.pop("format", "blocks")
    fields = {"blocks": list(blocks), **options} if format == "blocks" else options
    with pytest.raises(InvalidInput) as caught:
        made(format, **fields)
    return caught.value.errors


def text_of(html: str) -> str:
    return html_to_text(html, Budget(10))


def text(html: str = "<p>Hello</p>", **fields: Any) -> dict[str, Any]:
    return {"type": "text", "html": html, **fields}


def html(source: str) -> dict[str, Any]:
    return {"type": "html", "html": source}
