"""The compiled way to compose a copy: one language's content as MIME bytes with placeholders.

The package's docstring says why it exists beside the reference, with figures. NotCompilable, raised when content is
compiled or when a copy is filled in, leaves that content or that copy to the reference.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from itertools import repeat

from broadcasts.exceptions import OverBudget

from .budget import OUTPUT_LIMIT, Budget
from .content import ContentTemplate, Recipient, body_start, footer_place, hidden, preheader_place
from .fields import FieldCompiler, is_odd, link_placeholder, may_be_tag, url_placeholder
from .footers import FOOTER_LINKS, html_footer
from .mime import (
    MailComposer,
    base64_lines,
    clean_body,
    is_mostly_foreign,
    is_smooth,
    one_line,
    part_head,
    quoted_lines,
    unstructured,
)
from .placeholders import (
    Columns,
    CopyContext,
    Encoder,
    Filled,
    NotCompilable,
    Piece,
    Placeholders,
    join,
    join_many,
    merged,
)
from .plaintext import html_to_text
from .text_from_html import text_from_html
from .tracked_copies import token_placeholder

MARK = "\ue000"  # stands for a placeholder while places in a text are looked for
_TAG_BEGUN = re.compile(r"</?[body]*\s*\Z", re.IGNORECASE)


def compile_content(
    content: ContentTemplate, shared: Mapping[str, object], composer: MailComposer | None, attachments: Sequence[bytes]
) -> "CompiledContent | None":
    """Compile content; return None if all its copies have to be composed by the reference."""
    # A filter may raise anything, for constants already here; the reference reports it with field and line.
    with suppress(Exception):
        return CompiledContent(content, {**shared, "language": content.language}, composer, attachments)
    return None


class CompiledContent:
    """The content of one language, ready to be filled in for a recipient."""

    def __init__(
        self,
        content: ContentTemplate,
        shared: Mapping[str, object],
        composer: MailComposer | None,
        attachments: Sequence[bytes],
    ) -> None:
        self.shared = shared
        self.composer = composer
        self.placeholders = Placeholders()
        self.guarded: set[int] = set()  # placeholders whose values could move the position of the footer or preheader
        pieces = ContentPieces(content, self.placeholders, shared)
        self.subject, self.text, html = pieces.subject, pieces.text, pieces.html
        self.default_subject = one_line(content.default_subject)
        self.fixed_subject = self._fixed_subject()
        if pieces.seeks_body:
            self.guarded = self.placeholders.raw & {piece for piece in pieces.html if isinstance(piece, int)}
        self.html = html if composer is None else []  # of mail it is in the body
        self.body: list[bytes] = []
        self.slots: list[tuple[int, int]] = []  # place in the body, and the placeholder there
        if composer is not None:
            parts = [self._part("plain", self.text), self._part("html", html) if pieces.has_html else []]
            self._lay_out(composer, parts, attachments)
        self.encoders: dict[int, Encoder] = {number: self.placeholders.encoder(number) for _, number in self.slots}
        self.is_smooth = is_smooth(b"".join(self.body))
        self.longest = (OUTPUT_LIMIT - _size(self.text) - _size(html)) // (4 * (len(self.text) + len(html) + 1))

    def fill(
        self, recipients: Sequence[Recipient], addresses: Sequence[str], budgets: Sequence[Budget]
    ) -> list[tuple[str, str, str, bytes]]:
        """Return subject, text, HTML and MIME message of each copy, or raise NotCompilable or OverBudget.

        For e-mail, HTML is "" since it is part of the message; for other media the message is b"".
        """
        n = len(recipients)
        columns = self._fill_placeholders(recipients, budgets)
        subjects, texts = self._subjects(columns, n), join_many(self.text, columns, n)
        if self.composer is None:
            return list(zip(subjects, texts, join_many(self.html, columns, n), repeat(b"", n), strict=True))
        parts: list[Iterable[bytes]] = [repeat(part, n) for part in self.body]
        encoded = {number: list(map(encode, columns[number])) for number, encode in self.encoders.items()}
        for position, number in self.slots:
            parts[position] = encoded[number]
        heads = self._heads(self.composer, recipients, addresses, subjects)
        if self.composer.signer is None:  # nothing has to be known of the body alone
            parts[0] = heads
            whole: Iterable[bytes] = map(b"".join, zip(*parts, strict=True))
        else:
            whole = self.composer.joined(heads, map(b"".join, zip(*parts[1:], strict=True)))
        return list(zip(subjects, texts, repeat("", n), whole, strict=True))

    def _subjects(self, columns: Columns, n: int) -> list[str]:
        if self.fixed_subject is not None:
            return [self.fixed_subject] * n
        return [one_line(text) or self.default_subject for text in join_many(self.subject, columns, n)]

    def _heads(
        self, composer: MailComposer, recipients: Sequence[Recipient], addresses: Sequence[str], subjects: Sequence[str]
    ) -> list[bytes]:
        names = [recipient.contact.full_name if recipient.contact else "" for recipient in recipients]
        headers = [unstructured("Subject", subject) for subject in subjects]
        return composer.heads(zip([one.key for one in recipients], names, addresses, headers, strict=True))

    def _fill_placeholders(self, recipients: Sequence[Recipient], budgets: Sequence[Budget]) -> Columns:
        copies = []
        for recipient, budget in zip(recipients, budgets, strict=True):
            if recipient.contact is None:
                raise NotCompilable
            copies.append(CopyContext(recipient.contact, recipient.key, self.shared, budget))
        columns: Columns = []
        try:
            for fill in self.placeholders.fills:
                columns.append(fill(copies, columns))
        except OverBudget:
            raise  # the reference would only take as long again
        except Exception:  # a filter may raise anything; the reference reports it with field and line
            raise NotCompilable from None
        if columns and max(max(map(len, column)) for column in columns) > self.longest:
            raise NotCompilable
        if self.guarded and any(may_be_tag(value) for number in self.guarded for value in columns[number]):
            raise NotCompilable
        return columns

    def _fixed_subject(self) -> str | None:
        if any(isinstance(piece, int) for piece in self.subject):
            return None
        return one_line(join(self.subject, ())) or self.default_subject

    def _part(self, subtype: str, pieces: Sequence[Piece]) -> list[bytes | int]:
        """Encode the constants of a part, in the transfer encoding that is shorter for them."""
        mailed = [*without_end(cleaned(pieces), self.placeholders), "\n"]
        constant = "".join(piece for piece in mailed if isinstance(piece, str))
        if is_mostly_foreign(constant, constant.encode()):
            whole = self.placeholders.joined(mailed, lambda text: text.replace("\n", "\r\n"))
            self.placeholders.encoders[whole] = _base64
            return [part_head(subtype, "base64"), whole]
        return [
            part_head(subtype, "quoted-printable"),
            *(quoted_lines(piece) if isinstance(piece, str) else piece for piece in merged(mailed)),
        ]

    def _lay_out(self, composer: MailComposer, parts: Sequence[list[bytes | int]], files: Sequence[bytes]) -> None:
        """Build the body once: the multipart structure is composed around marks, and the parts replace the marks."""
        marks = [b"\0text\0", b"\0html\0" if parts[1] else b""]
        before, _, rest = composer.body(marks[0], marks[1], files).partition(marks[0])
        between, _, after = rest.partition(marks[1]) if parts[1] else (rest, b"", b"")
        self.body.append(b"")  # the headers' place
        for item in [before, *parts[0], between, *parts[1], after]:
            if isinstance(item, int):
                self.slots.append((len(self.body), item))
                self.body.append(b"")
            elif len(self.body) > 1 and (not self.slots or self.slots[-1][0] != len(self.body) - 1):
                self.body[-1] += item
            else:
                self.body.append(item)


class ContentPieces:
    """Subject, text and HTML as pieces, joined in the order of `ContentTemplate.render`."""

    def __init__(self, content: ContentTemplate, placeholders: Placeholders, shared: Mapping[str, object]) -> None:
        self.content = content
        self.placeholders = placeholders
        self.seeks_body = False
        budget = Budget()
        self.has_html = bool(content.html.source.strip())
        marked = (
            cleaned(FieldCompiler(content.html, placeholders, shared, budget, clean=True).pieces())
            if self.has_html
            else []
        )
        marks = content.marks
        self.html = (
            [marks.original(piece) if isinstance(piece, str) else piece for piece in marked] if marks else marked
        )
        if self.has_html and not any(isinstance(piece, str) for piece in self.html):
            raise NotCompilable  # whether there is an HTML part at all depends on the values
        if content.text.source.strip():
            self.text = cleaned(FieldCompiler(content.text, placeholders, shared, budget, clean=True).pieces())
        else:
            self.text = self._text_of_html()
        if marks and self.has_html:
            self.html = merged(marks.pieces(marked, placeholders))
        elif marks:
            self.text = merged(marks.pieces(self.text, placeholders))
        preheader = FieldCompiler(content.preheader, placeholders, shared, budget, clean=False).pieces()
        self.subject = FieldCompiler(content.subject, placeholders, shared, budget, clean=False).pieces()
        for piece in [*preheader, *self.subject, *self.html, *self.text]:
            if isinstance(piece, str):
                piece.encode()  # half a surrogate pair fails here, not in every copy
                if MARK in piece:
                    raise NotCompilable
        self._add_footers()
        self._add_preheader(preheader)

    def _text_of_html(self) -> list[Piece]:
        if all(isinstance(piece, str) for piece in self.html):
            return merged([html_to_text(join(self.html, ()), Budget())])
        if any(isinstance(piece, str) and MARK in piece for piece in self.html):
            raise NotCompilable
        return text_from_html(self.html, self.placeholders) or [self._text_of_each_copy()]

    def _text_of_each_copy(self) -> int:
        pieces = tuple(self.html)

        def fill(copy: CopyContext, filled: Filled) -> str:
            text = self.content.text_of_html(join(pieces, filled), copy.budget)
            if is_odd(text):  # a character reference in an address can be a control character
                raise NotCompilable
            return text

        return self.placeholders.add(fill)

    def _add_footers(self) -> None:
        content, placeholders = self.content, self.placeholders
        if content.text_footer:
            urls = [url_placeholder(placeholders, name) for name in content.footer_links]
            footer = _with_placeholders(content.footer_of_text(*[MARK] * len(urls)), urls)
            self.text = merged([*without_end(self.text, placeholders), *footer])
        if not self.has_html:
            return
        footer = []
        if content.html_footer:
            urls = [link_placeholder(placeholders, name) for name in FOOTER_LINKS]
            footer += _with_placeholders(html_footer(content.organization, content.language, MARK, MARK), urls)
        if content.marks and (measuring := content.marks.measuring_html(MARK)):
            tokens = [token_placeholder(placeholders)] * measuring.count(MARK)
            footer += _with_placeholders(measuring, tokens)
        if footer:
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

        self._insert(preheader_place, [self.placeholders.joined(preheader, block)])

    def _insert(self, place: Callable[[str], int], addition: Sequence[Piece]) -> None:
        """Insert pieces at the position that the reference chooses; NotCompilable if a value could move it."""
        self.seeks_body = True
        marked = "".join(piece if isinstance(piece, str) else MARK for piece in self.html)
        if MARK in marked[slice(*body_start(marked))] and self.placeholders.raw:
            raise NotCompilable
        for piece, following in zip(self.html, self.html[1:], strict=False):
            if isinstance(piece, str) and isinstance(following, int) and _TAG_BEGUN.search(piece):
                raise NotCompilable
        self.html = merged(inserted(self.html, place(marked), addition))


def cleaned(pieces: Sequence[Piece]) -> list[Piece]:
    """Clean the constants among pieces as `clean_body` would clean the whole."""
    result: list[Piece] = []
    for piece in merged(pieces):
        if isinstance(piece, str):
            if clean_body(f"{piece}\n") != f"{clean_body(piece)}\n":
                raise NotCompilable  # a lone CR at its end, which a value could complete
            piece = clean_body(piece)
        result.append(piece)
    return merged(result)


def without_end(pieces: Sequence[Piece], placeholders: Placeholders) -> list[Piece]:
    """Strip white space from the end, also of values: pieces after the last visible constant become one placeholder."""
    for position in range(len(pieces) - 1, -1, -1):
        piece = pieces[position]
        if isinstance(piece, str) and piece.strip():
            kept = piece.rstrip()
            head, tail = [*pieces[:position], kept], [piece[len(kept) :], *pieces[position + 1 :]]
            break
    else:
        head, tail = [], list(pieces)
    if any(isinstance(piece, int) for piece in tail):
        head.append(placeholders.joined(merged(tail), str.rstrip))
    return merged(head)


def inserted(pieces: Sequence[Piece], place: int, addition: Sequence[Piece]) -> list[Piece]:
    """Insert pieces at a position in which each placeholder counts as one character."""
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


def _with_placeholders(text: str, placeholders: Sequence[int]) -> list[Piece]:
    before, *rest = text.split(MARK)
    return [before, *(piece for pair in zip(placeholders, rest, strict=True) for piece in pair)]


def _size(pieces: Sequence[Piece]) -> int:
    return sum(len(piece.encode()) for piece in pieces if isinstance(piece, str))


def _base64(text: str) -> bytes:
    return base64_lines(text.encode())
