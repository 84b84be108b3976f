"""Write blocks as MJML. What staff wrote stays out of it: the compiler sees a word for each piece of cleaned HTML."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
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
            self.pictures = {str(media.uuid): media for media in rows}

    def fragment(self, html: str) -> str:
        """Keep a piece of HTML from the compiler; return the word that stands for it."""
        self.fragments.append(html)
        return f"{self.masks.key}f{len(self.fragments) - 1}n"

    def block(self, block: dict[str, Any], path: str, width: int, place: "BlockPlace") -> str:
        """Return a block as what stands in a column of so many pixels."""
        block, paths = self._slotted(block, path)
        write = getattr(self, f"_{block['type']}")
        return write(block, paths, width, place)

    def _slotted(self, block: dict[str, Any], path: str) -> tuple[dict[str, Any], "Paths"]:
        """Return a block with the words of its slot, and where its fields are written."""
        name = block.get("slot")
        words = self.slots.get(name) if name else None
        if words is None or words == "":
            return block, Paths(path)
        main = BLOCKS[block["type"]].words
        words = words if isinstance(words, Mapping) else {main: words}
        given = {key: value for key, value in words.items() if value is not None}
        if given.get("url") or given.get("media"):
            block = {key: value for key, value in block.items() if key not in ("url", "media", "alt")}
        return {**block, **given}, Paths(path, dict.fromkeys(given, f"slots.{name}"), main)

    def _rich(self, source: str, path: str, kind: str = "rich") -> str:
        masked = self.masks.hide(source, path, is_html=kind != "html")  # a source is as it was typed
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

    def _words(self, html: str, css_class: str, place: "BlockPlace", bottom: int = 2, **style: object) -> str:
        given = attributes(
            css_class=f"{css_class} {place.css_class}".strip(), padding=place.padding(0, bottom), **style
        )
        return f"<mj-text{given}>{self.fragment(html)}</mj-text>"

    def _heading(self, block: Mapping[str, Any], paths: "Paths", width: int, place: "BlockPlace") -> str:
        level = block.get("level") or 2
        inner = self._rich(block["text"], paths["text"], "inline")
        return self._words(f"<h{level}>{inner}</h{level}>", "d-head", place, 12, align=block.get("align"))

    def _text(self, block: Mapping[str, Any], paths: "Paths", width: int, place: "BlockPlace") -> str:
        size = block.get("size") or "normal"
        small = {"font_size": SIZES[size], "color": self.style.light["quiet"]} if size == "small" else {}
        large = {"font_size": SIZES[size]} if size == "large" else {}
        css_class = "d-text d-small" if small else "d-text"
        html = self._rich(block["html"], paths["html"])
        return self._words(html, css_class, place, 16, align=block.get("align"), **small, **large)

    def _image(self, block: Mapping[str, Any], paths: "Paths", width: int, place: "BlockPlace") -> str:
        alt, natural = self._line(block.get("alt") or "", paths["alt"]), None
        if uuid := block.get("media"):
            media = self.pictures.get(str(UUID(str(uuid))))
            if media is None or not media.content_type.startswith("image/"):
                self.problems.add(paths["media"], "There is no picture of this uuid in the library; choose another.")
                return ""
            source, natural = escape(media.address), media.width
            alt = alt or escape(media.alternative_text)  # words of the library, and no template
        elif block.get("url"):
            source = self._address(block["url"], paths["url"], frozenset({"https"}))
        else:
            return ""  # of a slot that is still empty
        is_full, in_column = block.get("width") == "full" and bool(place.css_class), not place.css_class
        chosen = block.get("width") if isinstance(block.get("width"), int) else None
        wanted = chosen or (natural if not is_full else None)
        given = attributes(
            src=source,
            alt=alt,
            href=self._address(block["href"], paths["href"]) if block.get("href") else None,
            align=block.get("align") or "center",
            width=f"{min(wanted, width)}px" if wanted else None,
            fluid_on_mobile=None if chosen else "true",
            border_radius=f"{self.style.radius}px" if in_column else None,
            padding=_edges(place) if is_full else place.padding(0, 16),
            css_class=place.css_class if place.css_class and not is_full else None,
        )
        return f"<mj-image{given} />"

    def _button(self, block: Mapping[str, Any], paths: "Paths", width: int, place: "BlockPlace") -> str:
        given = attributes(
            href=self._address(block["href"], paths["href"]),
            align=block.get("align") or "left",
            css_class=f"d-button {place.css_class}".strip(),
            padding=place.padding(4, 20),
        )
        return f"<mj-button{given}>{self.fragment(self._line(block['text'], paths['text']))}</mj-button>"

    def _divider(self, block: Mapping[str, Any], paths: "Paths", width: int, place: "BlockPlace") -> str:
        return (
            f"<mj-divider{attributes(css_class=f'd-rule {place.css_class}'.strip(), padding=place.padding(4, 20))} />"
        )

    def _spacer(self, block: Mapping[str, Any], paths: "Paths", width: int, place: "BlockPlace") -> str:
        return f'<mj-spacer height="{block.get("height") or 24}px" />'

    def _social(self, block: Mapping[str, Any], paths: "Paths", width: int, place: "BlockPlace") -> str:
        at = paths["links"]
        hrefs = [self._address(link["href"], f"{at}[{number}].href") for number, link in enumerate(block["links"])]
        names = [NAMES[link["network"]] for link in block["links"]]
        links = [f'<a href="{href}">{name}</a>' for href, name in zip(hrefs, names, strict=True)]
        return self._words(" &nbsp;·&nbsp; ".join(links), "d-social", place, 16, align=block.get("align") or "center")

    def _quote(self, block: Mapping[str, Any], paths: "Paths", width: int, place: "BlockPlace") -> str:
        html = f'<div class="d-said">{self._rich(block["html"], paths["html"])}</div>'
        if by := block.get("by"):
            html += f'<p class="d-by">— {self._line(by, paths["by"])}</p>'
        return self._words(html, "d-quote", place, 24)

    def _html(self, block: Mapping[str, Any], paths: "Paths", width: int, place: "BlockPlace") -> str:
        return self._words(self._rich(block["html"], paths["html"], "html"), "d-text", place, 16)

    def _footer(self, block: Mapping[str, Any], paths: "Paths", width: int, place: "BlockPlace") -> str:
        urls = ("{{ preferences_url }}", "{{ unsubscribe_url }}")
        if self.masks.syntax_at(paths.path) == Syntax.LIQUID:
            masked = [self.masks.hide(url, paths.path) for url in urls]
            html = footer_lines(self.organization, self.language, *masked)
        else:  # the other syntaxes know no links of one person: marketing gets them from the renderer
            html = footer_lines(self.organization, self.language)
        light = self.style.light["quiet"]
        return self._words(html, "d-foot", place, 20, align="center", font_size="13px", color=light)


@dataclass(frozen=True, slots=True)
class BlockPlace:
    """Where a block stands: its distance from the sides, and the class that makes it smaller on a phone.

    Without the class it stands in one of several columns.
    """

    side: int
    css_class: str = ""
    is_first: bool = False
    is_last: bool = False

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


def _edges(place: BlockPlace) -> str:
    """Return the padding of a picture from edge to edge."""
    return f"{0 if place.is_first else 12}px 0px {0 if place.is_last else 24}px"
