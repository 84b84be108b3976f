"""Hostile designs are refused or harmless, and never hold a worker."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from broadcasts.designing import validate_style
from broadcasts.exceptions import InvalidInput

from .made import html, html_of, made, refused, text

MOST_SECONDS = 5  # of CPU; most take a hundredth of it


@contextmanager
def in_no_time() -> Iterator[None]:
    """Do something that may be refused, and must end soon."""
    begun = time.thread_time()
    with suppress(InvalidInput):
        yield
    assert time.thread_time() - begun < MOST_SECONDS


@pytest.mark.parametrize(
    "source",
    [
        "<div>" * 10_000,
        "<b>" * 10_000 + "x",
        "<ul><li>" * 5_000,
        "<table><tr><td>" * 5_000,
        "<blockquote></b>" * 6_000,
    ],
)
def test_elements_nested_too_deeply_are_refused(source):
    assert "nested more than 100 deep" in refused(html(source))["blocks[0].html"]


@pytest.mark.parametrize(
    "source",
    [
        "<a " * 30_000,
        "<a '" * 25_000,
        "<" * 99_999,
        "<!--" * 25_000,
        "&" * 99_999,
        "<p>" * 30_000,
        "<a href=" * 12_000,
        "{" * 99_999,
        "<table>" * 99,
    ],
)
@pytest.mark.parametrize("format", ["html", "markdown", "blocks"])
def test_broken_html_takes_no_time(format, source):
    with in_no_time():
        made(format, source=source, blocks=[html(source)] if format == "blocks" else [])


@pytest.mark.parametrize(
    "source",
    [
        "[" * 50_000,
        "[](" * 30_000,
        "*" * 99_999,
        "*a_" * 30_000,
        "`" * 99_999 + "a",
        "> " * 50_000,
        "- " * 50_000,
        "|" * 50_000 + "\n" + "|-" * 25_000 + "x",
        ("|-" * 100 + "\n") * 400,
        "![" * 50_000,
        "<" * 50_000,
        "\n" * 99_999,
        "&a;" * 30_000,
    ],
)
def test_hostile_markdown_takes_no_time(source):
    with in_no_time():
        made("markdown", source=source)


def table(columns, rows):
    """A table in Markdown; the rows have a cell each, which a reader fills up."""
    return f"{'|a' * columns}|\n{'|-' * columns}|\n" + "x\n" * rows


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (table(2_000, 40), "line 2: this table has more than 100 columns; use fewer."),
        ("Words\n\n> |a|b\n> :-: | -" + "|-" * 99, "line 4: this table has more than 100 columns; use fewer."),
        (table(100, 100), "All tables together have more than 10,000 cells; use fewer."),
        ("\n".join([table(50, 10)] * 40), "All tables together have more than 10,000 cells; use fewer."),
    ],
)
def test_tables_that_would_take_long_are_refused(source, words):
    with in_no_time():
        assert refused(format="markdown", source=source) == {"source": words}


def test_a_large_table_is_made():
    assert made("markdown", source=table(100, 90)).html.count("</td>") >= 9_000


@pytest.mark.parametrize(
    "source",
    [
        "<mj-section>" * 10_000,
        "<mj-section></mj-section>" * 10_000,
        "<mj-text " * 20_000,
        "<mjml>" + "<!--" * 50_000,
        '<mj-section a="' * 20_000,
        "<mj-section " + 'a="1" ' * 50_000 + "/>",
        "</mj-section>" * 10_000,
    ],
)
def test_hostile_mjml_is_refused_in_no_time(source):
    with in_no_time():
        made("mjml", source=source)


@pytest.mark.parametrize(
    "source",
    [
        "<script>x()</script>",
        "<style>@import url(https://evil.example)</style>",
        "<iframe src='https://evil.example'></iframe>",
        "<img src=x onerror=x()>",
        "<a href='javascript:x()'>y</a>",
        "<a href=' jav&#x09;ascript:x()'>y</a>",
        "<svg><script>x()</script></svg>",
        "<math><mtext><script>x()</script></mtext></math>",
        "<form action='https://evil.example'><input></form>",
        "<object data='x'></object><embed src='x'>",
        "<meta http-equiv='refresh' content='0'>",
        "<base href='https://evil.example'>",
        "<link rel='stylesheet' href='https://evil.example'>",
        "<noscript><p title='</noscript><script>x()</script>'>",
        "<body onload=x()>",
    ],
)
@pytest.mark.parametrize("format", ["html", "markdown", "blocks"])
def test_what_could_run_or_fetch_is_left_out(format, source):
    document = made(format, source=f"Hi {source} you", blocks=[text(f"Hi {source} you")] if format == "blocks" else [])
    body = document.html.partition("<body")[2]
    for bad in ("<script", "evil.example", "x()", "<iframe", "<form", "<object", "<svg", "<base", "<noscript"):
        assert bad not in body
    assert "Hi" in body


def test_a_result_that_is_too_large_is_refused():
    errors = refused(*[text("<p>" + "x " * 20_000 + "</p>")] * 40)
    assert errors == {"blocks": "The HTML becomes longer than 1,000,000 characters; use fewer blocks."}


def test_a_source_that_is_too_long_or_has_control_characters_is_refused():
    assert "longer than 500,000" in refused(format="markdown", source="x" * 500_001)["source"]
    assert "control character" in refused(format="markdown", source="x\0")["source"]


def test_a_format_that_is_not_known_is_refused():
    assert "use html, text, blocks, markdown, mjml" in refused(format="docx")["format"]


def test_entities_do_not_multiply():
    source = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]><p>&b;</p>'
    assert "aaaaaaaaaaaa" not in made("html", source=source).html
    assert "source" in refused(format="mjml", source=source)


def test_two_hundred_blocks_are_made_in_time():
    begun = time.thread_time()
    html_of(*[text("<p>Hello {{ contact.name }}</p>")] * 200)
    assert time.thread_time() - begun < MOST_SECONDS


@pytest.mark.parametrize(
    "fields",
    [
        {"format": "mjml", "source": "<!---->" * 40 + "x"},
        {"format": "html", "source": '<slot name="a">' * 30_000},
        {"format": "html", "source": '<slot name="a"/>' * 30_000, "slots": {"a": "x" * 100_000}},
        {"format": "html", "source": '<slot name="a"/>' * 90, "slots": {"a": "x" * 100_000}},
        {"format": "markdown", "source": '<slot name="a"/>', "slots": {"a": "[" * 50_000}},
        {"blocks": [html("<table" * 16_000)]},
        {"blocks": [html("<p><b>a</b></p>" * 6_000)] * 200},
    ],
)
def test_what_multiplies_is_bounded(fields):
    with in_no_time():
        made(**fields)


def styled(css: str, n: int) -> str:
    words = f"<mj-section><mj-column><mj-text>{'<b>q</b>' * n}</mj-text></mj-column></mj-section>"
    return f'<mjml><mj-head><mj-style inline="inline">{css}</mj-style></mj-head><mj-body>{words}</mj-body></mjml>'


def test_long_rules_for_many_elements_are_refused():
    errors = refused(format="mjml", source=styled(f"b {{ background: {'x' * 5_000} }}", 10_000))
    assert "rules of mj-style are too long for so many elements" in errors["source"]
    assert "background: red" in made("mjml", source=styled("b { background: red }", 100)).html


def test_long_attributes_for_many_elements_are_refused():
    words = "<mj-text>a</mj-text>" * 1_500
    head = "".join(f'<mj-class name="c{n}" font-family="{"x" * 1_900}" />' for n in range(10))
    body = f"<mj-body><mj-section><mj-column>{words}</mj-column></mj-section></mj-body>"
    errors = refused(
        format="mjml", source=f"<mjml><mj-head><mj-attributes>{head}</mj-attributes></mj-head>{body}</mjml>"
    )
    assert "mj-attributes are too long for so many elements" in errors["source"]


def test_a_comment_that_only_a_parser_sees_is_left_out():
    body = html_of(html('<x "><!--[if mso]><script>x()</script><![endif]-->Hi')).partition("<body")[2]
    assert "x()" not in body
    assert "Hi" in body


def test_null_in_a_slot_is_the_same_as_nothing():
    button = {"type": "button", "text": "Read", "href": "https://example.org/", "slot": "go"}
    document = made(blocks=[button], slots={"go": {"href": None, "text": None}})
    assert 'href="https://example.org/"' in document.html
    assert "Read" in document.html


def test_a_font_that_is_no_text_is_refused():
    assert "style.font" in validate_style({"font": []})


@pytest.mark.parametrize("start", ["{{ '' }}javascript:x()", "{{ c }}java{{ b }}script:x()"])
def test_an_address_cannot_hide_a_script_behind_a_tag(start):
    button = {"type": "button", "text": "Read", "href": start.replace(" ", "")}
    assert "“javascript:” is no address" in refused(button)["blocks[0].href"]
