"""The parameters of a template as fields: what it asks for, what it has no place for, and back to JSON."""

import pytest

from broadcasts.admin.parameter_fields import parameter_fields, parameter_values, with_parameters

STRUCTURE = {
    "header": {"kind": "text", "text": "Hello {{1}}", "parameters": ["1"]},
    "body": {"text": "On {{day}} at {{place}}", "parameters": ["day", "place"]},
    "buttons": [{"kind": "phone_number", "text": "Call"}, {"kind": "flow", "text": "Book"}],
    "named": True,
}


def names(structure, value):
    return [one.name for one in parameter_fields(structure, value)]


def test_what_a_template_asks_for_has_a_field_though_nothing_is_written():
    assert names(STRUCTURE, {}) == ["header.text", "body.day", "body.place", "flow.token"]
    assert [one.label for one in parameter_fields(STRUCTURE, {})][1:3] == ["Day", "Place"]


def test_what_it_has_no_place_for_can_be_seen_and_removed():
    value = {"body": {"day": "Monday", "hour": "10"}}
    [stray] = [one for one in parameter_fields(STRUCTURE, value) if "no place" in one.label]
    assert stray.name == "body.hour"
    assert with_parameters(STRUCTURE, value, {"body.hour": ""}) == {"body": {"day": "Monday"}}


@pytest.mark.parametrize(
    "value",
    [
        {"body": ["Monday", "Pool"]},
        {"body": {"day": "Monday"}, "header": {"text": {"name": "Joe"}}},
        {
            "buttons": [{"index": 1, "payload": "x"}],
            "flow": {"index": 1, "token": "t", "data": {"screen": "A", "n": 1}},
        },
        {"location": {"latitude": 40.4, "longitude": -3.7}},
        {"body": [{"currency": {"fallback_value": "€ 1", "code": "EUR", "amount_1000": 1000}}]},
    ],
)
def test_parameters_that_nobody_touches_stay_as_they_are(value):
    fields = parameter_fields(STRUCTURE, value)
    assert with_parameters(STRUCTURE, value, parameter_values(fields, value)) == value


def test_a_value_in_the_middle_that_is_blank_keeps_the_place_of_the_next():
    structure = {"body": {"text": "{{1}} {{2}}", "parameters": ["1", "2"]}, "named": False}
    assert with_parameters(structure, {}, {"body.0": "", "body.1": "x"}) == {"body": ["", "x"]}


def test_a_flow_is_written_at_the_place_of_its_button():
    assert with_parameters(STRUCTURE, {}, {"flow.token": "t"}) == {"flow": {"token": "t", "index": 1}}
