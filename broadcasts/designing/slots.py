"""The slots of a design: the places whose words may be written where the design itself is fixed."""

import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, NamedTuple

from broadcasts.models import Content, Format

from .blocks import (
    BLOCKS,
    LONGEST_HTML,
    SLOT_NAME,
    SLOT_RULE,
    Problems,
    fault,
    field_texts,
    slotted,
    text_fault,
    walk,
)

MOST_SLOTS = 100
_OPENING = re.compile(r"""<slot\s+name\s*=\s*(?:"([^"<>]*)"|'([^'<>]*)')\s*(/?)>""", re.IGNORECASE)
_CLOSING = re.compile(r"</slot\s*>", re.IGNORECASE)
# What may be written in the slot of a block: never how it looks.
FIELDS = {
    "image": ("media", "url", "alt", "href"),
    "button": ("text", "href"),
    "quote": ("html", "by"),
}


@dataclass(frozen=True, slots=True)
class Slot:
    """A slot; kind: line, inline, rich, html, markdown, image, button or quote. `default` is what stands there."""

    name: str
    label: str
    kind: str
    default: Any


class SourcePiece(NamedTuple):
    """A part of a source with slots: its text, and where it is written."""

    text: str
    path: str
    line: int


class SlotMark(NamedTuple):
    """Where a slot stands in a source, and its default words."""

    name: str
    words: str
    start: int
    words_start: int
    end: int


def _marks(source: str) -> Iterator[SlotMark]:
    """Yield the slots of a source; one that is never closed is none."""
    position, may_close = 0, True
    while opening := _OPENING.search(source, position):
        name = opening[1] if opening[1] is not None else opening[2]
        start, position = opening.span()
        if opening[3]:
            yield SlotMark(name, "", start, position, position)
        elif may_close and (closing := _CLOSING.search(source, position)):
            yield SlotMark(name, source[position : closing.start()], start, position, closing.end())
            position = closing.end()
        else:
            may_close = False  # nothing closes those after it either


def slots_of(content: Content) -> list[Slot]:
    """Return the slots of a content's design in the order of reading."""
    if content.format == Format.BLOCKS:
        return [_of_block(block) for _, block in slotted(content.blocks)]
    kind = "markdown" if content.format == Format.MARKDOWN else "html"
    found: dict[str, Slot] = {}
    for mark in _marks(content.source):
        found.setdefault(mark.name, Slot(mark.name, _label(mark.name), kind, mark.words.strip()))
    return list(found.values())


def _of_block(block: Mapping[str, Any]) -> Slot:
    name, main = block["slot"], BLOCKS[block["type"]].words
    if names := FIELDS.get(block["type"]):
        return Slot(name, _label(name), block["type"], {one: block[one] for one in names if block.get(one)})
    field = BLOCKS[block["type"]].field(main)
    assert field is not None
    return Slot(name, _label(name), field.kind, block.get(main, ""))


def _label(name: str) -> str:
    return name.replace("_", " ").replace("-", " ").strip().capitalize()


def validate_slots(content: Content, problems: Problems) -> None:
    """Add what is wrong with the words of slots; words for a slot that the design lacks are kept, and not used."""
    given = content.slots
    if not isinstance(given, Mapping):
        problems.add("slots", 'Give an object such as {"intro": "Hello"}.')
        return
    if len(given) > MOST_SLOTS:
        problems.add("slots", f"There are more than {MOST_SLOTS} slots; use fewer.")
        return
    of_blocks = (
        {block["slot"]: block for _, block in slotted(content.blocks)} if content.format == Format.BLOCKS else {}
    )
    for name, words in given.items():
        if not SLOT_NAME.fullmatch(name):
            problems.add(f"slots.{name!s:.40}", SLOT_RULE)
        elif isinstance(words, str):
            if bad := text_fault(words, LONGEST_HTML):
                problems.add(f"slots.{name}", bad)
        elif (block := of_blocks.get(name)) and isinstance(words, Mapping) and block["type"] in FIELDS:
            for key, bad in _faults(block["type"], words):
                problems.add(f"slots.{name}.{key}", bad)
        else:
            problems.add(f"slots.{name}", "Give a text.")


def _faults(kind: str, words: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for key, value in words.items():
        field = BLOCKS[kind].field(key) if key in FIELDS[kind] else None
        if field is None:
            yield f"{key!s:.40}", f"A slot of the type {kind} has {', '.join(FIELDS[kind])}."
        elif value not in (None, "") and (bad := fault(field, value)):
            yield key, bad


def source_pieces(content: Content) -> Iterator[SourcePiece]:
    """Yield a source in pieces, with the words of its slots in their places."""
    source, end = content.source, 0
    for mark in _marks(source):
        words = content.slots.get(mark.name) if isinstance(content.slots, Mapping) else None
        yield SourcePiece(source[end : mark.start], "source", line_at(source, end))
        if isinstance(words, str) and words.strip():
            yield SourcePiece(words, f"slots.{mark.name}", 1)
        elif mark.words:
            yield SourcePiece(mark.words, "source", line_at(source, mark.words_start))
        end = mark.end
    yield SourcePiece(source[end:], "source", line_at(source, end))


def written_texts(content: Content) -> Iterator[tuple[str, str, str]]:
    """Yield (path, kind, template) of everything that an author wrote in a design and that is a template."""
    if content.format == Format.BLOCKS:
        for path, block in walk(content.blocks):
            yield from field_texts(path, block)
    elif content.source:
        yield "source", "html", content.source
    for path, words in slot_texts(content.slots):
        yield path, "html", words


def slot_texts(slots: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, words in slots.items():
        if isinstance(words, str):
            yield f"slots.{name}", words
        elif isinstance(words, Mapping):
            yield from ((f"slots.{name}.{key}", one) for key, one in words.items() if isinstance(one, str))


def rewritten(content: Content, texts: Mapping[str, str]) -> dict[str, Any]:
    """Return the design of a content, {field: value}, with other texts at the paths of `written_texts`."""
    design: dict[str, Any] = {name: deepcopy(getattr(content, name)) for name in Content.DESIGN}
    design["source"] = texts.get("source", design["source"])
    for path, block in walk(design["blocks"]):
        for field in BLOCKS[block["type"]].fields:
            if field.kind == "links":
                for place, link in enumerate(block.get(field.name) or ()):
                    link["href"] = texts.get(f"{path}.{field.name}[{place}].href", link["href"])
            elif f"{path}.{field.name}" in texts:
                block[field.name] = texts[f"{path}.{field.name}"]
    for name, words in design["slots"].items():
        if isinstance(words, str):
            design["slots"][name] = texts.get(f"slots.{name}", words)
        elif isinstance(words, dict):
            words |= {key: texts.get(f"slots.{name}.{key}", one) for key, one in words.items()}
    return design


def line_at(source: str, index: int) -> int:
    return source.count("\n", 0, index) + 1
