"""A wording as bytes with holes: all that is the same for every recipient is encoded once.

Per copy only the holes are filled, each with the escaping and encoding of its place. Whatever could come out
otherwise than by the plain way (`wording.py`) is left to it: a wording when it is compiled, a copy when its
values are met, by TakeReference. So each shortcut here has to be safe only for what it lets pass.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from broadcasts.exceptions import OverBudget

from .budget import OUTPUT_LIMIT, Budget
from .derived import derive
from .footers import html_footer, text_footer
from .holes import (
    Field,
    Holes,
    Person,
    Piece,
    Remembered,
    TakeReference,
    is_odd,
    join,
    link_hole,
    may_be_tag,
    merged,
    url_hole,
)
from .mime import (
    Letterhead,
    base64_lines,
    clean_body,
    is_mostly_foreign,
    is_smooth,
    one_line,
    part_head,
    quoted_lines,
    unstructured,
)
from .plaintext import html_to_text
from .wording import Recipient, Wording, body_start, footer_place, hidden, preheader_place

FOOTER_LINKS = ("preferences_url", "unsubscribe_url")
MARK = "\ue000"  # stands for a hole while places in a text are looked for
Slot = tuple[int, Remembered]
_TAG_BEGUN = re.compile(r"</?[body]*\s*\Z", re.IGNORECASE)


def compile_wording(
    wording: Wording, shared: Mapping[str, object], letterhead: Letterhead | None, attachments: Sequence[bytes]
) -> "CompiledWording | None":
    """Compile a wording; None when it has to be rendered the plain way."""
    # Liquid may raise whatever a filter trips over, already here, for constants; the plain way will say so well.
    with suppress(Exception):
        return CompiledWording(wording, {**shared, "language": wording.language}, letterhead, attachments)
    return None


class CompiledWording:
    """One translation, ready to be filled in."""

    def __init__(
        self,
        wording: Wording,
        shared: Mapping[str, object],
        letterhead: Letterhead | None,
        attachments: Sequence[bytes],
    ) -> None:
        self.shared = shared
        self.letterhead = letterhead
        self.holes = Holes()
        self.guarded: set[int] = set()  # whose values could move the place of the footer or preheader
        pages = Pages(wording, self.holes, shared)
        self.subject, self.text, html = pages.subject, pages.text, pages.html
        self.default_subject = one_line(wording.default_subject)
        self.fixed_subject = self._fixed_subject()
        if pages.seeks_body:
            self.guarded = self.holes.raw & {piece for piece in pages.html if isinstance(piece, int)}
        self.html = html if letterhead is None else []  # of mail it is in the body
        self.body: list[bytes] = []
        self.slots: list[tuple[int, int, Remembered]] = []  # place in the body, hole, its encoding there
        if letterhead is not None:
            parts = [self._part("plain", self.text), self._part("html", html) if pages.has_html else []]
            self._lay_out(letterhead, parts, attachments)
        self.is_smooth = is_smooth(b"".join(self.body))
        self.longest = (OUTPUT_LIMIT - _size(self.text) - _size(html)) // (4 * (len(self.text) + len(html) + 1))

    def fill(self, recipient: Recipient, address: str, budget: Budget) -> tuple[str, str, str, bytes]:
        """Return subject, text, HTML and mail of one copy, or raise TakeReference or OverBudget.

        The HTML of mail is in the mail alone.
        """
        if recipient.contact is None:
            raise TakeReference
        filled = self._fill_holes(recipient, budget)
        header = self.fixed_subject
        if header is None:
            subject = one_line(join(self.subject, filled)) or self.default_subject
            header = unstructured("Subject", subject), subject
        text = join(self.text, filled)
        if self.letterhead is None:
            return header[1], text, join(self.html, filled), b""
        body = self.body.copy()
        for position, number, encoded in self.slots:
            body[position] = encoded[filled[number]]
        body[0] = self.letterhead.head(recipient.key, recipient.contact.full_name, address, header[0])
        return header[1], text, "", b"".join(body)

    def _fill_holes(self, recipient: Recipient, budget: Budget) -> list[str]:
        contact = recipient.contact
        assert contact is not None
        person = Person(contact, recipient.key, self.shared, budget)
        filled: list[str] = []
        try:
            for fill in self.holes.fills:
                filled.append(fill(person, filled))
        except OverBudget:
            raise  # the plain way would only take as long once more
        except Exception:  # whatever a filter trips over; the plain way says it in its own words
            raise TakeReference from None
        if max(map(len, filled), default=0) > self.longest:
            raise TakeReference
        if self.guarded and any(may_be_tag(filled[number]) for number in self.guarded):
            raise TakeReference
        return filled

    def _fixed_subject(self) -> tuple[bytes, str] | None:
        if any(isinstance(piece, int) for piece in self.subject):
            return None
        subject = one_line(join(self.subject, ())) or self.default_subject
        return unstructured("Subject", subject), subject

    def _part(self, subtype: str, pieces: Sequence[Piece]) -> list[bytes | Slot]:
        """Encode what is constant of a part, in the encoding that suits its constants."""
        mailed = [*without_end(cleaned(pieces), self.holes), "\n"]
        constant = "".join(piece for piece in mailed if isinstance(piece, str))
        if is_mostly_foreign(constant, constant.encode()):
            whole = self.holes.joined(mailed, lambda text: text.replace("\n", "\r\n"))
            return [part_head(subtype, "base64"), (whole, Remembered(_base64, 0))]
        part: list[bytes | Slot] = [part_head(subtype, "quoted-printable")]
        for piece in merged(mailed):
            part.append(quoted_lines(piece) if isinstance(piece, str) else (piece, Remembered(quoted_lines, len(part))))
        return part

    def _lay_out(self, letterhead: Letterhead, parts: Sequence[list[bytes | Slot]], files: Sequence[bytes]) -> None:
        """Put the parts between their boundaries, made once with a mark in each part's place."""
        marks = [b"\0text\0", b"\0html\0" if parts[1] else b""]
        before, _, rest = letterhead.body(marks[0], marks[1], files).partition(marks[0])
        between, _, after = rest.partition(marks[1]) if parts[1] else (rest, b"", b"")
        self.body.append(b"")  # the headers' place
        for item in [before, *parts[0], between, *parts[1], after]:
            if isinstance(item, tuple):
                self.slots.append((len(self.body), *item))
                self.body.append(b"")
            elif len(self.body) > 1 and (not self.slots or self.slots[-1][0] != len(self.body) - 1):
                self.body[-1] += item
            else:
                self.body.append(item)


