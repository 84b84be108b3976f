"""The fields that content is edited in, as far as the server has a hand in them."""

import json
import re
from pathlib import Path

import pytest
from django.core.exceptions import ValidationError
from django.urls import reverse

from broadcasts import designing
from broadcasts.admin import editors
from tests.make import make_picture

from .conftest import sign_in

STATIC = Path(editors.__file__).parents[1] / "static/broadcasts"


def test_each_block_has_an_icon():
    icons = set(re.findall(r'symbol id="(\w+)"', (STATIC / "icons.svg").read_text()))
    assert set(designing.BLOCKS) <= icons


def test_the_script_has_a_field_for_each_kind_of_the_vocabulary():
    kinds = {field["kind"] for block in editors.vocabulary() for field in block["fields"]}
    drawn = set(re.findall(r"\b(\w+): \w+Field\b", (STATIC / "block_fields.js").read_text()))
    assert kinds <= drawn


def test_the_blocks_of_a_form_stand_beside_the_kinds_of_blocks_that_there_are():
    html = editors.BlocksWidget(has_slots=True).render("blocks", "[]", {"id": "id_blocks"})
    [known] = re.findall(r'<script id="id_blocks_vocabulary" type="application/json">(.*?)</script>', html)
    assert [one["type"] for one in json.loads(known)] == list(designing.BLOCKS)
    assert "data-slot-names" in html
    assert "data-slot-names" not in editors.BlocksWidget().render("blocks", "[]", {"id": "id_blocks"})


def test_the_style_can_have_each_colour_that_a_layout_may_have():
    colours = [one["name"] for one in editors.style_fields() if one["kind"] == "colour"]
    assert colours == list(designing.COLOURS)
    assert (
        designing.validate_style({one["name"]: one["default"] for one in editors.style_fields() if one.get("default")})
        == {}
    )


@pytest.mark.parametrize(
    ("field", "text", "said"),
    [
        (editors.BlocksField, '{"type": "text"}', "Give a list in brackets, such as []."),
        (editors.SlotsField, "[]", 'Give an object in braces, such as {"intro": "Welcome"}.'),
        (editors.StyleField, '"blue"', 'Give an object in braces, such as {"link": "#0b57d0"}.'),
        (editors.BlocksField, "[", "This is not valid JSON: line 1, column 2: Expecting value."),
    ],
)
def test_json_of_another_shape_is_refused(field, text, said):
    with pytest.raises(ValidationError) as error:
        field().clean(text)
    assert error.value.messages == [said]


def test_blank_fields_are_empty():
    assert [editors.BlocksField().clean(""), editors.SlotsField().clean(""), editors.StyleField().clean("")] == [
        [],
        {},
        {},
    ]


def test_errors_and_slots_are_told_as_the_scripts_read_them():
    slot = designing.Slot("intro", "Intro", "rich", "<p>Hi</p>")
    assert json.loads(editors.written_errors({"slots.intro": "Give a text."})) == [
        {"path": "slots.intro", "words": "Give a text."}
    ]
    assert json.loads(editors.written_slots([slot])) == [
        {"name": "intro", "label": "Intro", "kind": "rich", "default": "<p>Hi</p>"}
    ]


def test_the_picker_finds_the_one_picture_that_a_block_names(author, club):
    picture = make_picture(club)
    make_picture(club, name="other.png")
    asked = {"organization": club.pk, "uuid": str(picture.uuid)}
    items = sign_in(author.user).get(reverse("admin:broadcasts_media_pick"), asked).json()["items"]
    assert [one["uuid"] for one in items] == [str(picture.uuid)]
