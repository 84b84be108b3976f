"""The table of blocks: their fields, with what each may hold. It validates, documents the API and feeds the editor."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from broadcasts import formats
from broadcasts.exceptions import InvalidInput

MOST_BLOCKS = 200  # of one content, those within columns too
MOST_COLUMNS = 4
MOST_LINKS = 12
LONGEST_LINE = 1_000  # characters
LONGEST_HTML = 100_000
LONGEST_ADDRESS = 2_000
MOST_PROBLEMS = 20
MOST_LINES = 5  # with a problem, of one text

SLOT_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,39}")
SLOT_RULE = "A name begins with a letter and has at most 40 letters, digits, - and _."
ALIGNS = (("left", "Left"), ("center", "Center"), ("right", "Right"))
SIZES = (("small", "Small"), ("normal", "Normal"), ("large", "Large"))
NETWORKS = (
    ("facebook", "Facebook"),
    ("instagram", "Instagram"),
    ("x", "X"),
    ("linkedin", "LinkedIn"),
    ("youtube", "YouTube"),
    ("tiktok", "TikTok"),
    ("whatsapp", "WhatsApp"),
    ("telegram", "Telegram"),
    ("mastodon", "Mastodon"),
    ("bluesky", "Bluesky"),
    ("threads", "Threads"),
    ("pinterest", "Pinterest"),
    ("github", "GitHub"),
    ("website", "Website"),
    ("email", "E-mail"),
)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class BlockField:
    """One field of a block.

    kind: line (one line of plain words), inline (one line of rich text), rich (rich text), html (source), address (of a
    link), media (the uuid of an uploaded picture), picture (its https address), width, number, choice, switch, columns,
    links.
    """

    name: str
    kind: str
    label: str
    required: bool = False
    default: Any = None
    choices: tuple[tuple[str, str], ...] = ()
    least: int | None = None
    most: int | None = None
    help: str = ""

    @property
    def longest(self) -> int | None:
        """How many characters it may have; None if it is no text."""
        if self.kind in ("line", "inline"):
            return LONGEST_LINE
        if self.kind in ("address", "picture"):
            return LONGEST_ADDRESS
        return LONGEST_HTML if self.kind in ("rich", "html") else None


@dataclass(frozen=True, slots=True)
class BlockType:
    """One kind of block; `words` names the field that a slot replaces, "" if it has none."""

    type: str
    label: str
    fields: tuple[BlockField, ...] = ()
    words: str = ""
    help: str = ""

    def field(self, name: str) -> BlockField | None:
        return next((one for one in self.fields if one.name == name), None)


def _align(default: str = "left") -> BlockField:
    return BlockField("align", "choice", "Alignment", default=default, choices=ALIGNS)


PANEL = BlockField("panel", "switch", "On a panel", default=False, help="Sets the block on a coloured panel.")
ALTERNATIVE = BlockField(
    "alt", "line", "Alternative text", default="", help="What the picture shows; blank: that of the library."
)
BLOCKS: dict[str, BlockType] = {
    one.type: one
    for one in (
        BlockType(
            "heading",
            "Heading",
            (
                BlockField("text", "inline", "Text", required=True),
                BlockField("level", "number", "Level", default=2, least=1, most=3),
                _align(),
                PANEL,
            ),
            words="text",
        ),
        BlockType(
            "text",
            "Text",
            (
                BlockField("html", "rich", "Text", required=True),
                _align(),
                BlockField("size", "choice", "Size", default="normal", choices=SIZES),
                PANEL,
            ),
            words="html",
        ),
        BlockType(
            "image",
            "Picture",
            (
                BlockField("media", "media", "Picture", help="From your files."),
                BlockField("url", "picture", "Address", help="Of a picture on another site, beginning with https."),
                ALTERNATIVE,
                BlockField("href", "address", "Link"),
                BlockField("width", "width", "Width", least=10, most=600, help="In pixels, or edge to edge."),
                _align("center"),
                PANEL,
            ),
            words="alt",
        ),
        BlockType(
            "button",
            "Button",
            (
                BlockField("text", "line", "Text", required=True),
                BlockField("href", "address", "Link", required=True),
                _align(),
                PANEL,
            ),
            words="text",
        ),
        BlockType(
            "columns",
            "Columns",
            (
                BlockField("columns", "columns", "Columns", required=True, least=2, most=4),
                BlockField("stack", "switch", "One below the other on phones", default=True),
                PANEL,
            ),
        ),
        BlockType("divider", "Divider"),
        BlockType("spacer", "Space", (BlockField("height", "number", "Height", default=24, least=1, most=200),)),
        BlockType(
            "social",
            "Social links",
            (
                BlockField("links", "links", "Links", required=True, choices=NETWORKS, least=1, most=MOST_LINKS),
                _align("center"),
            ),
        ),
        BlockType(
            "quote",
            "Quote",
            (BlockField("html", "rich", "Text", required=True), BlockField("by", "line", "By", default="")),
            words="html",
        ),
        BlockType("html", "HTML", (BlockField("html", "html", "HTML", required=True),), words="html"),
        BlockType("footer", "Footer", help="The sender's address, and links to preferences and unsubscribing."),
    )
}


def vocabulary() -> list[dict[str, Any]]:
    """Return the table as JSON, as the editor reads it."""
    return [
        {
            "type": one.type,
            "label": one.label,
            "help": one.help,
            "words": one.words or None,
            "fields": [
                {
                    "name": field.name,
                    "kind": "picture" if field.kind == "media" else field.kind,
                    "label": field.label,
                    "help": field.help,
                    "required": field.required,
                    "default": field.default,
                    "choices": [list(choice) for choice in field.choices],
                    "min": field.least,
                    "max": field.longest or field.most,
                }
                for field in one.fields
            ],
        }
        for one in BLOCKS.values()
    ]


class Problems(dict[str, str]):
    """What is wrong, {path: what would be right}; only the first problems, so that an answer stays readable."""

    def add(self, path: str, words: str) -> None:
        if len(self) < MOST_PROBLEMS:
            self.setdefault(path, words)

    def add_line(self, path: str, line: int, words: str) -> None:
        """Add what is wrong in a line of a text; those of one text are joined, as errors of Liquid are."""
        is_lone = line == 1 and not path.endswith(("html", "source")) and not path.startswith("slots")
        told = words if is_lone else f"line {line}: {words}"
        if path not in self:
            self.add(path, told)
        elif told not in self[path] and self[path].count("; line ") < MOST_LINES - 1:
            self[path] = f"{self[path].removesuffix('.')}; {told}"

    def refuse(self) -> None:
        """Raise InvalidInput if anything is wrong."""
        if self:
            raise InvalidInput(self)


def validate_blocks(blocks: Any, path: str = "blocks") -> None:
    """Check the shape of blocks; raises InvalidInput whose paths are such as `blocks[2].columns[0].blocks[1].href`."""
    problems = Problems()
    _BlockValidator(problems).check_list(blocks, path)
    problems.refuse()


def walk(blocks: Any, path: str = "blocks") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (path, block) of valid blocks in the order of reading, those within columns too."""
    for place, block in enumerate(blocks):
        at = f"{path}[{place}]"
        yield at, block
        for number, column in enumerate(block.get("columns") or ()):
            yield from walk(column.get("blocks") or (), f"{at}.columns[{number}].blocks")


