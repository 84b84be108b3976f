"""Each block as HTML, and what its fields may hold."""

import os
from pathlib import Path

import pytest

from broadcasts import designing
from tests.make import make_picture

from .made import content, html_of, refused, text, text_of

SNAPSHOTS = Path(__file__).parent / "snapshots"
BLOCKS = {
    "heading": {"type": "heading", "text": "Pool <em>closed</em>", "level": 1, "align": "center"},
    "text": text('<p>Dear {{ contact.name }},</p><ul><li>one</li></ul><p><a href="https://example.org">See</a></p>'),
    "small": text("<p>Small print</p>", size="small"),
    "panel": text("<p>On a panel</p>", panel=True),
    "image": {"type": "image", "url": "https://example.org/a.png", "alt": "A “pool”", "width": 200},
    "full": {"type": "image", "url": "https://example.org/a.png", "width": "full", "href": "{{ globals.site }}"},
    "button": {"type": "button", "text": "Book & pay", "href": "https://example.org/?a=1&b={{ contact.uuid }}"},
    "columns": {
        "type": "columns",
        "columns": [{"width": 40, "blocks": [text("Left")]}, {"width": 60, "blocks": [text("Right")]}],
    },
    "side_by_side": {"type": "columns", "stack": False, "panel": True, "columns": [{"blocks": [text("1")]}] * 3},
    "divider": {"type": "divider"},
    "spacer": {"type": "spacer", "height": 40},
    "social": {"type": "social", "links": [{"network": "x", "href": "https://x.com/club"}]},
    "quote": {"type": "quote", "html": "<p>Lovely water.</p>", "by": "A swimmer"},
    "html": {"type": "html", "html": '<table width="100%"><tr><td bgcolor="#eeeeee">Cell</td></tr></table>'},
    "footer": {"type": "footer"},
}


@pytest.mark.parametrize("name", sorted(BLOCKS))
def test_the_output_of_a_block_is_stable(name):
    """SNAPSHOTS=write writes them anew; look at what changed, since mail programs are easily upset."""
    body = html_of(BLOCKS[name]).partition("<body")[2].replace("><", ">\n<")
    path = SNAPSHOTS / f"{name}.html"
    if os.environ.get("SNAPSHOTS") == "write":
        path.write_text(f"<body{body}\n")
    assert path.read_text() == f"<body{body}\n"


def test_every_block_has_a_snapshot():
    assert {block["type"] for block in BLOCKS.values()} == set(designing.BLOCKS)


def test_the_styles_in_the_head_are_stable():
    head = html_of(BLOCKS["text"]).partition("<body")[0]
    path = SNAPSHOTS / "head.txt"
    if os.environ.get("SNAPSHOTS") == "write":
        path.write_text(f"{head}\n")
    assert path.read_text() == f"{head}\n"


@pytest.mark.parametrize(
    ("block", "path"),
    [
        ({"type": "headline"}, "type"),
        ({"type": ["text"]}, "type"),
        ("text", ""),
        ({"type": "heading", "text": " "}, "text"),
        ({"type": "heading", "text": "x", "level": 4}, "level"),
        ({"type": "heading", "text": "x", "level": True}, "level"),
        ({"type": "text", "html": 1}, "html"),
        ({"type": "text", "html": "x", "align": "middle"}, "align"),
        ({"type": "text", "html": "x", "colour": "red"}, "colour"),
        ({"type": "text", "html": "x\0"}, "html"),
        ({"type": "text", "html": "\ud800"}, "html"),
        ({"type": "text", "html": "x" * 100_001}, "html"),
        ({"type": "text", "html": "x", "slot": "1st"}, "slot"),
        ({"type": "divider", "slot": "line"}, "slot"),
        ({"type": "image"}, "media"),
        ({"type": "image", "media": "7"}, "media"),
        ({"type": "image", "url": "http://example.org/a.png"}, "url"),
        ({"type": "image", "url": "data:image/svg+xml,<svg>"}, "url"),
        ({"type": "image", "url": "https://example.org/a.png", "width": 601}, "width"),
        ({"type": "button", "text": "x"}, "href"),
        ({"type": "button", "text": "x", "href": "example.org"}, "href"),
        ({"type": "button", "text": "x", "href": "javascript:alert(1)"}, "href"),
        ({"type": "button", "text": "x", "href": "java{{ globals.x }}script:alert(1)"}, "href"),
        ({"type": "button", "text": "x", "href": "https://example.org/a b"}, "href"),
        ({"type": "spacer", "height": 0}, "height"),
        ({"type": "columns", "columns": [{"blocks": []}]}, "columns"),
        ({"type": "columns", "columns": [{"width": 50, "blocks": []}, {"width": 90, "blocks": []}]}, "columns"),
        ({"type": "social", "links": [{"network": "orkut", "href": "https://x.com"}]}, "links[0].network"),
        ({"type": "social", "links": [{"network": "x", "href": "x.com"}]}, "links[0].href"),
    ],
)
def test_what_a_block_may_not_hold_is_refused_at_its_field(block, path):
    assert list(refused(text(), block)) == [f"blocks[1].{path}".rstrip(".")]


