"""The designs that ship: complete in each language, readable, small, and in colours that can be told apart."""

import json
import re
from html.parser import HTMLParser

import pytest
from django.contrib.staticfiles import finders

from broadcasts import designing, starting
from broadcasts.designing import gallery

DESIGNS = sorted(gallery.listed())
EACH = [(slug, language) for slug in DESIGNS for language in ("en", "es")]
LARGEST = 60_000  # bytes
ENOUGH = 4.5  # the contrast that WCAG 2.2 asks of text, level AA
WRITTEN_ON = [  # text, what it stands on
    ("text", "body"),
    ("heading", "body"),
    ("quiet", "body"),
    ("quiet", "background"),
    ("link", "body"),
    ("text", "panel"),
    ("heading", "panel"),
    ("quiet", "panel"),
    ("link", "panel"),
    ("button_text", "button"),
]


class Outline(HTMLParser):
    """What a program that is not ours reads of HTML."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.pictures: list[dict[str, str | None]] = []
        self.links: list[str] = []
        self.widths: list[int] = []
        self.headings = 0
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        if tag == "img":
            self.pictures.append(given)
        if tag == "a":
            self.links.append(given.get("href") or "")
        self.headings += tag == "h1"
        width = given.get("width") or ""
        self.widths += [int(width)] if width.isdigit() else []
        self.widths += map(int, re.findall(r"(?<![-\w])(?:max-)?width:\s*(\d+)px", given.get("style") or ""))


def luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@pytest.fixture
def shown(club):
    club.postal_address = "1 Pool Lane, Springfield"

    def show(slug, language):
        preview = starting.preview(gallery.listed()[slug], club, language)
        assert preview.errors.keys() <= {"channel"}
        return preview

    return show


@pytest.mark.parametrize(("slug", "language"), EACH)
def test_a_design_is_small_and_no_wider_than_mail(shown, slug, language):
    html = shown(slug, language).html
    outline = Outline(html)
    assert len(html.encode()) < LARGEST
    assert max(outline.widths) <= 600
    assert outline.headings == (0 if slug == "letter" else 1)


@pytest.mark.parametrize(("slug", "language"), EACH)
def test_a_design_shows_our_own_pictures_alone_each_with_its_alternative(shown, slug, language):
    outline = Outline(shown(slug, language).html)
    for picture in outline.pictures:
        name = (picture["src"] or "").removeprefix(starting.UNSTORED)
        assert finders.find(f"{gallery.STATIC}/{name}"), picture
        assert picture.get("alt") is not None and bool(picture["alt"]) is not name.startswith("icon-")


@pytest.mark.parametrize(("slug", "language"), EACH)
def test_the_text_part_of_a_design_can_be_read(shown, slug, language):
    text = shown(slug, language).text
    assert not re.search(r"[<>{}]|&\w+;|\$\w", text)
    words = gallery.listed()[slug].words[language]
    said = {name: re.sub(r"<[^>]+>|{[{%].*?[%}]}", "\n", words[name]) for name in words}
    lines = [line for name in said if name not in gallery.ENVELOPE for line in said[name].split("\n") if len(line) > 20]
    flat = " ".join(text.split())
    missing = [line for line in lines if " ".join(line.split()) not in flat]
    pictures = {words[key.removeprefix("$")] for key in gallery.listed()[slug].pictures().values() if key}
    assert set(missing) <= pictures


@pytest.mark.parametrize("scheme", ["", "dark_"])
@pytest.mark.parametrize("slug", DESIGNS)
def test_all_words_of_a_design_stand_out_from_what_they_stand_on(slug, scheme):
    style = gallery.listed()[slug].style
    weak = {(one, other): contrast(style[scheme + one], style[scheme + other]) for one, other in WRITTEN_ON}
    assert {pair: round(ratio, 2) for pair, ratio in weak.items() if ratio < ENOUGH} == {}


@pytest.mark.parametrize("slug", DESIGNS)
def test_a_design_says_the_same_in_each_language_and_no_word_is_left_over(slug):
    design = gallery.listed()[slug]
    used = {*gallery.ENVELOPE, *re.findall(r'"\$(\w+)"', json.dumps(design.blocks))}
    assert {language: set(words) for language, words in design.words.items()} == {"en": used, "es": used}


@pytest.mark.parametrize("slug", DESIGNS)
def test_all_words_of_a_design_can_be_written_where_it_is_fixed(slug):
    content = gallery.listed()[slug].content("en", lambda name: {"url": f"https://pictures.example/{name}.png"})
    blocks = [block for _, block in designing.walk(content["blocks"])]
    silent = [block["type"] for block in blocks if "slot" not in block and block.get("alt") != ""]
    assert set(silent) <= {"columns", "divider", "spacer"}
    slots = [block["slot"] for block in blocks if "slot" in block]
    assert len(slots) == len(set(slots)) >= 5


def test_every_file_of_the_gallery_belongs_to_a_design_and_is_small():
    named = {f"{name}.png" for design in gallery.listed().values() for name in (*design.pictures(), design.slug)}
    folder = gallery.FOLDER.parents[1] / "static" / gallery.STATIC
    files = {path.name: path.stat().st_size for path in folder.iterdir()}
    assert set(files) == named
    assert max(files.values()) < 120_000
    assert {path.stem for path in gallery.DRAWINGS.glob("*.svg")} == {name[:-4] for name in named} - set(DESIGNS)
    assert {path.stem for path in gallery.FOLDER.glob("*.json")} == set(gallery.ORDER)


@pytest.mark.parametrize(("asked", "found"), [("es", "es"), ("es-MX", "es"), ("fr", "en"), ("en-GB", "en")])
def test_a_reader_gets_the_nearest_language_of_a_design(asked, found):
    assert gallery.listed()["notice"].in_language(asked) == found


def test_the_name_of_an_organization_is_no_tag_in_any_syntax():
    [block] = gallery.listed()["notice"].header_of("Tom & {{ contact.email }} @contact.email")
    assert block["html"] == ("<strong>Tom &amp; &#123;&#123; contact.email &#125;&#125; &#64;contact.email</strong>")
