"""Liquid and expressions pass through the compilers byte for byte."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broadcasts import rendering
from broadcasts.exceptions import InvalidInput

from .made import CLUB, html, html_of, made, refused, text, text_of

TAGS = st.sampled_from(
    [
        '{{ contact.first_name | default: "friend" }}',
        "{{ '<b>' | append: contact.name }}",
        "{%- if contact.attributes.age < 18 and contact.name != '>' -%}y{%- endif -%}",
        "{% assign a = '&amp;' %}",
        "{{unsubscribe_url}}",
        "{% for a in (1..3) %}{{ a }}{% endfor %}",
        "{% comment %} 1 < 2 {% endcomment %}",
        "{{ contact.name\n}}",
    ]
)
EXPRESSIONS = st.sampled_from(
    ["@contact.name", '@(if(contact.name = "<", "&", ">"))', "@(1 < 2)", "@@", "@fields.plan", "@contact"]
)
ODD = st.sampled_from(["&eacute;", ".x", "<foo>", "é"])  # what cleaning turns into letters, or takes away
WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="{}@&<>"), max_size=12)


def found(source: str, syntax: str) -> list[str]:
    return [part for is_tag, part in rendering.tags_of(source, syntax, "") if is_tag]


@given(st.lists(st.one_of(TAGS, WORDS), max_size=8).map("".join))
@settings(max_examples=60, deadline=None)
def test_liquid_survives_in_text(source):
    if source.strip():
        assert found(html_of(html(f"<p>{source}</p>")), "liquid") == found(source, "liquid")


@given(
    st.lists(st.one_of(EXPRESSIONS, WORDS, st.sampled_from(["&eacute;", ".x", "<foo>", "é"])), max_size=8).map("".join)
)
@settings(max_examples=60, deadline=None)
def test_expressions_survive_in_text(source):
    if source.strip():
        document = html_of(text(f"<p>{source}</p>"), syntax="expressions")
        assert found(document, "expressions") == found(source, "expressions")


@given(st.lists(st.one_of(TAGS, WORDS.map(lambda words: "".join(words.split()))), max_size=5).map("".join))
@settings(max_examples=40, deadline=None)
def test_liquid_survives_in_an_address(source):
    button = {"type": "button", "text": "Go", "href": f"https://example.org/{source}"}
    try:
        document = html_of(button)
    except InvalidInput:  # words with spaces of other scripts
        return
    assert found(document, "liquid") == found(source, "liquid")


def test_a_loop_around_the_rows_of_a_table_stays_there():
    """Words between rows would be moved in front of the table."""
    source = "<table>{% for x in contact.attributes.l %}<tr><td>{{ x }}</td></tr>{% endfor %}</table>"
    document = html_of(html(source))
    assert re.search(r"<table><tbody>{% for x in contact.attributes.l %}<tr>", document)
    assert "</tr>{% endfor %}</tbody></table>" in document


def test_tags_around_blocks_stand_between_sections():
    blocks = [text("a"), html("{% if contact.name %}"), text("b"), html("{% else %}"), text("c"), html("{% endif %}")]
    document = html_of(*blocks)
    assert re.search(r"<!\[endif\]-->{% if contact.name %}<!--\[if mso", document)
    assert "".join(text_of(document).split()) == "a{%ifcontact.name%}b{%else%}c{%endif%}"


def test_tags_around_blocks_of_a_column_stand_between_rows_of_its_table():
    column = {"blocks": [html("{% if contact.name %}"), text("x"), html("{% endif %}")]}
    document = html_of({"type": "columns", "columns": [column, {"blocks": []}]})
    assert "<tbody>{% if contact.name %}<tr>" in document
    assert "</tr>{% endif %}</tbody>" in document


def test_a_tag_that_ends_in_another_block_is_refused_where_it_begins():
    assert refused(text("a{% if contact.name %}"), text("b{% endif %}"))["blocks[0].html"].startswith(
        "line 1: {% if contact.name %} begins or ends outside of this block"
    )


def test_a_tag_around_blocks_that_never_ends_is_refused_where_it_begins():
    errors = refused(html("{% if contact.name %}"), text())
    assert errors == {"blocks[0].html": "line 1: {% if contact.name %} begins or ends outside of these blocks."}


@pytest.mark.parametrize("source", ["<p {{ contact.name }}>x</p>", "<{{ contact.name }}>", "<script>{{ x }}</script>"])
def test_a_tag_where_cleaning_would_lose_it_is_refused(source):
    assert "stands where mail cannot have it" in refused(text(source))["blocks[0].html"]


def test_a_tag_that_misses_its_end_is_refused():
    assert refused(text("a\n{{ contact.name")) == {"blocks[0].html": "line 2: a tag misses its “}}”"}


def test_tags_that_an_editor_escaped_are_read():
    link = '<a href="{{ x | append: &quot;1&quot; }}">y</a>'
    document = html_of(text(f"<p>{{% if contact.attributes.age &lt; 18 &amp;&nbsp;1 %}}x{{% endif %}}{link}</p>"))
    assert "{% if contact.attributes.age < 18 & 1 %}" in document
    assert 'href="{{ x | append: "1" }}"' in document


def test_what_only_becomes_a_tag_by_cleaning_stays_text():
    assert found(html_of(text("&#123;{ contact.name }} {<foo></foo>{ x }}")), "liquid") == []
    assert found(html_of(text("&#64;contact.name @<foo></foo>contact.name @(")), "liquid") == []
    document = html_of(text("&#64;contact.name @(broken"), text("@contact.name"), syntax="expressions")
    assert found(document, "expressions") == ["@contact.name"]


def test_raw_liquid_is_cleaned_as_the_text_that_it_is():
    document = html_of(html("{% raw %}<b>{{ x }}</b><script>x</script>{% endraw %}"))
    assert "{% raw %}<b>&#123;{ x }}</b>{% endraw %}" in document


def test_plain_text_has_no_tags():
    assert "{{ contact.name }} @contact.name" in html_of(text("{{ contact.name }} @contact.name"), syntax="plain")


def test_a_comment_is_left_out_with_its_tags():
    assert "contact" not in html_of(html("a<!-- {{ contact.name }} -->b"))


def test_liquid_in_the_name_of_an_organization_is_text(monkeypatch):
    monkeypatch.setattr(CLUB, "name", "{{ contact.email }}")
    assert found(html_of({"type": "footer"}), "liquid") == ["{{ preferences_url }}", "{{ unsubscribe_url }}"]


def test_the_same_source_gives_the_same_html():
    assert made(blocks=[text("{{ contact.name }}")]).html == made(blocks=[text("{{ contact.name }}")]).html
