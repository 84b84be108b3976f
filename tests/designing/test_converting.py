"""Content in another format makes the same HTML as before."""

import time

import pytest

from broadcasts import designing
from broadcasts.designing import converting, gallery
from broadcasts.exceptions import InvalidInput
from broadcasts.models import Format, Layout, Template

from .made import CLUB, content, html, text
from .test_blocks import BLOCKS

LAYOUTS = {
    "none": None,
    "around": Layout(
        organization=CLUB,
        name="House",
        header=[{"type": "heading", "text": "The club"}],
        footer=[text("<p>Bye</p>"), {"type": "footer"}],
        style={"button": "#aa0011", "width": 520},
    ),
}
TAGGED = [
    text('<p title="{{ contact.name }}">Dear {{ contact.first_name | default: "friend" }} &amp; others</p>'),
    html("{% if contact.language == 'es' %}"),
    {"type": "button", "text": "Book <now>", "href": 'https://example.org/?a={{ contact.uuid | default: "x" }}&b=1'},
    html("{% else %}"),
    {"type": "columns", "columns": [{"blocks": [html("{% if contact.email %}"), text("x"), html("{% endif %}")]}] * 2},
    html("{% endif %}"),
    html("<p>{% for one in contact.attributes.list %}<b>{{ one }}</b>{% endfor %} &#123;{ no tag }}</p>"),
]


def html_of(owner: Template, given) -> str:
    return designing.apply(owner, given).html


@pytest.fixture
def owner():
    return Template(organization=CLUB, name="News")


def converted(owner, given):
    """Return the HTML of a content, and its HTML after it was turned into MJML."""
    before = html_of(owner, given)
    designing.convert(owner, given, Format.MJML)
    assert (given.format, given.blocks, given.slots) == (Format.MJML, [], {})
    return before, html_of(owner, given)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", sorted(BLOCKS))
def test_each_block_as_mjml_makes_the_same_html(owner, name, layout):
    owner.layout = LAYOUTS[layout]
    before, after = converted(owner, content(blocks=[text("<p>First</p>"), BLOCKS[name], BLOCKS["panel"]]))
    assert after == before


@pytest.mark.parametrize("layout", LAYOUTS)
def test_tags_stay_where_they_are(owner, layout):
    owner.layout = LAYOUTS[layout]
    own_footer = [] if owner.layout else [{"type": "footer"}]
    before, after = converted(owner, content(blocks=[*TAGGED, *own_footer]))
    assert after == before


@pytest.mark.parametrize("syntax", ["expressions", "plain"])
def test_content_in_another_syntax_is_turned_too(owner, syntax):
    owner.syntax = syntax
    blocks = [text("<p>Hi @contact.name, @@home, {{ nothing }} @(upper(contact.name)).</p>"), BLOCKS["heading"]]
    before, after = converted(owner, content(blocks=blocks))
    assert after == before


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize("slug", sorted(gallery.listed()))
def test_every_shipped_design_is_turned_into_mjml(owner, slug, language):
    design = gallery.listed()[slug]
    owner.layout = Layout(
        organization=CLUB, header=design.header_of("The Club"), footer=design.footer, style=dict(design.style)
    )
    given = content(language=language)
    for name, value in design.content(language, lambda name: {"url": f"https://pictures.invalid/{name}.png"}).items():
        setattr(given, name, value)
    before, after = converted(owner, given)
    assert after == before


def test_what_would_look_different_is_refused(owner):
    owner.layout = Layout(organization=CLUB, footer=[text("<p>Bye</p>", panel=True)])
    given = content(blocks=[text("<p>On one panel with the layout</p>", panel=True)])
    with pytest.raises(InvalidInput, match="Blocks cannot be turned into mjml exactly"):
        designing.convert(owner, given, Format.MJML)
    assert given.format == Format.BLOCKS and given.blocks


def test_the_words_of_slots_become_fixed(owner):
    given = content(blocks=[text("<p>Default</p>", slot="intro")], slots={"intro": "<p>Mine</p>"})
    before, after = converted(owner, given)
    assert after == before and "Mine</p>" in given.source and "Default" not in given.source


def test_the_source_is_written_to_be_read(owner):
    given = content(blocks=[text("<p>Hi</p>"), html("{% if contact.email %}"), text("x"), html("{% endif %}")])
    designing.convert(owner, given, Format.MJML)
    lines = [line.split(" css-class")[0].split(" background")[0] for line in given.source.splitlines()]
    assert lines[:6] == [
        "<mj-section",
        "  <mj-column>",
        "    <mj-text",
        "  </mj-column>",
        "</mj-section>",
        "{% if contact.email %}",
    ]


def test_content_becomes_html_that_is_sent_as_it_is(owner):
    given = content("markdown", source="# Hi")
    before = html_of(owner, given)
    designing.convert(owner, given, Format.HTML)
    assert (given.format, given.source, given.html, html_of(owner, given)) == (Format.HTML, "", before, before)


@pytest.mark.parametrize(
    ("format", "goal"), [("markdown", "mjml"), ("html", "blocks"), ("mjml", "blocks"), ("blocks", "x")]
)
def test_what_cannot_be_turned_exactly_is_refused(owner, format, goal):
    with pytest.raises(InvalidInput, match="cannot be turned into"):
        designing.convert(owner, content(format, source="x"), goal)


def test_tags_that_do_not_end_are_read_in_time_that_grows_with_their_length():
    begun = time.monotonic()
    converting._indented("<mj-a" * 40_000)
    assert time.monotonic() - begun < 1
