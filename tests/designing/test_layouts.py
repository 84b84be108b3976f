"""Layouts: header, footer and style around each kind of content."""

import pytest

from broadcasts import designing
from broadcasts.models import Layout

from .made import CLUB, html_of, made, refused, text, text_of

MJML = "<mjml><mj-body><mj-section><mj-column><mj-text>Words</mj-text></mj-column></mj-section></mj-body></mjml>"


def layout(**fields) -> Layout:
    around = {"header": [{"type": "heading", "text": "The club"}], "footer": [{"type": "footer"}]}
    return Layout(organization=CLUB, name="House", **{**around, **fields})


@pytest.mark.parametrize(
    ("format", "fields"),
    [
        ("blocks", {"blocks": [text("Words")]}),
        ("markdown", {"source": "Words"}),
        ("html", {"source": "<p>Words</p>"}),
        ("mjml", {"source": MJML}),
        ("mjml", {"source": MJML[15:-17]}),
    ],
)
def test_header_and_footer_stand_around_every_format(format, fields):
    lines = text_of(made(format, layout=layout(), **fields).html).split()
    assert lines[:3] == ["The", "club", "Words"]
    assert lines[3:6] == ["Riverside", "Club", "1"]
    assert lines[-1] == ["({{", "unsubscribe_url", "}})"][-1]


def test_a_style_has_colours_font_and_width():
    style = {"button": "#aa0011", "font": "georgia", "width": 520, "radius": 0, "dark_text": "#ABCDEF"}
    document = html_of(text(), {"type": "button", "text": "x", "href": "#x"}, layout=layout(style=style))
    assert "background:#aa0011" in document
    assert "font-family:Georgia, 'Times New Roman', serif" in document
    assert "max-width:520px" in document
    assert "max-width:600px" not in document
    dark = document.partition("(prefers-color-scheme: dark)")[2]
    assert "color: #ABCDEF !important" in dark
    assert "background: #aa0011 !important" in dark


def test_dark_mode_survives_and_light_styles_stand_in_the_elements():
    document = html_of(text("<p>x</p>"))
    head, _, body = document.partition("<body")
    assert "@media (prefers-color-scheme: dark)" in head
    assert '<meta name="color-scheme" content="light dark">' in head
    assert '<p style="margin: 0 0 14px;margin-bottom: 0;">x</p>' in body


@pytest.mark.parametrize(
    ("style", "path"),
    [
        ({"text": "red"}, "style.text"),
        ({"text": "#12345"}, "style.text"),
        ({"text": '#123456"><script>'}, "style.text"),
        ({"font": "Comic Sans"}, "style.font"),
        ({"font": ["system"]}, "style.font"),
        ({"width": 700}, "style.width"),
        ({"width": True}, "style.width"),
        ({"radius": -1}, "style.radius"),
        ({"colour": "#123456"}, "style.colour"),
        ([], "style"),
    ],
)
def test_a_style_that_is_wrong_is_named(style, path):
    assert list(designing.validate_style(style)) == [path]


def test_a_stored_style_that_is_wrong_is_passed_over():
    document = html_of(text(), layout=layout(style={"text": '"><script>', "width": 9000, "link": "#123456"}))
    assert "<script" not in document
    assert "max-width:600px" in document


def test_a_footer_has_its_words_in_the_language_and_is_all_that_liquid_needs():
    document = html_of({"type": "footer"}, language="de")
    assert 'href="{{ unsubscribe_url }}"' in document
    assert ">Abmelden</a>" in document
    other = html_of({"type": "footer"}, syntax="expressions")
    assert "Riverside Club<br>1 River Road<br>Springfield</div>" in other


def test_what_is_wrong_in_a_layout_is_named_as_its_own():
    wrong = layout(header=[{"type": "text", "html": "{{ contact.name"}])
    assert list(refused(text(), layout=wrong)) == ["layout.header[0].html"]


def test_a_layout_alone_says_nothing():
    assert made(layout=layout()).html == ""
