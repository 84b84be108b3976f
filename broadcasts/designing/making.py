"""Make the HTML of one content from its format, within its layout."""

from dataclasses import dataclass, field
from typing import Any

from broadcasts import formats
from broadcasts.mediums import Medium
from broadcasts.models import Content, Format, Layout, Organization

from .blocks import LONGEST_HTML, Problems, text_fault, validate_blocks
from .building import Builder
from .cleaning import CleanHtml
from .compiling import in_style
from .masks import Masks
from .slots import validate_slots
from .styles import style_of

LONGEST_SOURCE = 500_000  # characters
LONGEST_RESULT = 1_000_000
SHAPES = {"blocks": list, "slots": dict, "source": str, "format": str}


@dataclass(frozen=True, slots=True)
class Designed:
    """The HTML of a content, and what its author should know about it."""

    html: str
    warnings: list[str] = field(default_factory=list)


def design(
    content: Content, *, layout: Layout | None, organization: Organization, syntax: str, medium: str = Medium.EMAIL
) -> Designed:
    """Return the HTML of a content; raises InvalidInput({path: words}), such as `blocks[2].href`, `source`, `slots.intro`.

    Media other than mail have no HTML. HTML without a source and without a layout stays as it is.
    """
    problems = Problems()
    validate_shape(content, problems)
    problems.refuse()
    if medium != Medium.EMAIL or content.format == Format.TEXT:
        return Designed("")
    if content.format == Format.HTML and not content.source:
        return Designed(content.html)
    validate_slots(content, problems)
    problems.refuse()
    return _Making(content, layout, organization, syntax, problems).made()


def validate_shape(content: Content, problems: Problems) -> None:
    """Add what is wrong with the shape of what a content is made from, whatever its format."""
    if content.format not in Format.values:
        problems.add("format", f"“{content.format!s:.20}” is not known; use {', '.join(Format.values)}.")
        return
    for name, shape in SHAPES.items():
        if not isinstance(getattr(content, name), shape):
            kind = {list: "a list", dict: "an object", str: "a text"}[shape]
            problems.add(name, f"Give {kind}.")
            return
    if bad := text_fault(content.source, LONGEST_SOURCE):
        problems.add("source", bad)
    validate_blocks(content.blocks)


class _Making:
    def __init__(
        self, content: Content, layout: Layout | None, organization: Organization, syntax: str, problems: Problems
    ) -> None:
        self.content = content
        self.layout = layout
        self.problems = problems
        self.warnings: list[str] = []
        self.masks = Masks(syntax)
        self.cleaner = CleanHtml(self.masks, problems, self.warnings)
        self.style = style_of(layout.style if layout else {})
        language = content.language or organization.primary_language
        self.builder = Builder(organization, language, self.masks, self.cleaner, self.style)

    def made(self) -> Designed:
        around = [self.layout.header, self.layout.footer] if self.layout else [[], []]
        self.builder.slots = self.content.slots
        for blocks in (*around, self.content.blocks):
            self.builder.find_pictures(blocks)
        header = self.part(around[0], "layout.header", first=True, last=False)
        body = self.part(self.content.blocks, "blocks", first=not header, last=True)
        footer = self.part(around[1], "layout.footer", first=False, last=True)
        self.problems.refuse()
        return self.finished(in_style(header + body + footer, self.style, self.builder))

    def part(self, blocks: list[dict[str, Any]], path: str, *, first: bool, last: bool) -> str:
        return self.builder.sections(blocks, path, first=first, last=last) if blocks else ""

    def finished(self, masked: str) -> Designed:
        self.masks.require_kept(masked, self.problems)
        self.problems.refuse()
        html = self.masks.restore(masked)
        if len(html) > LONGEST_RESULT:
            words = f"The HTML becomes longer than {formats.number(LONGEST_RESULT)} characters; use fewer blocks."
            self.problems.add("blocks" if self.content.format == Format.BLOCKS else "source", words)
            self.problems.refuse()
        return Designed(html, self.warnings)


__all__ = ["LONGEST_HTML", "Designed", "design"]