class Pages:
    """Subject, text and HTML of a wording as pieces, put together in the order of `Wording.render`."""

    def __init__(self, wording: Wording, holes: Holes, shared: Mapping[str, object]) -> None:
        self.wording = wording
        self.holes = holes
        self.seeks_body = False
        budget = Budget()
        self.has_html = bool(wording.html.source.strip())
        self.html = cleaned(Field(wording.html, holes, shared, budget, clean=True).pieces()) if self.has_html else []
        if self.has_html and not any(isinstance(piece, str) for piece in self.html):
            raise TakeReference  # whether there is an HTML part at all depends on the values
        if wording.text.source.strip():
            self.text = cleaned(Field(wording.text, holes, shared, budget, clean=True).pieces())
        else:
            self.text = self._text_of_html()
        preheader = Field(wording.preheader, holes, shared, budget, clean=False).pieces()
        self.subject = Field(wording.subject, holes, shared, budget, clean=False).pieces()
        for piece in [*preheader, *self.subject, *self.html, *self.text]:
            if isinstance(piece, str):
                piece.encode()  # what is not text fails here, not in every copy
                if MARK in piece:
                    raise TakeReference
        self._add_footers()
        self._add_preheader(preheader)

    def _text_of_html(self) -> list[Piece]:
        if all(isinstance(piece, str) for piece in self.html):
            return merged([html_to_text(join(self.html, ()), Budget())])
        if any(isinstance(piece, str) and MARK in piece for piece in self.html):
            raise TakeReference
        return derive(self.html, self.holes) or [self._text_of_each_copy()]

    def _text_of_each_copy(self) -> int:
        pieces = tuple(self.html)

        def fill(person: Person, filled: list[str]) -> str:
            text = self.wording.html.text_of(join(pieces, filled), person.budget)
            if is_odd(text):  # a character reference in an address can be a control character
                raise TakeReference
            return text

        return self.holes.add(fill)

    def _add_footers(self) -> None:
        wording, holes = self.wording, self.holes
        if wording.text_footer:
            urls = [url_hole(holes, name) for name in FOOTER_LINKS]
            footer = _with_holes(text_footer(wording.organization, wording.language, MARK, MARK), urls)
            self.text = merged([*without_end(self.text, holes), *footer])
        if self.has_html and wording.html_footer:
            urls = [link_hole(holes, name) for name in FOOTER_LINKS]
            footer = _with_holes(html_footer(wording.organization, wording.language, MARK, MARK), urls)
            self._insert(footer_place, footer)

    def _add_preheader(self, preheader: list[Piece]) -> None:
        if not self.has_html or not preheader:
            return
        if all(isinstance(piece, str) for piece in preheader):
            line = one_line(join(preheader, ()))
            if line:
                self._insert(preheader_place, [hidden(line)])
            return

        def block(text: str) -> str:
            line = one_line(text)
            return hidden(line) if line else ""

        self._insert(preheader_place, [self.holes.joined(preheader, block)])

    def _insert(self, place: Callable[[str], int], addition: Sequence[Piece]) -> None:
        """Put an addition where the plain way would, provided that no value can move that place."""
        self.seeks_body = True
        marked = "".join(piece if isinstance(piece, str) else MARK for piece in self.html)
        if MARK in marked[slice(*body_start(marked))] and self.holes.raw:
            raise TakeReference
        for piece, following in zip(self.html, self.html[1:], strict=False):
            if isinstance(piece, str) and isinstance(following, int) and _TAG_BEGUN.search(piece):
                raise TakeReference
        self.html = merged(inserted(self.html, place(marked), addition))


