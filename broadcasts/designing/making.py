"""Make the HTML of one content from its format, within its layout."""

from dataclasses import dataclass, field
from itertools import islice

from broadcasts import formats
from broadcasts.exceptions import InvalidInput
from broadcasts.mediums import Medium
from broadcasts.models import Content, Format, Layout, Organization
from broadcasts.rendering import without_islands

from .arranging import Arranger, Row
from .blocks import Problems, field_texts, text_fault, validate_blocks, walk
from .cleaning import CleanHtml
from .compiling import compile_mjml, document, styles
from .markdown import markdown_fault, markdown_to_html
from .masks import Masked, Masks
from .mjml import Mjml
from .slots import MOST_SLOTS, source_pieces, validate_slots, written_texts
from .sources import MaskedSource
from .styles import inlined_css, style_of

LONGEST_SOURCE = 500_000  # characters
LONGEST_RESULT = 1_000_000
TOO_LONG = f"The HTML becomes longer than {formats.number(LONGEST_RESULT)} characters; use fewer blocks."
SHAPES = {"blocks": list, "slots": dict, "source": str, "format": str}


@dataclass(frozen=True, slots=True)
class Designed:
    """The HTML of a content, what its author should know about it, and the tags in it with their places."""

    html: str
    warnings: list[str] = field(default_factory=list)
    tags: list[Masked] = field(default_factory=list)


def design(
    content: Content, *, layout: Layout | None, organization: Organization, syntax: str, medium: str = Medium.EMAIL
) -> Designed:
    """Return the HTML of a content; raises InvalidInput with paths such as `blocks[2].href`, `source`, `slots.intro`.

    Media other than mail have no HTML. HTML without a source stays as it is.
    """
    problems = Problems()
    validate_shape(content, problems)
    problems.refuse()
    if medium != Medium.EMAIL or content.format == Format.TEXT:
        return Designed("")
    if content.format == Format.HTML and not content.source:
        return Designed(without_islands(content.html))
    validate_slots(content, problems)
    problems.refuse()
    if not (content.blocks if content.format == Format.BLOCKS else content.source.strip()):
        return Designed("")  # a layout alone says nothing
    if layout:
        validate_blocks(layout.header, "layout.header")
        validate_blocks(layout.footer, "layout.footer")
    validate_length(content, layout, problems)
    problems.refuse()
    return Making(content, layout, organization, syntax, problems).made()


def validate_shape(content: Content, problems: Problems) -> None:
    """Add what is wrong with the shape of what a content is made from, whatever its format."""
    if content.format not in Format.values:
        problems.add("format", f"“{content.format!s:.20}” is not known; use {', '.join(Format.values)}.")
        return
    for name, shape in SHAPES.items():
        if not isinstance(getattr(content, name), shape):
            kind = {list: "a list", dict: "an object", str: "a text"}[shape]
            problems.add(name, f"Give {kind}.")
            return
    if bad := text_fault(content.source, LONGEST_SOURCE):
        problems.add("source", bad)
    validate_blocks(content.blocks)


def validate_length(content: Content, layout: Layout | None, problems: Problems) -> None:
    """Add it if there is more to make than may come of it; valid words of a slot count where and as often as it stands.

    Compilers are given nothing of what is refused here: it would hold a worker for long.
    """
    is_markdown = content.format == Format.MARKDOWN
    if content.format == Format.BLOCKS:
        length = sum(len(text) for _, _, text in written_texts(content))
    else:
        texts = [piece.text for piece in islice(source_pieces(content), 2 * MOST_SLOTS + 2)]
        if len(texts) > 2 * MOST_SLOTS + 1:  # a slot, and what stands before it
            problems.add("source", f"There are more than {MOST_SLOTS} slots; use fewer.")
            return
        length = sum(map(len, texts))
    around = [*walk(layout.header), *walk(layout.footer)] if layout else []
    length += sum(len(text) for path, block in around for _, _, text in field_texts(path, block))
    if length > LONGEST_RESULT:
        place = "blocks" if content.format == Format.BLOCKS else "source"
        problems.add(place, TOO_LONG)
    elif is_markdown and (words := markdown_fault("".join(texts))):
        problems.add("source", words)


