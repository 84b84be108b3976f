"""Slots: words that may be written where the design is fixed."""

import pytest

from broadcasts import designing

from .made import content, html_of, made, refused, text, text_of


def slots(format: str, **fields):
    return designing.slots_of(content(format, **fields))


def test_the_slots_of_blocks_are_listed_with_what_stands_there():
    button = {"type": "button", "text": "Go", "href": "https://example.org", "slot": "call-to_act"}
    column = {"blocks": [{"type": "heading", "text": "News", "slot": "title"}]}
    found = slots(
        "blocks", blocks=[text(slot="intro"), {"type": "columns", "columns": [column, column | {"blocks": []}]}, button]
    )
    assert [(one.name, one.label, one.kind) for one in found] == [
        ("intro", "Intro", "rich"),
        ("title", "Title", "inline"),
        ("call-to_act", "Call to act", "button"),
    ]
    assert found[2].default == {"text": "Go", "href": "https://example.org"}


@pytest.mark.parametrize(("format", "kind"), [("markdown", "markdown"), ("html", "html"), ("mjml", "html")])
def test_the_slots_of_a_source_are_listed(format, kind):
    source = '<mj-text><slot name="a">Default *words*</slot><slot name="b"/><slot name="a"></slot></mj-text>'
    found = slots(format, source=source)
    assert [(one.name, one.kind, one.default) for one in found] == [("a", kind, "Default *words*"), ("b", kind, "")]


def test_what_is_null_in_the_words_of_a_slot_stays_as_the_design_has_it():
    picture = {"type": "image", "url": "https://example.org/a.png", "alt": "A hall", "slot": "hall"}
    html = html_of(picture, slots={"hall": {"media": None, "url": None, "alt": "Our hall"}})
    assert 'src="https://example.org/a.png"' in html
    assert 'alt="Our hall"' in html


def test_words_replace_what_stands_in_a_block():
    shown = text_of(html_of(text("<p>Old</p>", slot="intro"), slots={"intro": "<p>New {{ contact.name }}</p>"}))
    assert shown == "New {{ contact.name }}"
    assert text_of(html_of(text("<p>Old</p>", slot="intro"), slots={"other": "x", "intro": ""})) == "Old"


def test_a_button_takes_its_text_and_its_address():
    button = {"type": "button", "text": "Go", "href": "https://example.org", "slot": "call"}
    assert text_of(html_of(button, slots={"call": {"href": "https://example.com"}})) == "Go (https://example.com)"
    assert text_of(html_of(button, slots={"call": "Come"})) == "Come (https://example.org)"


@pytest.mark.parametrize("format", ["markdown", "html", "mjml"])
def test_words_replace_what_stands_in_a_source(format):
    source = 'Hi <slot name="a">old</slot>, <slot name="b">there</slot>'
    if format == "mjml":
        source = f"<mj-section><mj-column><mj-text>{source}</mj-text></mj-column></mj-section>"
    document = made(format, source=source, slots={"a": "{{ contact.name }}<script>x</script>"}).html
    assert text_of(document) == "Hi {{ contact.name }}, there"


def test_words_of_a_slot_cannot_end_the_elements_around_it():
    source = '<div><b><slot name="a"></slot></b>inside</div>'
    document = made("html", source=source, slots={"a": "</b></div><p>x"}).html
    assert "</b>inside</div>" in document


@pytest.mark.parametrize(
    ("slots", "path"),
    [
        ({"a": 1}, "slots.a"),
        ({"a": {"href": "https://example.org"}}, "slots.a"),
        ({"1 b": "x"}, "slots.1 b"),
        ({"a": "{{ contact.name"}, "slots.a"),
        ({"a": "{% if contact.name %}"}, "slots.a"),
        ({"a": "x\0"}, "slots.a"),
        ({f"a{number}": "" for number in range(101)}, "slots"),
    ],
)
@pytest.mark.parametrize("format", ["blocks", "markdown"])
def test_wrong_words_are_refused_at_their_slot(format, slots, path):
    source = '<slot name="a">x</slot>'
    assert list(refused(text(slot="a"), format=format, source=source, slots=slots)) == [path]


def test_a_slot_of_a_button_takes_no_address_that_runs():
    button = {"type": "button", "text": "Go", "href": "https://example.org", "slot": "call"}
    errors = refused(button, slots={"call": {"href": "javascript:x", "align": "left"}})
    assert list(errors) == ["slots.call.align"]
    assert list(refused(button, slots={"call": {"href": "javascript:x"}})) == ["slots.call.href"]


def test_each_slot_has_a_name_of_its_own():
    errors = refused(text(slot="a"), text(slot="a"))
    assert errors == {"blocks[1].slot": "Another block has the slot “a”; each needs a name of its own."}
