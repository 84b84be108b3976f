"""Templates whose design is fixed: messages made from them change the words in its slots, and nothing else of it."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.db.models import prefetch_related_objects

from broadcasts.exceptions import InvalidInput
from broadcasts.languages import nearest_language
from broadcasts.models import Content, Format, Layout, Message, Template, TemplateTranslation

FIXED = "The design of the template “{}” is fixed: write its words in slots."
KEPT = ("format", "source", "blocks")  # what is fixed of a language; with html, which is made from it


def fixed_values(
    template: Template | None, language: str, given: Mapping[str, Any], stored: Content | None = None
) -> dict[str, Any]:
    """Return the content of a language that may have changed slots only, with the design of its template.

    Content that gives nothing of the design, or what is stored of it, gets the design as it is now in the nearest
    language of the template. Raises InvalidInput for any other. Without a fixed design the content stays as it is.
    """
    if template is None or not template.is_fixed:
        return dict(given)
    design = _nearest(template, language)
    if design is None:
        return dict(given)
    for name in KEPT:
        value = given.get(name)
        known = [getattr(one, name) for one in (design, stored) if one is not None]
        if value and value not in known and not (name == "format" and not (given.get("source") or given.get("blocks"))):
            raise InvalidInput({name: FIXED.format(template)})
    html = given.get("html")
    if html and html not in [one.html for one in (design, stored) if one is not None]:
        raise InvalidInput({"html": FIXED.format(template)})
    return {**given, **{name: getattr(design, name) for name in KEPT}, "html": design.html}


def take_fixed_design(message: Message, translation: Content) -> None:
    """Give a language of a message the fixed design and the layout that its template has now, if it has one.

    Nothing is saved; the words of slots stay.
    """
    template = message.template
    if template is None or not template.is_fixed:
        return
    message.layout = template.layout
    prefetch_related_objects([template], "translations")
    if design := _nearest(template, translation.language):
        for name in KEPT:
            setattr(translation, name, getattr(design, name))
        translation.html = design.html


def layout_for(
    message: Message, values: Mapping[str, Any], contents: Iterable[Mapping[str, Any]] = ()
) -> Layout | None:
    """Return the layout of a message that is saved with new values.

    A new one is in that of its template, or of its organization, unless another is given; if a language of its
    `contents` is HTML that is sent as it is, in none. Raises InvalidInput for another than that of a fixed design.
    """
    template = values.get("template", message.template)
    layout = values.get("layout", message.layout)
    if message.pk is None and "layout" not in values:
        default = None if any(map(_is_raw, contents)) else message.broadcast.organization.default_layout
        layout = template.layout if template else default
    if template is None or not template.is_fixed or template.layout == layout:
        return layout
    if "layout" in values and layout is not None:
        raise InvalidInput({"layout": FIXED.format(template)})
    return template.layout


def _is_raw(given: Mapping[str, Any]) -> bool:
    return bool(given.get("html")) and given.get("format", Format.HTML) == Format.HTML and not given.get("source")


def _nearest(template: Template, language: str) -> TemplateTranslation | None:
    offered = {one.language: one for one in template.usable()}
    return offered.get(nearest_language(language, offered)) or next(iter(offered.values()), None)
