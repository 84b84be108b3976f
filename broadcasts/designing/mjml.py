"""Read MJML that staff write: its elements are checked, what is in them is cleaned, and it is written again for mrml.

The compiler lets unknown elements and attributes pass, and would read included files.
"""

import re
from dataclasses import dataclass, field
from difflib import get_close_matches
from html import escape, unescape

from broadcasts.formats import number

from .blocks import LONGEST_ADDRESS
from .building import ENDED_ELSEWHERE, Builder
from .cleaning import SCHEMES, address_fault
from .sources import MaskedSource

WORDS = (
    *("mj-button", "mj-divider", "mj-image", "mj-navbar", "mj-raw", "mj-social", "mj-spacer", "mj-table", "mj-text"),
)
CHILDREN: dict[str, tuple[str, ...]] = {
    "mjml": ("mj-head", "mj-body"),
    "mj-head": ("mj-attributes", "mj-breakpoint", "mj-font", "mj-style", "mj-title"),
    "mj-body": ("mj-section", "mj-wrapper", "mj-hero", "mj-raw"),
    "mj-wrapper": ("mj-section", "mj-hero", "mj-raw"),
    "mj-section": ("mj-column", "mj-group", "mj-raw"),
    "mj-group": ("mj-column", "mj-raw"),
    "mj-column": WORDS,
    "mj-hero": WORDS,
    "mj-navbar": ("mj-navbar-link",),
    "mj-social": ("mj-social-element",),
}
CHILDREN["mj-attributes"] = (
    "mj-all",
    "mj-class",
    *dict.fromkeys(name for names in CHILDREN.values() for name in names),
)
ENDING = {  # elements that hold HTML or words, and how these are cleaned
    "mj-button": "html",
    "mj-navbar-link": "html",
    "mj-raw": "html",
    "mj-social-element": "html",
    "mj-style": "css",
    "mj-table": "table",
    "mj-text": "html",
    "mj-title": "line",
}
EMPTY = ("mj-all", "mj-breakpoint", "mj-class", "mj-divider", "mj-font", "mj-image", "mj-spacer")
KNOWN = {*CHILDREN, *ENDING, *EMPTY}
REFUSED = {
    "mj-include": "files are not included: write what it has here",
    "mj-preview": "write it in the field preheader",
    "mj-accordion": "it shows pictures of another server; use mj-text",
    "mj-carousel": "it shows pictures of another server; use mj-image",
    "mj-html-attributes": "it is not offered; write the attributes where they belong",
}
ADDRESSES = ("href", "src", "background-url", "base-url")
MOST_ELEMENTS = 2_000
MOST_SHARED = 20_000_000  # characters of what mj-attributes has, once for each element
# Nothing is tried twice: comments could be taken together in more ways than can be counted.
_WHOLE = re.compile(r"(?:\s|(?><!--.*?-->)|<\?xml[^>]*+>)*+<mjml[\s>]", re.DOTALL)
_OPENING = re.compile(r"<([A-Za-z][\w:-]*)((?:[^\"'>]|\"[^\"]*+\"|'[^']*+')*+)>")
_CLOSING = re.compile(r"</([A-Za-z][\w:-]*)\s*>")
_ATTRIBUTE = re.compile(r"""\s*([A-Za-z][\w:-]*)\s*=\s*(?:"([^"]*)"|'([^']*)')""")


@dataclass(slots=True)
class Element:
    """An element of MJML."""

    name: str
    index: int  # where it begins
    attributes: dict[str, str] = field(default_factory=dict)
    children: "list[Element | str]" = field(default_factory=list)  # a text is tags of logic
    inner: str = ""  # of an ending element


