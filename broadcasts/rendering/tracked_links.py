"""Find the links of a template, in its source: the addresses that are replaced by tracked ones.

That is done in the source, not in what is rendered, so that both ways to compose a copy agree and all syntaxes work
alike. The tags of the template are masked by as many characters, and the rest is read as browsers read it (WHATWG HTML,
13.2.5 Tokenization). A link whose address has tags in it is personal: its address differs between copies.
"""

import re
from collections import Counter
from collections.abc import Iterator
from html import unescape
from html.entities import html5
from typing import NamedTuple

from liquid.lex import compile_liquid_rules

from broadcasts.models import Syntax

from .expressions.scanner import Found, scan
from .islands import BEGINS, has_islands, syntax_parts, without_islands
from .islands import ENDS as ENDS_ISLAND
from .names import LINKS

OUTPUT, LOGIC = "\ue002", "\ue003"  # mask a tag that writes something, and one that does not
# How an address ends, by what stands around it: double quotes, single quotes, none, or a text without HTML.
DOUBLE, SINGLE, UNQUOTED, TEXT = "\ue011", "\ue012", "\ue013", "\ue014"
ENDS = {
    DOUBLE: re.compile(r'[^"]*'),
    SINGLE: re.compile(r"[^']*"),
    UNQUOTED: re.compile(r"[^\t\n\f\r >]*"),
    TEXT: re.compile(r'[^\s<>"]*'),
}
QUOTES = {'"': DOUBLE, "'": SINGLE, "": UNQUOTED}
LINKED = frozenset({"a", "area"})
VML = "v:"  # the prefix of Outlook's own elements, whose href makes them buttons
RAW = frozenset({"script", "style", "title", "textarea", "xmp", "iframe", "noembed", "noframes"})  # have no tags inside
HIDING = ("comment", "capture")  # blocks whose text does not stand where they stand, or nowhere
HIDING_ENDS = tuple(f"end{name}" for name in HIDING)

_LIQUID = compile_liquid_rules()
_WRITES = re.compile(rf"\{{\{{-?\s*({'|'.join(LINKS)})\s*(?:\||-?\}}\}})")
_NAME = re.compile(rf"[a-zA-Z][^\t\n\f\r />{LOGIC}]*")
_SKIPPED = re.compile(rf"[\t\n\f\r /{LOGIC}]*")
_ATTRIBUTE = re.compile(r"[^\t\n\f\r />][^\t\n\f\r />=]*")
_EQUALS = re.compile(r"[\t\n\f\r ]*=[\t\n\f\r ]*")
_COMMENT_END = re.compile(r"--!?>")
_CONDITION = re.compile(r"\[if\b[^\]>]*\]>", re.IGNORECASE)
_REFERENCE = re.compile(r"&(?:#[xX][0-9a-fA-F]+;?|#[0-9]+;?|([a-zA-Z][a-zA-Z0-9]*;?)(=?))")
_AROUND = "".join(map(chr, range(0x21)))  # what browsers strip from both ends of an address
_WITHIN = re.compile(r"[\t\n\r]")  # what they remove from it
_WEB = re.compile(r"https?://[^/\\?#][^\\?#]*(?:[?#].*)?", re.IGNORECASE | re.DOTALL)
# Addresses that all readers read alike, wherever they stand.
TAME = re.compile(r"https?://[a-z0-9.-]+(?:[/?#][!#$%()*+,./0-9:;=?@A-Z_a-z~-]*)?")
_IN_TEXT = re.compile(r"(?<![\w.+-])https?://[^\s<>\"]+", re.IGNORECASE)
_AFTER = ".,;:!?'*_"  # punctuation that ends a sentence and not an address
_PAIRS = {")": "(", "]": "[", "}": "{"}
_BLOCK = re.compile(r"\{%-?\s*(end)?(if|ifchanged|unless|case|for|capture|comment|raw|doc|else|elsif|when)\b")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


class FoundLink(NamedTuple):
    """A link in a source."""

    start: int
    end: int
    ends: str  # a key of ENDS
    url: str  # its address; of a personal link its source
    is_personal: bool


def find_links(source: str, syntax: str, *, html: bool) -> list[FoundLink]:
    """Return the links of a template that lead to the web, in their order; in a text those that a reader can click."""
    masked = _masked(source, syntax)
    spans = _hrefs(masked) if html else _addresses(masked, source)
    return [link for start, end, ends in spans if (link := _link(source, masked, syntax, start, end, ends))]