def cleaned(pieces: Sequence[Piece]) -> list[Piece]:
    """Clean the constants among pieces as `clean_body` would clean the whole."""
    result: list[Piece] = []
    for piece in merged(pieces):
        if isinstance(piece, str):
            if clean_body(f"{piece}\n") != f"{clean_body(piece)}\n":
                raise TakeReference  # a lone CR at its end, which a value could complete
            piece = clean_body(piece)
        result.append(piece)
    return merged(result)


def without_end(pieces: Sequence[Piece], holes: Holes) -> list[Piece]:
    """Strip blanks from the end, of values too: those after the last constant that shows become one hole."""
    for position in range(len(pieces) - 1, -1, -1):
        piece = pieces[position]
        if isinstance(piece, str) and piece.strip():
            kept = piece.rstrip()
            head, tail = [*pieces[:position], kept], [piece[len(kept) :], *pieces[position + 1 :]]
            break
    else:
        head, tail = [], list(pieces)
    if any(isinstance(piece, int) for piece in tail):
        head.append(holes.joined(merged(tail), str.rstrip))
    return merged(head)


def inserted(pieces: Sequence[Piece], place: int, addition: Sequence[Piece]) -> list[Piece]:
    """Insert pieces at a place that counts each hole as one character."""
    result: list[Piece] = []
    for piece in pieces:
        size = len(piece) if isinstance(piece, str) else 1
        if 0 <= place < size and isinstance(piece, str):
            result += [piece[:place], *addition, piece[place:]]
        elif place == 0:
            result += [*addition, piece]
        else:
            result.append(piece)
        place -= size
    return [*result, *addition] if place == 0 else result


def _with_holes(text: str, holes: Sequence[int]) -> list[Piece]:
    before, *rest = text.split(MARK)
    return [before, *(piece for pair in zip(holes, rest, strict=True) for piece in pair)]


def _size(pieces: Sequence[Piece]) -> int:
    return sum(len(piece.encode()) for piece in pieces if isinstance(piece, str))


def _base64(text: str) -> bytes:
    return base64_lines(text.encode())
