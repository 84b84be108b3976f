"""The language of expressions, held against its reference: cases that its vendor's evaluator gave, and rules."""

import json
from pathlib import Path

import pytest

from broadcasts.rendering.expressions import Person

from .reference import joe, render, scope
from .rules import RULES, STYLES

DATA = Path(__file__).parent / "data"
CASES = json.loads((DATA / "expressions.json").read_text())["cases"]
EXAMPLES = json.loads((DATA / "reference.json").read_text())  # each example of the reference


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["template"])
def test_the_cases_of_the_contract_read_byte_for_byte(case):
    assert render(case["template"]) == (case["output"], case["error"])


@pytest.mark.parametrize(("section", "template", "text"), EXAMPLES, ids=lambda value: str(value)[:60])
def test_each_example_of_the_reference_reads_as_it_says(section, template, text):
    shown, error = render(template, joe(email="joe@example.com"))
    assert (shown, bool(error)) == (text or "", text is None), error


@pytest.mark.parametrize(("rule", "template", "text"), RULES, ids=lambda value: str(value)[:60])
def test_each_rule_of_the_reference_holds(rule, template, text):
    shown, error = render(template, joe(email="joe@example.com"))
    assert (shown, bool(error)) == (text or "", text is None), error


@pytest.mark.parametrize(("written", "shown"), STYLES)
def test_days_are_read_in_the_style_of_the_organization(written, shown):
    found = [
        render(f'@(date("{written}"))', joe(scope(style)))[0] for style in ("day_first", "month_first", "year_first")
    ]
    assert found == shown


@pytest.mark.parametrize(
    ("names", "text"),
    [
        ("spa", "jue 5 marzo, 3 pm"),
        ("spa-ES", "jue 5 marzo, 3 p.\u202fm."),
        ("fra", "jeu. 5 mars, 3 pm"),
        ("por", "qui 5 março, 3 pm"),
        ("swa", "Thu 5 Machi, 3 alasiri"),
        ("kin", "Thu 5 Werurwe, 3 pm"),
    ],
)
def test_names_of_days_and_months_are_in_the_language_of_the_organization(names, text):
    template = '@(format_datetime("2026-03-05 15:00", "EEE D MMMM, h aa"))'
    assert render(template, joe(scope(names=names))) == (text, "")


def test_a_wall_time_that_summer_time_skips_is_an_hour_earlier():
    new_york = joe(scope(zone="America/New_York"))
    assert render('@(datetime("2026-03-08 02:30"))', new_york)[0] == "2026-03-08T01:30:00.000000-05:00"
    assert render('@(datetime("2026-11-01 01:30"))', new_york)[0] == "2026-11-01T01:30:00.000000-04:00"


def test_calendar_units_keep_the_wall_time_and_clock_units_the_distance():
    new_york = joe(scope(zone="America/New_York"))
    assert render('@(datetime_add("2026-03-07 12:00", 1, "D"))', new_york)[0] == "2026-03-08T12:00:00.000000-04:00"
    assert render('@(datetime_add("2026-03-07 12:00", 24, "h"))', new_york)[0] == "2026-03-08T13:00:00.000000-04:00"


def test_a_contact_without_a_name_is_shown_by_the_first_address():
    assert render("@contact", joe(full_name=""))[0] == "0788 123 123"
    assert render("@contact", joe(full_name="", phone="", email="joe@example.com"))[0] == "joe@example.com"
    assert render("[@contact]", joe(full_name="", phone=""))[0] == "[]"


def test_a_contact_whose_first_address_is_odd_is_shown_by_it_and_has_all_its_values():
    odd = joe(full_name="", phone="", external_id="?x")
    assert render('@contact @(contact) @(contact["language"])', odd) == ("?x ?x eng", "")


def test_the_lines_of_all_fields_are_written_once_for_a_person(monkeypatch):
    calls, lines = [], Person._lines
    monkeypatch.setattr(Person, "_lines", lambda person: calls.append(1) or lines(person))
    assert render('@(fields["age"]) @(contact.fields["age"])') == ("34 34", "")
    assert not calls
    assert render('@(fields & fields & contact["fields"])')[0].count("Age: 34") == 3
    assert len(calls) == 1


def test_a_value_that_does_not_fit_the_type_of_its_field_is_none():
    person = joe(attributes={"age": "abc", "due_date": "soon", "nickname": ""})
    assert render("[@fields.age@fields.due_date@fields.nickname]", person) == ("[]", "")


def test_a_moment_is_shown_at_the_distance_that_the_organization_has_then():
    assert render("@fields.due_date @(tz(fields.due_date))", joe())[0] == "2026-03-05T14:30:00.000000+02:00 "


def test_what_people_are_called_is_not_read_as_an_expression():
    assert render("@contact.name", joe(full_name="@fields.age @(1 + 1)"))[0] == "@fields.age @(1 + 1)"


@pytest.mark.parametrize(
    ("start", "end", "hours"), [("03-08 00:00", "03-08 04:00", "3"), ("11-01 00:00", "11-01 04:00", "5")]
)
def test_hours_between_two_moments_are_those_that_pass(start, end, hours):
    template = f'@(datetime_diff("2026-{start}", "2026-{end}", "h"))'
    assert render(template, joe(scope(zone="America/New_York")))[0] == hours


@pytest.mark.parametrize("stored", ["NaN", "Infinity", "1e5", "1_000", "+5", "5."])
def test_a_text_that_is_no_number_is_none_in_a_field_of_numbers(stored):
    assert render('[@fields.age@(default(fields.age, "-"))]', joe(attributes={"age": stored}))[0] == "[-]"


@pytest.mark.parametrize(
    "inner",
    [
        'parse_json(repeat("[", 5000))',
        'format_datetime(now(), "tt", "Nowhere/City")',
        'regex_match(parse_json("\\"\\\\ud800\\""), "a")',
    ],
)
def test_every_fault_of_a_function_is_an_error_that_default_replaces(inner):
    assert render(f'@(default({inner}, "x"))')[0] == "x"


@pytest.mark.parametrize(
    ("inner", "text"),
    [
        ('format_date("0005-03-04")', "0005-03-04"),
        ('format(datetime("0999-03-04 10:00"))', "0999-03-04 10:00"),
        ('format_datetime("0999-03-04", "YYYY YY")', "0999 99"),
        ('datetime_add("0999-12-31T00:00:00Z", 1, "D")', "1000-01-01T00:00:00.000000Z"),
        ('date_from_parts(5, 3, 4) & weekday("0005-03-04")', "0005-03-045"),
        ('parse_datetime("0005-03-04", "YYYY-MM-DD", "UTC")', "0005-03-04T00:00:00.000000Z"),
        ("fields.due_date", "0900-01-05T02:00:16.000000+02:00"),
        ('json(date("0005-03-04"))', '"0005-03-04"'),
    ],
)
def test_a_year_has_four_digits(inner, text):
    person = joe(scope("year_first"), attributes={"due_date": "0900-01-05T00:00:00+00:00"})
    assert render(f"@({inner})", person)[0] == text