def field_texts(path: str, block: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield (path, kind, template) of each text of a block that is one."""
    for field in BLOCKS[block["type"]].fields:
        value = block.get(field.name)
        if field.kind == "links":
            for place, link in enumerate(value or ()):
                yield f"{path}.{field.name}[{place}].href", "address", link["href"]
        elif field.longest and value:
            yield f"{path}.{field.name}", field.kind, value


class _BlockValidator:
    def __init__(self, problems: Problems) -> None:
        self.problems = problems
        self.count = 0
        self.slots: set[str] = set()

    def check_list(self, blocks: Any, path: str, *, within: bool = False) -> None:
        if not isinstance(blocks, list):
            self.problems.add(path, "Give a list of blocks.")
            return
        for place, block in enumerate(blocks):
            self.count += 1
            if self.count > MOST_BLOCKS:
                self.problems.add(path, f"There are more than {MOST_BLOCKS} blocks; use fewer.")
                return
            self.check_block(block, f"{path}[{place}]", within)

    def check_block(self, block: Any, path: str, within: bool) -> None:
        if not isinstance(block, Mapping):
            self.problems.add(path, "Give an object with a type.")
            return
        kind = block.get("type")
        found = BLOCKS.get(kind) if isinstance(kind, str) else None
        if found is None:
            self.problems.add(f"{path}.type", f"“{kind!s:.40}” is no block; use one of {', '.join(BLOCKS)}.")
            return
        if within and kind == "columns":
            self.problems.add(path, "Columns cannot stand within columns.")
            return
        for name in block:
            if name not in ("type", "slot") and found.field(name) is None:
                names = ", ".join(["type", *(field.name for field in found.fields), *(["slot"] if found.words else [])])
                self.problems.add(
                    f"{path}.{name!s:.40}", f"A block of the type {kind} has no such field; it has {names}."
                )
        if block.get("slot") not in (None, ""):
            self.check_slot(block["slot"], found, path)
        for field in found.fields:
            self.check_field(field, block.get(field.name), f"{path}.{field.name}")
        if kind == "image" and not (block.get("media") or block.get("url")) and not block.get("slot"):
            self.problems.add(f"{path}.media", "Choose a picture, or give the address of one in url.")

    def check_slot(self, name: Any, found: BlockType, path: str) -> None:
        if not found.words:
            self.problems.add(
                f"{path}.slot", f"A block of the type {found.type} has no words that a slot could replace."
            )
        elif not isinstance(name, str) or not SLOT_NAME.fullmatch(name):
            self.problems.add(f"{path}.slot", SLOT_RULE)
        elif name in self.slots:
            self.problems.add(f"{path}.slot", f"Another block has the slot “{name}”; each needs a name of its own.")
        else:
            self.slots.add(name)

    def check_field(self, field: BlockField, value: Any, path: str) -> None:
        if value in (None, "") or (isinstance(value, str) and not value.strip()):
            if field.required:
                self.problems.add(path, "Give this: it is needed.")
            return
        if field.kind == "columns":
            self.check_columns(value, path)
        elif field.kind == "links":
            self.check_links(value, field, path)
        elif words := fault(field, value):
            self.problems.add(path, words)

    def check_columns(self, value: Any, path: str) -> None:
        if not isinstance(value, list) or not 2 <= len(value) <= MOST_COLUMNS:
            self.problems.add(path, f"Give a list of 2 to {MOST_COLUMNS} columns.")
            return
        widths = []
        for place, column in enumerate(value):
            at = f"{path}[{place}]"
            if not isinstance(column, Mapping) or set(column) - {"width", "blocks"}:
                self.problems.add(at, 'Give an object such as {"width": 50, "blocks": []}.')
                continue
            width = column.get("width")
            if width is not None and not (type(width) in (int, float) and 10 <= width <= 90):
                self.problems.add(f"{at}.width", "Give a number of per cent from 10 to 90.")
            widths.append(width)
            self.check_list(column.get("blocks", []), f"{at}.blocks", within=True)
        numbers: list[float] = [width for width in widths if isinstance(width, int | float)]
        if numbers and (len(numbers) < len(value) or not 99 <= sum(numbers) <= 101):
            self.problems.add(path, "The widths of all columns must add up to 100, or leave all of them out.")

    def check_links(self, value: Any, field: BlockField, path: str) -> None:
        if not isinstance(value, list) or not 1 <= len(value) <= MOST_LINKS:
            self.problems.add(path, f"Give a list of 1 to {MOST_LINKS} links.")
            return
        networks = [name for name, _ in field.choices]
        for place, link in enumerate(value):
            at = f"{path}[{place}]"
            if not isinstance(link, Mapping) or set(link) != {"network", "href"}:
                self.problems.add(at, 'Give an object such as {"network": "facebook", "href": "https://…"}.')
                continue
            if link["network"] not in networks:
                self.problems.add(f"{at}.network", f"Use one of {', '.join(networks)}.")
            if words := fault(BlockField("href", "address", ""), link["href"]):
                self.problems.add(f"{at}.href", words)


def fault(field: BlockField, value: Any) -> str:
    """Return what is wrong with the value of a plain field; "" if nothing is."""
    match field.kind:
        case "choice":
            names = [name for name, _ in field.choices]
            return "" if value in names else f"Use one of {', '.join(names)}."
        case "switch":
            return "" if type(value) is bool else "Give true or false."
        case "width" if value == "full":
            return ""
        case "number" | "width":
            most, least = field.most or 0, field.least or 0
            is_good = type(value) is int and least <= value <= most
            other = ", or “full”" if field.kind == "width" else ""
            return "" if is_good else f"Give a whole number from {least} to {most}{other}."
        case "media":
            return "" if _is_uuid(value) else "Give the uuid of an uploaded picture."
    return text_fault(value, field.longest or LONGEST_HTML)


def text_fault(value: Any, longest: int) -> str:
    """Return what is wrong with a text; "" if nothing is."""
    if not isinstance(value, str):
        return "Give a text."
    if len(value) > longest:
        return f"This is longer than {formats.number(longest)} characters; shorten it."
    if _CONTROL.search(value):
        return "This has a control character, which no text may have; delete it."
    try:
        value.encode()
    except UnicodeEncodeError:
        return "This has half of a character (a lone surrogate); delete it."
    return ""


def _is_uuid(value: Any) -> bool:
    try:
        return bool(UUID(value)) if isinstance(value, str) else isinstance(value, UUID)
    except ValueError:
        return False


def slotted(blocks: Sequence[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (path, block) of the blocks that have a slot."""
    return ((path, block) for path, block in walk(blocks) if block.get("slot"))