def has_tags(url: str, syntax: str) -> bool:
    """Tell whether the address of a link has what its syntax takes for tags, so that each copy has its own."""
    if syntax == Syntax.LIQUID:
        return "{{" in url or "{%" in url
    if has_islands(url, syntax):
        return True
    return next(_expressions(url, syntax), None) is not None


def web_address(text: str, ends: str) -> str:
    """Return the address that a browser reads in an attribute's value or in a text; "" unless it leads to the web.

    The extra slashes and backslashes that only browsers forgive are left to them.
    """
    text = _CONTROL.sub("", text)
    url = _WITHIN.sub("", (text if ends == TEXT else unescaped_value(text)).strip(_AROUND))
    return url if _WEB.fullmatch(url) else ""


def unescaped_value(text: str) -> str:
    """Replace the character references of an attribute's value: in “?a=1&copy=2” there is none, unlike in a text."""
    return _REFERENCE.sub(_character, text) if "&" in text else text


def _character(found: re.Match[str]) -> str:
    name, equals = found[1], found[2]
    if name is None:
        try:
            return unescape(found[0])
        except ValueError:  # thousands of digits
            return found[0]
    if name not in html5 or (equals and not name.endswith(";")):
        return found[0]
    return html5[name] + equals


def _masked(source: str, syntax: str) -> str:
    """Return a source with its tags masked; each position stays what it is."""
    pieces, done = [], 0
    for start, end, mask in _tags(source, syntax):
        pieces += [source[done:start], mask * (end - start)]
        done = end
    return "".join([*pieces, source[done:]])


def _tags(source: str, syntax: str) -> Iterator[tuple[int, int, str]]:
    """Yield the spans of the tags of a template, and of the characters around its islands."""
    for part in syntax_parts(source, syntax):
        if part.start and part.syntax != syntax:
            yield part.start - 1, part.start, LOGIC
        found = _liquid_tags(part.text) if part.syntax == Syntax.LIQUID else _expressions(part.text, part.syntax)
        yield from ((part.start + start, part.start + end, mask) for start, end, mask in found)
        if part.start and part.syntax != syntax and source.startswith(ENDS_ISLAND, end := part.start + len(part.text)):
            yield end, end + 1, LOGIC


def _expressions(source: str, syntax: str) -> Iterator[tuple[int, int, str]]:
    if syntax != Syntax.EXPRESSIONS:
        return
    done = 0
    for part in scan(source):
        if isinstance(part, Found):
            yield from _escapes(source, done, part.start)
            done = part.start + len(part.source)
            yield part.start, done, OUTPUT
    yield from _escapes(source, done, len(source))


def _escapes(source: str, start: int, end: int) -> Iterator[tuple[int, int, str]]:
    while (start := source.find("@@", start, end)) >= 0:
        yield start, start + 2, OUTPUT
        start += 2


def _liquid_tags(source: str) -> Iterator[tuple[int, int, str]]:
    """Yield the spans of Liquid's tags, by the rules of its own lexer; a block that writes nothing there is one."""
    depth = begun = 0
    for found in _LIQUID.finditer(source) if "{{" in source or "{%" in source else ():
        kind = found.lastgroup
        name = found["name"] if kind == "TAG" else ""
        if name in HIDING:
            begun = begun if depth else found.start()
            depth += 1
        elif name in HIDING_ENDS and depth:
            depth -= 1
            if not depth:
                yield begun, found.end(), LOGIC
        elif depth:
            continue
        elif kind == "RAW":
            yield found.start(), found.start("raw"), LOGIC
            yield found.end("raw"), found.end(), LOGIC
        elif kind in ("TAG", "DOC"):
            yield found.start(), found.end(), LOGIC
        elif found[0].startswith("{{"):
            yield found.start(), found.end(), OUTPUT


def _link(source: str, masked: str, syntax: str, start: int, end: int, ends: str) -> FoundLink | None:
    """Return the link at a place, without the white space around it; None if it does not lead to the web."""
    value = masked[start:end]
    start += len(value) - len(value.lstrip(_AROUND))
    end -= len(value) - len(value.rstrip(_AROUND))
    value = masked[start:end]
    tag = min((at for at in (value.find(OUTPUT), value.find(LOGIC)) if at >= 0), default=-1)
    if tag < 0:
        url = web_address(value, ends)
        return FoundLink(start, end, ends, url, has_tags(url, syntax)) if url else None
    if _WRITES.match(without_islands(source[start:end])) or not _is_whole(source[start:end]):
        return None
    begun = _WITHIN.sub("", unescaped_value(value[:tag])).lower()
    if not (begun.startswith(("http://", "https://")) or "https://".startswith(begun) or "http://".startswith(begun)):
        return None
    url = source[start:end]
    is_inside = syntax != Syntax.LIQUID and source.rfind(BEGINS, 0, start) > source.rfind(ENDS_ISLAND, 0, start)
    return FoundLink(start, end, ends, f"{BEGINS}{url}{ENDS_ISLAND}" if is_inside else url, True)


