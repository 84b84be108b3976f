"""Write blocks as MJML. What staff wrote stays out of it: the compiler sees a word for each piece of cleaned HTML."""

from collections.abc import Mapping, Sequence
from html import escape
from itertools import groupby
from typing import Any
from uuid import UUID

from broadcasts.models import Media, Organization, Syntax
from broadcasts.rendering import footer_lines

from .blocks import BLOCKS, NETWORKS, walk
from .cleaning import CleanHtml, address_fault
from .masks import Masks
from .styles import Style

SIDE, GUTTER = 32, 12  # pixels beside the words, and between columns
PANEL_SIDE = 24
SIZES = {"small": "14px", "normal": "16px", "large": "18px"}
NAMES = dict(NETWORKS)
ENDED_ELSEWHERE = "begins or ends outside of this block; give it an HTML block of its own that has nothing else."
OUTSIDE = "begins or ends outside of these blocks."


def attributes(**values: object) -> str:
    """Return attributes as MJML writes them; those that are None are left out. Texts are escaped already."""
    given = {name.replace("_", "-"): value for name, value in values.items() if value is not None}
    return "".join(f' {name}="{value}"' for name, value in given.items())


class Builder:
    """Writes the blocks of one design."""

    def __init__(
        self, organization: Organization, language: str, masks: Masks, cleaner: CleanHtml, style: Style
    ) -> None:
        self.organization = organization
        self.language = language
        self.masks = masks
        self.cleaner = cleaner
        self.problems = cleaner.problems
        self.style = style
        self.fragments: list[str] = []
        self.pictures: dict[str, Media] = {}
        self.slots: Mapping[str, Any] = {}

    def find_pictures(self, blocks: Sequence[Mapping[str, Any]]) -> None:
        """Read the pictures that blocks and slots name, all at once."""
        named = [block.get("media") for _, block in walk(blocks)]
        named += [words.get("media") for words in self.slots.values() if isinstance(words, Mapping)]
        wanted = {UUID(str(uuid)) for uuid in named if uuid}
        if wanted:
            rows = Media.objects.for_organization(self.organization).filter(uuid__in=wanted)
            self.pictures |= {str(media.uuid): media for media in rows}

    def fragment(self, html: str) -> str:
        """Keep a piece of HTML from the compiler; return the word that stands for it."""
        self.fragments.append(html)
        return f"{self.masks.key}f{len(self.fragments) - 1}n"

    # What stands around blocks

    def sections(self, blocks: Sequence[dict[str, Any]], path: str, *, first: bool = True, last: bool = True) -> str:
        """Return blocks as sections; the first and last of a mail keep a distance from its edges."""
        self._require_balance(blocks, path)
        items = [(f"{path}[{place}]", block) for place, block in enumerate(blocks)]
        rows: list[tuple[bool, str, str]] = []  # on a panel, kind, MJML
        for (is_panel, kind), group in groupby(items, key=lambda item: self._place(item[1])):
            for at, block in group:
                if kind == "logic":
                    rows.append((is_panel, kind, self._logic(block, at)))
                elif kind == "columns":
                    rows.append((is_panel, kind, self._columns(block, at, is_panel)))
                elif rows and rows[-1][:2] == (is_panel, "words"):
                    rows[-1] = (is_panel, kind, rows[-1][2] + self._block(block, at, self._width(is_panel)))
                else:
                    rows.append((is_panel, kind, self._block(block, at, self._width(is_panel))))
        return "".join(self._row(rows, place, blocks, first, last) for place in range(len(rows)))

    def section(self, html: str, *, first: bool) -> str:
        """Return cleaned HTML as the only section of a content."""
        inner = self._words(html, "d-text", _Place(SIDE, "d-side"), 16)
        return self._row([(False, "words", inner)], 0, [], first, last=True)

    def _place(self, block: Mapping[str, Any]) -> tuple[bool, str]:
        if block["type"] == "html" and not block.get("slot") and self.masks.is_logic_only(block["html"]):
            return False, "logic"
        return bool(block.get("panel")), "columns" if block["type"] == "columns" else "words"

    def _width(self, is_panel: bool) -> int:
        return self.style.width - (2 * (SIDE + PANEL_SIDE) if is_panel else 2 * SIDE)

    def _row(
        self,
        rows: Sequence[tuple[bool, str, str]],
        place: int,
        blocks: Sequence[Mapping[str, Any]],
        first: bool,
        last: bool,
    ) -> str:
        is_panel, kind, inner = rows[place]
        if kind == "logic":
            return inner
        edges = (
            first and place == 0 and not _is_full(blocks[0] if blocks else None),
            last and place == len(rows) - 1 and not _is_full(blocks[-1] if blocks else None),
        )
        top, bottom = (28 if edges[0] else 0), (28 if edges[1] else 0)
        side = SIDE - GUTTER if kind == "columns" else 0
        css_class = "d-body d-cols" if kind == "columns" else "d-body"
        if kind == "words":
            inner = f"<mj-column>{inner}</mj-column>"
        if not is_panel:
            style = attributes(
                css_class=css_class, background_color=self.style.light["body"], padding=f"{top}px {side}px {bottom}px"
            )
            return f"<mj-section{style}>{inner}</mj-section>"
        opens = place == 0 or not rows[place - 1][0]
        closes = place == len(rows) - 1 or not rows[place + 1][0]
        radius = self.style.radius
        corners = f"{radius if opens else 0}px {radius if opens else 0}px {radius if closes else 0}px {radius if closes else 0}px"
        inner_side = PANEL_SIDE - GUTTER if kind == "columns" else 0
        panel = attributes(
            css_class="d-panel",
            background_color=self.style.light["panel"],
            border_radius=corners,
            padding=f"{24 if opens else 0}px {inner_side}px {8 if closes else 0}px",
        )
        around = attributes(
            css_class="d-body d-box",
            background_color=self.style.light["body"],
            padding=f"{top}px {SIDE}px {bottom + (16 if closes and not bottom else 0)}px",
        )
        return f"<mj-wrapper{around}><mj-section{panel}>{inner}</mj-section></mj-wrapper>"

    def _require_balance(self, blocks: Sequence[dict[str, Any]], path: str) -> None:
        """Tags of logic that stand alone begin and end in one list of blocks, since elements end with it."""
        alone = [
            self.masks.hide(block["html"], f"{path}[{place}].html")
            for place, block in enumerate(blocks)
            if self._place(block)[1] == "logic"
        ]
        joined = "".join(alone)
        self.masks.drop(joined)  # they are hidden again where they are written
        self.masks.require_balance(joined, self.problems, OUTSIDE)

    def _logic(self, block: Mapping[str, Any], path: str) -> str:
        masked = self.masks.hide(block["html"], f"{path}.html")
        return f"<mj-raw>{self.masks.as_comments(masked.strip())}</mj-raw>"

    def _columns(self, block: Mapping[str, Any], path: str, is_panel: bool) -> str:
        columns = block["columns"]
        inner = self._width(is_panel) + 2 * GUTTER
        written = []
        for place, column in enumerate(columns):
            at = f"{path}.columns[{place}].blocks"
            percent = column.get("width") or 100 / len(columns)
            width = int(inner * percent / 100) - 2 * GUTTER
            blocks = column.get("blocks") or []
            self._require_balance(blocks, at)
            children = [
                self._logic(one, f"{at}[{number}]")
                if self._place(one)[1] == "logic"
                else self._block(one, f"{at}[{number}]", width, GUTTER)
                for number, one in enumerate(blocks)
            ]
            share = f"{round(percent, 2):g}%" if column.get("width") else None
            written.append(f"<mj-column{attributes(width=share)}>{''.join(children)}</mj-column>")
        return "".join(written)

    # Blocks

    def _block(self, block: dict[str, Any], path: str, width: int, side: int | None = None) -> str:
        block, paths = self._slotted(block, path)
        at_side = (PANEL_SIDE if block.get("panel") else SIDE) if side is None else side
        side_class = "d-side" if side is None else ""
        write = getattr(self, f"_{block['type']}")
        return write(block, paths, width, _Place(at_side, side_class))

    def _slotted(self, block: dict[str, Any], path: str) -> tuple[dict[str, Any], "Paths"]:
        """Return a block with the words of its slot, and where its fields are written."""
        name = block.get("slot")
        words = self.slots.get(name) if name else None
        if words is None or words == "":
            return block, Paths(path)
        main = BLOCKS[block["type"]].words
        given = dict(words) if isinstance(words, Mapping) else {main: words}
        if "url" in given or "media" in given:
            block = {key: value for key, value in block.items() if key not in ("url", "media", "alt")}
        return {**block, **given}, Paths(path, dict.fromkeys(given, f"slots.{name}"), main)

    def _rich(self, source: str, path: str, kind: str = "rich") -> str:
        masked = self.masks.hide(source, path, is_html=True)
        if kind != "html" or not self.masks.is_logic(masked):
            self.masks.require_balance(masked, self.problems, ENDED_ELSEWHERE)
        return self.cleaner.clean(masked, path, kind)

    def _line(self, source: str, path: str) -> str:
        masked = self.masks.hide(source, path)
        self.masks.require_balance(masked, self.problems, ENDED_ELSEWHERE)
        return escape(masked.strip())

    def _address(self, source: str, path: str, schemes: frozenset[str] | None = None) -> str:
        masked = self.masks.hide(source.strip(), path)
        if words := address_fault(masked, self.masks, *([schemes] if schemes else [])):
            self.problems.add(path, words)
        return escape(masked)

    def _words(self, html: str, css_class: str, place: "_Place", bottom: int = 2, **style: object) -> str:
        given = attributes(
            css_class=f"{css_class} {place.css_class}".strip(), padding=place.padding(0, bottom), **style
        )
        return f"<mj-text{given}>{self.fragment(html)}</mj-text>"

    def _heading(self, block: Mapping[str, Any], paths: "Paths", width: int, place: "_Place") -> str:
        level = block.get("level") or 2
        inner = self._rich(block["text"], paths["text"], "inline")
        return self._words(f"<h{level}>{inner}</h{level}>", "d-head", place, 12, align=block.get("align"))

    def _text(self, block: Mapping[str, Any], paths: "Paths", width: int, place: "_Place") -> str:
        size = block.get("size") or "normal"
        small = {"font_size": SIZES[size], "color": self.style.light["quiet"]} if size == "small" else {}
        large = {"font_size": SIZES[size]} if size == "large" else {}
        css_class = "d-text d-small" if small else "d-text"
        html = self._rich(block["html"], paths["html"])
        return self._words(html, css_class, place, 16, align=block.get("align"), **small, **large)

    def _image(self, block: Mapping[str, Any], paths: "Paths", width: int, place: "_Place") -> str:
        alt, natural = block.get("alt") or "", None
        if uuid := block.get("media"):
            media = self.pictures.get(str(UUID(str(uuid))))
            if media is None or not media.content_type.startswith("image/"):
                self.problems.add(paths["media"], "There is no picture of this uuid in the library; choose another.")
                return ""
            source, natural = escape(media.address), media.width
            alt = alt or media.alternative_text
        elif block.get("url"):
            source = self._address(block["url"], paths["url"], frozenset({"https"}))
        else:
            return ""  # of a slot that is still empty
        is_full = block.get("width") == "full"
        most = self.style.width if is_full and place.css_class else width
        wanted = block.get("width") if isinstance(block.get("width"), int) else (natural if not is_full else None)
        given = attributes(
            src=source,
            alt=self._line(alt, paths["alt"]),
            href=self._address(block["href"], paths["href"]) if block.get("href") else None,
            align=block.get("align") or "center",
            width=f"{min(wanted, most)}px" if wanted else None,
            padding="0" if is_full else place.padding(0, 16),
            css_class=None if is_full else place.css_class or None,
        )
        return f"<mj-image{given} />"

    def _button(self, block: Mapping[str, Any], paths: "Paths", width: int, place: "_Place") -> str:
        given = attributes(
            href=self._address(block["href"], paths["href"]),
            align=block.get("align") or "left",
            css_class=f"d-button {place.css_class}".strip(),
            padding=place.padding(4, 20),
        )
        return f"<mj-button{given}>{self.fragment(self._line(block['text'], paths['text']))}</mj-button>"

    def _divider(self, block: Mapping[str, Any], paths: "Paths", width: int, place: "_Place") -> str:
        return (
            f"<mj-divider{attributes(css_class=f'd-rule {place.css_class}'.strip(), padding=place.padding(4, 20))} />"
        )

    def _spacer(self, block: Mapping[str, Any], paths: "Paths", width: int, place: "_Place") -> str:
        return f'<mj-spacer height="{block.get("height") or 24}px" />'

    def _social(self, block: Mapping[str, Any], paths: "Paths", width: int, place: "_Place") -> str:
        at = paths["links"]
        hrefs = [self._address(link["href"], f"{at}[{number}].href") for number, link in enumerate(block["links"])]
        names = [NAMES[link["network"]] for link in block["links"]]
        links = [f'<a href="{href}">{name}</a>' for href, name in zip(hrefs, names, strict=True)]
        return self._words(" &nbsp;·&nbsp; ".join(links), "d-social", place, 16, align=block.get("align") or "center")

    def _quote(self, block: Mapping[str, Any], paths: "Paths", width: int, place: "_Place") -> str:
        html = self._rich(block["html"], paths["html"])
        if by := block.get("by"):
            html += f'<p class="d-by">— {self._line(by, paths["by"])}</p>'
        return self._words(html, "d-quote", place, 16)

    def _html(self, block: Mapping[str, Any], paths: "Paths", width: int, place: "_Place") -> str:
        return self._words(self._rich(block["html"], paths["html"], "html"), "d-text", place, 16)

    def _footer(self, block: Mapping[str, Any], paths: "Paths", width: int, place: "_Place") -> str:
        urls = ("{{ preferences_url }}", "{{ unsubscribe_url }}")
        if self.masks.syntax == Syntax.LIQUID:
            masked = [self.masks.hide(url, "") for url in urls]
            html = footer_lines(self.organization, self.language, *masked)
        else:  # the other syntaxes know no links of one person: marketing gets them from the renderer
            html = footer_lines(self.organization, self.language)
        light = self.style.light["quiet"]
        return self._words(html, "d-foot", place, 20, align="center", font_size="13px", color=light)


class _Place:
    """Where a block stands: its distance from the sides, and the class that makes it smaller on a phone."""

    def __init__(self, side: int, css_class: str) -> None:
        self.side = side
        self.css_class = css_class

    def padding(self, top: int, bottom: int) -> str:
        return f"{top}px {self.side}px {bottom}px"


class Paths:
    """Where the fields of a block are written: in the block, or in the words of its slot."""

    def __init__(self, path: str, of_slot: Mapping[str, str] | None = None, main: str = "") -> None:
        self.path = path
        self.of_slot = of_slot or {}
        self.main = main

    def __getitem__(self, name: str) -> str:
        slot = self.of_slot.get(name)
        if slot is None:
            return f"{self.path}.{name}"
        return slot if name == self.main else f"{slot}.{name}"


def _is_full(block: Mapping[str, Any] | None) -> bool:
    return block is not None and block["type"] == "image" and block.get("width") == "full"