class Mjml:
    """A source of MJML, read; `problems` of the builder has what is wrong with it."""

    def __init__(self, source: MaskedSource, builder: Builder) -> None:
        self.source = source
        self.builder = builder
        self.masks = builder.masks
        self.css: list[str] = []  # of styles that are written into the elements
        self.count = 0
        self.shared = 0  # characters of what all elements of a name get
        self.root = Element("mjml", 0)
        self._read()

    @property
    def is_whole(self) -> bool:
        """Whether it is a whole document, and no sections alone."""
        return self.root.name == "mjml"

    def sections(self) -> str:
        """Return what stands in its body."""
        body = self._child("mj-body") if self.is_whole else self.root
        return self._inner(body) if body else ""

    def written(self, before: str, after: str, head: str, language: str) -> str:
        """Return a whole document as MJML, with what a layout adds."""
        own_head, body = self._child("mj-head"), self._child("mj-body")
        inner = self._inner(own_head) if own_head else ""
        attributes = self._attributes(body) if body else ""
        return (
            f'<mjml lang="{language}" dir="auto"><mj-head>{inner}{head}</mj-head>'
            f"<mj-body{attributes}>{before}{self.sections()}{after}</mj-body></mjml>"
        )

    def problem(self, index: int, words: str) -> None:
        self.builder.problems.add_line(*self.source.at(index), words)

    def _child(self, name: str) -> Element | None:
        found = (one for one in self.root.children if isinstance(one, Element) and one.name == name)
        return next(found, None)

    # Reading

    def _read(self) -> None:
        text, end = self.source.text, 0
        starts_whole = _WHOLE.match(text) is not None
        self.root = Element("mjml" if starts_whole else "mj-body", 0)
        open_ones = [Element("", 0)] if starts_whole else [self.root]
        while (start := text.find("<", end)) >= 0:
            self._take_text(open_ones[-1], end, start)
            end = self._take_tag(open_ones, start)
            if end < 0:
                return
        self._take_text(open_ones[-1], end, len(text))
        if self.shared * self.count > MOST_SHARED:
            self.problem(0, "the attributes in mj-attributes are too long for so many elements; shorten them.")
        if len(open_ones) > 1:
            self.problem(open_ones[-1].index, f"<{open_ones[-1].name}> is never closed.")

    def _take_tag(self, open_ones: list[Element], start: int) -> int:
        """Read a tag; return the index after it, or -1 if what follows cannot be read."""
        text = self.source.text
        if text.startswith("<!--", start):
            end = text.find("-->", start)
            if end < 0:
                self.problem(start, "a comment is never closed; end it with -->.")
                return -1
            self.masks.drop(text[start:end])
            return end + 3
        if text.startswith("<?xml", start) and not self.count and (end := text.find("?>", start)) >= 0:
            return end + 2
        if closing := _CLOSING.match(text, start):
            if len(open_ones) < 2 or open_ones[-1].name != closing[1].lower():
                expected = f"; <{open_ones[-1].name}> is still open" if len(open_ones) > 1 else ""
                self.problem(start, f"</{closing[1]:.40}> closes nothing here{expected}.")
                return -1
            open_ones.pop()
            return closing.end()
        found = _OPENING.match(text, start)
        if found is None:
            self.problem(start, "this “<” begins no element; write &lt; for the sign.")
            return -1
        return self._take_element(open_ones, found)

    def _take_element(self, open_ones: list[Element], found: re.Match[str]) -> int:
        name, parent = found[1].lower(), open_ones[-1]
        element = Element(name, found.start())
        self.count += 1
        if self.count > MOST_ELEMENTS:
            self.problem(found.start(), f"there are more than {number(MOST_ELEMENTS)} elements; use fewer.")
            return -1
        if words := self._misplaced(name, parent):
            self.problem(found.start(), words)
            return -1
        if name == "mjml":
            self.root = element
        if any(one.name == "mj-attributes" for one in open_ones):
            self.shared += len(found[2])
        self._read_attributes(element, found)
        parent.children.append(element)
        if found[2].rstrip().endswith("/"):
            return found.end()
        if name in ENDING and parent.name != "mj-attributes":
            closed = re.compile(rf"</{name}\s*>", re.IGNORECASE).search(self.source.text, found.end())
            if closed is None:
                self.problem(found.start(), f"<{name}> is never closed.")
                return -1
            element.inner = self.source.text[found.end() : closed.start()]
            return closed.end()
        open_ones.append(element)
        return found.end()

    def _misplaced(self, name: str, parent: Element) -> str:
        """Return why an element may not stand where it does; "" if it may."""
        if not parent.name:
            allowed: tuple[str, ...] = () if parent.children else ("mjml",)
        else:
            allowed = CHILDREN.get(parent.name, ())
        if name in allowed:
            return ""
        if name in REFUSED:
            return f"<{name}>: {REFUSED[name]}."
        if name not in KNOWN:
            near = get_close_matches(name, sorted(KNOWN), n=1, cutoff=0.75)
            meant = f"; did you mean <{near[0]}>?" if near else "; HTML stands in mj-text or mj-raw."
            return f"<{name:.40}> is no element of MJML{meant}"
        where = f"in <{parent.name}>" if parent.name else "outside of <mjml>"
        may = f"; there may be {', '.join(allowed)}" if allowed else ""
        return f"<{name}> cannot stand {where}{may}."

    def _read_attributes(self, element: Element, found: re.Match[str]) -> None:
        given, end = found[2].rstrip().removesuffix("/"), 0
        while (one := _ATTRIBUTE.match(given, end)) and self.masks.key not in one[1]:
            end = one.end()
            element.attributes[one[1].lower()] = one[2] if one[2] is not None else one[3]
        if rest := given[end:].strip():
            tag = self.masks.token.match(rest)
            shown = self.masks.tags[int(tag[1])].source if tag else rest
            self.problem(found.start(), f'“{shown:.40}” in <{element.name}> is no attribute such as width="100px".')
        self._check_attributes(element)

    def _check_attributes(self, element: Element) -> None:
        for name, value in element.attributes.items():
            if name.startswith("on") or name == "path":
                self.problem(element.index, f"<{element.name}> has no attribute {name:.40}.")
            elif len(value) > LONGEST_ADDRESS:  # some are written into each element within
                words = (
                    f"{name:.40} of <{element.name}> is longer than {number(LONGEST_ADDRESS)} characters; shorten it."
                )
                self.problem(element.index, words)
            elif name in ADDRESSES and value.strip():
                schemes = frozenset({"http", "https"}) if name != "href" else SCHEMES
                if words := address_fault(unescape(value), self.masks, schemes):
                    self.problem(element.index, f"{name} of <{element.name}>: {words}")
        if element.name == "mj-social-element" and element.attributes and not element.attributes.get("src"):
            self.problem(element.index, "<mj-social-element> needs src: no icon of another server is linked.")

    def _take_text(self, parent: Element, start: int, end: int) -> None:
        text = self.source.text[start:end]
        if not text.strip():
            return
        if self.masks.is_logic(text) and "mj-raw" in CHILDREN.get(parent.name, ()):
            parent.children.append(text.strip())
            return
        shown = text.strip()
        if tag := self.masks.token.match(shown):
            shown = self.masks.tags[int(tag[1])].source
        where = f"in <{parent.name}>" if parent.name else "outside of <mjml>"
        index = start + len(text) - len(text.lstrip())
        self.problem(index, f"“{shown:.40}” cannot stand {where}; words stand in mj-text.")

    # Writing

    def _attributes(self, element: Element) -> str:
        return "".join(f' {name}="{_quoted(value)}"' for name, value in element.attributes.items())

    def _inner(self, element: Element) -> str:
        logic = "".join(one for one in element.children if isinstance(one, str))
        self.masks.require_balance(logic, self.builder.problems, f"begins or ends outside of its <{element.name}>.")
        return "".join(self._element(one) for one in element.children)

    def _element(self, element: "Element | str") -> str:
        if isinstance(element, str):
            return f"<mj-raw>{self.masks.as_comments(element)}</mj-raw>"
        name, attributes = element.name, self._attributes(element)
        if name == "mj-raw":
            attributes = ""  # it has none, and mrml reads none
        inner = self._cleaned(element) if name in ENDING else self._inner(element)
        if name == "mj-style" and element.attributes.get("inline") == "inline":
            self.css.append(inner)
            return ""
        return f"<{name}{attributes}>{inner}</{name}>" if inner else f"<{name}{attributes} />"

    def _cleaned(self, element: Element) -> str:
        inner, kind = element.inner, ENDING[element.name]
        if not inner.strip():
            return ""
        path = self.source.path_at(element.index)
        if kind == "line":
            return escape(unescape(inner.strip()))
        if kind == "css":
            if "<" in inner:
                self.problem(element.index, "<mj-style> has CSS only, without “<”.")
                return ""
            return inner
        self.masks.require_balance(inner, self.builder.problems, ENDED_ELSEWHERE)
        if kind == "table":
            cleaned = self.builder.cleaner.clean(f"<table>{inner}</table>", path)
            return self.builder.fragment(re.sub(r"^<table>|</table>$", "", cleaned.strip()))
        cleaned = self.builder.cleaner.clean(inner, path)
        # Between elements, mrml keeps a comment where it is, and words would be moved.
        return cleaned if self.masks.is_logic(inner) else self.builder.fragment(cleaned)


def _quoted(value: str) -> str:
    return value.replace('"', "&quot;").replace("<", "&lt;").replace(">", "&gt;")