def _is_whole(source: str) -> bool:
    """Tell whether each block of Liquid that begins in a part of a source also ends in it."""
    depth = 0
    for closes, name in _BLOCK.findall(source):
        if name not in ("else", "elsif", "when"):
            depth += -1 if closes else 1
        elif not depth:
            return False
        if depth < 0:
            return False
    return not depth


def _addresses(text: str, source: str) -> Iterator[tuple[int, int, str]]:
    """Yield the addresses in a text, without the punctuation after them, or a bracket that was opened before."""
    for found in _IN_TEXT.finditer(text):
        address, start = found[0], found.start()
        if not _is_whole(source[start : found.end()]):
            address = address.partition(LOGIC)[0]
        yield start, start + _end_of(address), TEXT


def _end_of(address: str) -> int:
    """Return the index after an address that ends with punctuation, or with brackets that it did not open."""
    end, counts = len(address), Counter(address)
    while (last := address[end - 1]) in _AFTER or (last in _PAIRS and counts[last] > counts[_PAIRS[last]]):
        counts[last] -= 1
        end -= 1
    return end


def _hrefs(html: str, offset: int = 0, *, within: bool = False) -> Iterator[tuple[int, int, str]]:
    """Yield (start, end, key of ENDS) of the values of href in HTML, also in comments that only Outlook reads."""
    position = 0
    while (start := html.find("<", position)) >= 0:
        name = _NAME.match(html, start + 1)
        if html.startswith("<!--", start):
            position = _comment_end(html, start)
            if position > 0 and not within and (condition := _CONDITION.match(html, start + 4)):
                yield from _hrefs(html[condition.end() : position], offset + condition.end(), within=True)
        elif name is not None:
            attributes, position = _attributes(html, name.end())
            if position > 0:
                if (tag := name[0].lower()) in LINKED or tag.startswith(VML):
                    yield from ((offset + first, offset + last, QUOTES[quote]) for first, last, quote in attributes)
                if tag in RAW:
                    position = _raw_end(html, tag, position)
        elif html.startswith(("<!", "<?", "</"), start):
            closing = _NAME.match(html, start + 2) if html.startswith("</", start) else None
            position = _attributes(html, closing.end())[1] if closing else html.find(">", start) + 1
        else:
            position = start + 1
        if position <= 0:  # the end of the text comes first
            return


def _comment_end(html: str, start: int) -> int:
    for short in ("<!-->", "<!--->"):
        if html.startswith(short, start):
            return start + len(short)
    found = _COMMENT_END.search(html, start + 4)
    return found.end() if found else 0


def _raw_end(html: str, tag: str, position: int) -> int:
    found = re.compile(rf"</{tag}(?=[\t\n\f\r />])", re.IGNORECASE).search(html, position)
    return found.start() if found else 0


def _attributes(html: str, position: int) -> tuple[list[tuple[int, int, str]], int]:
    """Return (start, end, quote) of each href of a tag that counts, and the tag's end; 0 if it is not closed.

    Of equal attributes the first one counts, unless tags of the template may leave one of them out.
    """
    found: list[tuple[int, int, str]] = []
    begun = position
    while True:
        position = _SKIPPED.match(html, position).end()  # type: ignore[union-attr]
        name = _ATTRIBUTE.match(html, position)
        if name is None:
            has_logic = LOGIC in html[begun:position]
            return found if has_logic else found[:1], position + 1 if html.startswith(">", position) else 0
        position = name.end()
        equals = _EQUALS.match(html, position)
        if equals is None:
            if name[0].lower() == "href":
                found.append((position, position, ""))
            continue
        start = end = equals.end()
        quote = html[start : start + 1]
        if quote in ('"', "'"):
            start += 1
            end = html.find(quote, start)
            position = end + 1
            if end < 0:
                return found, 0
        else:
            quote = ""
            end = position = ENDS[UNQUOTED].match(html, start).end()  # type: ignore[union-attr]
        if name[0].lower() == "href":
            found.append((start, end, quote))
