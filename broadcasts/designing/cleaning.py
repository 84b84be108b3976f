"""Clean what staff write as HTML: nothing that runs, and nothing that mail programs would not show."""

import re
from collections import Counter
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

from broadcasts.formats import number

from .blocks import Problems
from .masks import Masks, html_pieces

if TYPE_CHECKING:
    import nh3

INLINE = {"br", "strong", "b", "em", "i", "u", "s", "a", "sub", "sup", "span"}
RICH = {*INLINE, "p", "ul", "ol", "li", "h2", "h3", "blockquote"}
FULL = {
    *RICH,
    *("abbr", "address", "article", "big", "caption", "center", "cite", "code", "col", "colgroup", "dd", "del", "dl"),
    *("dt", "div", "figcaption", "figure", "font", "h1", "h4", "h5", "h6", "hr", "img", "ins", "mark", "pre", "q"),
    *("section", "small", "strike", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "tt", "wbr"),
}
SCHEMES = frozenset({"http", "https", "mailto", "tel", "sms"})
UNSAFE = frozenset({"javascript", "vbscript", "data"})
_EVERYWHERE = {"class", "dir", "id", "lang", "role", "style", "title", "aria-hidden", "aria-label"}
_BOX = {"align", "background", "bgcolor", "border", "height", "valign", "width"}
ATTRIBUTES = {
    "*": _EVERYWHERE,
    "a": {"href", "name", "target"},
    "img": {"alt", "src", *_BOX} - {"background"},
    "font": {"color", "face", "size"},
    "ol": {"start", "type"},
    "ul": {"type"},
    "table": {"cellpadding", "cellspacing", *_BOX},
    **{name: {"colspan", "rowspan", "scope", "nowrap", *_BOX} for name in ("td", "th")},
    **dict.fromkeys(("tr", "tbody", "thead", "tfoot", "col", "colgroup", "div", "p", "hr", "caption"), _BOX),
    **{name: {"align"} for name in ("h1", "h2", "h3", "h4", "h5", "h6")},
}
RICH_ATTRIBUTES = {"a": {"href", "title"}, "span": {"data-field", "lang"}, "p": {"class"}, "ol": {"start"}}
DEEPEST = 100  # elements within one another, since parsing takes quadratic time for more
_CLOSED_BY_OTHERS = {
    "br",
    "img",
    "hr",
    "wbr",
    "col",
    "p",
    "li",
    "dt",
    "dd",
    "tr",
    "td",
    "th",
    "tbody",
    "thead",
    "tfoot",
}
_TAG = re.compile(r"<(/?)([A-Za-z][^\s/>]*)")
_HANDLER = re.compile(r"""[\s"'/](on[a-z]+)\s*=""", re.IGNORECASE)
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*(?=:)", re.IGNORECASE)


@cache
def _cleaner(kind: str) -> "nh3.Cleaner":
    nh3 = import_module("nh3")  # large, and not needed by workers that send
    return nh3.Cleaner(
        tags=ALLOWED[kind],
        clean_content_tags={"script", "style", "template", "title", "iframe", "object", "noscript", "svg", "math"},
        attributes=ATTRIBUTES if kind == "html" else RICH_ATTRIBUTES,
        strip_comments=False,  # some are tags of logic; all others are taken out before
        link_rel=None,
        url_schemes=set(SCHEMES),
    )


ALLOWED = {"inline": INLINE, "rich": RICH, "html": FULL}


class CleanHtml:
    """Cleans masked HTML, and notes what it left out."""

    def __init__(self, masks: Masks, problems: Problems, warnings: list[str]) -> None:
        self.masks = masks
        self.problems = problems
        self.warnings = warnings

    def clean(self, masked: str, path: str, kind: str = "html") -> str:
        """Return masked HTML with what the kind of field allows, and the tags of logic as comments."""
        pieces = list(html_pieces(masked))
        if self._is_too_deep(pieces):
            self.problems.add(path, f"Elements are nested more than {number(DEEPEST)} deep; nest fewer.")
            return ""
        kept = []
        for is_tag, text in pieces:
            if is_tag and text.startswith("<!--") and not self.masks.either.fullmatch(text):
                self.masks.drop(text)
            else:
                kept.append(text)
        self._warn(pieces, path, kind)
        cleaned = _cleaner(kind).clean(self._with_bodies(self.masks.as_comments("".join(kept))))
        if cleaned.count("<!--") == len(self.masks.comment.findall(cleaned)):
            return cleaned
        # In broken HTML a parser sees comments that were text until now; Outlook reads what some of them have.
        return "".join(
            text
            for is_tag, text in html_pieces(cleaned)
            if not is_tag or not text.startswith("<!--") or self.masks.comment.fullmatch(text)
        )

    def _with_bodies(self, html: str) -> str:
        """Begin the body of a table before the tags around its first row; the parser would begin it after them."""
        around = rf"(?:{self.masks.comment.pattern}\s*)+"
        return re.sub(rf"(<table\b[^<>]*+>\s*+)({around}<tr\b)", r"\1<tbody>\2", html, flags=re.IGNORECASE)

    def _is_too_deep(self, pieces: list[tuple[bool, str]]) -> bool:
        depths: Counter[str] = Counter()
        for is_tag, text in pieces:
            found = _TAG.match(text) if is_tag else None
            if found is None or (name := found[2].lower()) in _CLOSED_BY_OTHERS:
                continue
            depths[name] = max(0, depths[name] - 1) if found[1] else depths[name] + 1
            if depths[name] > DEEPEST or sum(depths.values()) > DEEPEST:
                return True
        return False

    def _warn(self, pieces: list[tuple[bool, str]], path: str, kind: str) -> None:
        removed: dict[str, None] = {}
        for is_tag, text in pieces:
            found = _TAG.match(text) if is_tag else None
            if found is None or found[1]:
                continue
            if (name := found[2].lower()) not in ALLOWED[kind]:
                removed[f"<{name:.20}>"] = None
            for handler in _HANDLER.findall(text):
                removed[f"{handler.lower():.20}=…"] = None
        if removed:
            listed = ", ".join(list(removed)[:10])
            self.warnings.append(f"{path}: {listed} was left out, since mail does not show it or it could do harm.")


def address_fault(masked: str, masks: Masks, schemes: frozenset[str] = SCHEMES) -> str:
    """Return what is wrong with the address of a link, whose tags are hidden; "" if nothing is."""
    address = masked.strip()
    if re.search(r"\s", address):
        return "An address has no spaces; write %20 for one."
    if masks.token.match(address):  # it may write nothing, and what stands behind it begin the address
        begun = _SCHEME.match(masks.token.sub("", address))
        is_wrong = begun and begun[0].lower() in UNSAFE
        return f"“{begun[0]}:” is no address of a link; use {', '.join(sorted(schemes))}." if begun and is_wrong else ""
    if address.startswith("#") and "http" in schemes:
        return ""
    found = _SCHEME.match(address)
    if found and found[0].lower() in schemes:
        return "" if found.end() + 1 < len(address) else "Give the whole address."
    if found and found[0].lower() not in ("localhost",) and not re.match(r":\d", address[found.end() :]):
        return f"“{found[0]:.20}:” is no address of a link; use {', '.join(sorted(schemes))}."
    return "Give the whole address, such as https://example.org/page."