class Making:
    """Makes the HTML of one content; everything that it refuses is in `problems`."""

    def __init__(
        self, content: Content, layout: Layout | None, organization: Organization, syntax: str, problems: Problems
    ) -> None:
        self.content = content
        self.layout = layout
        self.problems = problems
        self.warnings: list[str] = []
        self.masks = Masks(syntax)
        self.cleaner = CleanHtml(self.masks, problems, self.warnings)
        self.style = style_of(layout.style if layout else {})
        language = content.language or organization.primary_language
        self.builder = Arranger(organization, language, self.masks, self.cleaner, self.style)

    def read(self) -> tuple[list[Row], list[Row] | Mjml, list[Row]]:
        """Return the rows of the layout above and below the content, and the content between them."""
        header, footer = [self.layout.header, self.layout.footer] if self.layout else [[], []]
        self.builder.slots = self.content.slots
        self.builder.find_pictures([*header, *self.content.blocks, *footer])
        before = self.builder.rows(header, "layout.header")
        body = self.body()
        after = self.builder.rows(footer, "layout.footer")
        self.problems.refuse()
        return before, body, after

    def made(self) -> Designed:
        before, body, after = self.read()
        if isinstance(body, Mjml) and body.is_whole:
            return self.finished(self.whole(body, before, after))
        rows = [Row("whole", body.sections())] if isinstance(body, Mjml) else body
        self.problems.refuse()
        mjml = document(self.builder.written([*before, *rows, *after]), self.style, self.builder.language)
        written_css = "".join(body.css if isinstance(body, Mjml) else ())
        return self.finished(self.compiled(mjml, inlined_css(self.style), written_css))

    def body(self) -> list[Row] | Mjml:
        """Return the content as rows, or as it was read."""
        if self.content.format == Format.BLOCKS:
            return self.builder.rows(self.content.blocks, "blocks", is_end=True)
        is_markdown = self.content.format == Format.MARKDOWN
        cleaner = None if is_markdown else self.cleaner  # of the words of slots, so that each ends what it begins
        source = MaskedSource(source_pieces(self.content), self.masks, self.problems, cleaner)
        self.problems.refuse()
        if self.content.format == Format.MJML:
            return Mjml(source, self.builder)
        self.masks.require_balance(source.text, self.problems, "begins a block that never ends, or ends none.")
        html = markdown_to_html(source.text, self.masks) if is_markdown else source.text
        return [self.builder.row_of_html(self.cleaner.clean(html, "source"))]

    def whole(self, mjml: Mjml, before: list[Row], after: list[Row]) -> str:
        own = before or after
        above, below = self.builder.written(before), self.builder.written(after)
        written = mjml.written(above, below, styles(self.style) if own else "", self.builder.language)
        self.problems.refuse()
        return self.compiled(written, inlined_css(self.style) if own else "", "".join(mjml.css))

    def compiled(self, mjml: str, css: str, written_css: str) -> str:
        try:
            return compile_mjml(mjml, self.builder.fragments, self.masks, css, written_css)
        except Exception as error:  # whatever a compiler raises is about what it was given
            said = str(error).replace(self.masks.key, "")
            raise InvalidInput({self.place: f"This cannot be compiled: {said:.200}"}) from None

    @property
    def place(self) -> str:
        return "blocks" if self.content.format == Format.BLOCKS else "source"

    def finished(self, masked: str) -> Designed:
        self.masks.require_kept(masked, self.problems)
        self.problems.refuse()
        html = self.masks.restore(masked)
        if len(html) > LONGEST_RESULT:
            self.problems.add(self.place, TOO_LONG)
            self.problems.refuse()
        tags = [tag for number, tag in enumerate(self.masks.tags) if number not in self.masks.dropped]
        return Designed(html, self.warnings, tags)