def test_errors_within_columns_have_the_whole_path():
    column = {"blocks": [text(), {"type": "button", "text": "x", "href": ""}]}
    errors = refused({"type": "columns", "columns": [{"blocks": []}, column]})
    assert errors == {"blocks[0].columns[1].blocks[1].href": "Give this: it is needed."}


def test_columns_cannot_stand_within_columns():
    inner = {"type": "columns", "columns": [{"blocks": []}, {"blocks": []}]}
    errors = refused({"type": "columns", "columns": [{"blocks": [inner]}, {"blocks": []}]})
    assert errors == {"blocks[0].columns[0].blocks[0]": "Columns cannot stand within columns."}


def test_the_number_of_blocks_is_limited():
    assert refused(*[text()] * 201) == {"blocks": "There are more than 200 blocks; use fewer."}


def test_blocks_that_are_no_list_are_refused():
    assert refused(format="text", blocks={"type": "text"}) == {"blocks": "Give a list."}


def test_the_text_part_of_all_blocks_reads_well():
    names = ("heading", "text", "image", "button", "columns", "quote", "social", "footer")
    read = text_of(html_of(*(BLOCKS[name] for name in names)))
    assert read.startswith("Pool closed\n\nDear {{ contact.name }},\n\n- one\n\nSee (https://example.org)")
    assert "A “pool”" in read
    assert "Left\n\nRight" in read
    assert "\n\n\n" not in read


def test_nothing_of_others_is_referenced():
    """Neither fonts nor icons come from elsewhere."""
    document = html_of(*(block for name, block in BLOCKS.items() if name not in ("image", "full", "social")))
    addresses = [part.split('"')[0] for part in document.split('="http')[1:]]
    assert set(addresses) == {
        "://www.w3.org/1999/xhtml",
        "s://example.org",
        "s://example.org/?a=1&amp;b={{ contact.uuid }}",
    }
    assert "@import" not in document
    assert "<link" not in document


def test_the_table_is_given_as_json_to_the_editor():
    heading = designing.vocabulary()[0]
    assert (heading["type"], heading["words"]) == ("heading", "text")
    assert [field["name"] for field in heading["fields"]] == ["text", "level", "align", "panel"]
    assert heading["fields"][1] | {"help": ""} == {
        "name": "level",
        "kind": "number",
        "label": "Level",
        "help": "",
        "required": False,
        "default": 2,
        "choices": [],
        "min": 1,
        "max": 3,
    }


def test_the_alternative_text_of_the_library_is_no_template(club):
    picture = make_picture(club, "map.png", alternative_text="Map {{ of {% the @contact.name")
    image = content(blocks=[{"type": "image", "media": str(picture.uuid)}])
    html = designing.design(image, layout=None, organization=club, syntax="liquid").html
    assert 'alt="Map &#123;{ of &#123;% the' in html
