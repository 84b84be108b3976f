"""Turn content into another format, without a difference in what people get; there is no way back."""

import re

from broadcasts import rendering
from broadcasts.exceptions import InvalidInput
from broadcasts.models import Content, Format, Message, Template

from .applying import apply
from .blocks import Problems
from .compiling import with_fragments
from .making import Making

CONVERSIONS: dict[str, tuple[Format, ...]] = {
    Format.BLOCKS: (Format.HTML, Format.MJML),
    Format.MARKDOWN: (Format.HTML,),
    Format.MJML: (Format.HTML,),
}
_TAG = re.compile(r"<(/?)(mj-[a-z-]++)([^<>]*+)>")  # no attribute has a bare <; looking beyond it takes the square
_WHOLE = ("mj-text", "mj-button")  # elements with words in them, where line breaks would count


def convert(owner: Message | Template, content: Content, goal: str) -> None:
    """Turn a content into another format, without saving it; raises InvalidInput if it cannot be made, or not exactly.

    Its slots are filled with their words for good.
    """
    inexact = InvalidInput({"format": f"{content.get_format_display()} cannot be turned into {goal} exactly."})
    if goal not in CONVERSIONS.get(content.format, ()):
        raise inexact
    before = apply(owner, content).html
    written = {"source": _as_mjml(owner, content) if goal == Format.MJML else "", "blocks": [], "slots": {}}
    converted = type(content)(language=content.language, format=Format(goal), html=before, **written)
    if apply(owner, converted).html != before:  # such as panels that touched those of the layout
        raise inexact
    for name in Content.DESIGN:
        setattr(content, name, getattr(converted, name))


def _as_mjml(owner: Message | Template, content: Content) -> str:
    """Return blocks as sections of MJML that become the same HTML within the same layout."""
    making = Making(content, owner.layout, rendering.organization_of(owner), owner.syntax, Problems())
    before, rows, after = making.read()
    assert isinstance(rows, list)
    sections = making.builder.sections_of([*before, *rows, *after])[len(before) : len(before) + len(rows)]
    masks = making.masks
    logic = re.compile(rf"<mj-raw>((?:{masks.comment.pattern}\s*)+)</mj-raw>")
    written = _indented(logic.sub(r"\1", "".join(sections)))
    return masks.restore(with_fragments(written, making.builder.fragments, masks))


def _indented(mjml: str) -> str:
    """Put each element on a line of its own, those within others further in."""
    lines: list[str] = []
    depth = end = 0
    is_within = False
    for found in _TAG.finditer(mjml):
        before, name, closes = mjml[end : found.start()].strip(), found[2], bool(found[1])
        end = found.end()
        if is_within:
            lines[-1] += f"{before}{found[0]}"
            is_within = False
            continue
        if before:
            lines.append(f"{'  ' * depth}{before}")
        depth -= closes
        lines.append(f"{'  ' * depth}{found[0]}")
        is_within = name in _WHOLE and not found[3].endswith("/")
        depth += not (closes or is_within or found[3].endswith("/"))
    rest = mjml[end:].strip()
    return "\n".join([*lines, rest] if rest else lines)
