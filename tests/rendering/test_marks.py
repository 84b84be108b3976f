"""What is said about expressions that are wrong; they are no reason to refuse a text."""

import pytest

from broadcasts.models import Attribute
from broadcasts.rendering import validate_content, warnings
from broadcasts.rendering.expressions import Expression
from broadcasts.rendering.translating import to_liquid

pytestmark = pytest.mark.one_database


@pytest.fixture
def marked(club):
    """Return the first mark of a text, "" for none."""
    Attribute.register(club, {"plan": "pro", "age": 34})
    club.globals = {"pool": "North"}

    def marked(text: str) -> str:
        validate_content(club, "expressions", {"text": text})
        return warnings(club, "expressions", {"text": text}).get("text", [""])[0]

    return marked


@pytest.mark.parametrize(
    "text",
    [
        "Hi @contact.first_name, @fields.plan @(upper(globals.pool)) a@example.com @nyaruka @media.css x@b.c",
        '@(join(foreach(contact.groups, extract, "name"), ", ")) @(contact["nope"]) @@contact.nme',
        "@(default(fields.age, 0) + 1)",
    ],
)
def test_good_expressions_have_no_mark(marked, text):
    assert marked(text) == ""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Hi\n  @contact.nme", "line 2, column 12: contact.nme is not known; did you mean contact.name?"),
        ("@(fields.agee)", "line 1, column 10: fields.agee is not known; did you mean fields.age?"),
        ("@contact.fields.zzz", "contact.fields.zzz is not known; known: age, plan"),
        ("@globals.zzz", "globals.zzz is not known; known: pool"),
        ("@urns.fax", "urns.fax is not known; "),
        ("joe@contact.com", "contact.com is not known"),
        ("@(uppr(contact.name))", "line 1, column 3: uppr is not known; did you mean upper?"),
        ("@(left(contact.name, 3))", "left is not known; use text_slice(text, 0, count)"),
        ("@(plan)", "plan is not known; did you mean fields.plan?"),
        ("@(lft(contact.name, 3))", "lft is not known; for left, use text_slice(text, 0, count)"),
        ('@(concatenat("a", "b"))', "concatenat is not known; for concatenate, join texts with &"),
        ('@(has_catgory("a", "b"))', "for has_category, it tests the result of a flow, which broadcasts do not have"),
        ('@(has_phras("a", "b"))', "has_phras is not known; did you mean has_phrase?"),
        ("@contact.phone", "contact.phone is not known; did you mean urns.tel?"),
        ("@contact.emial", "contact.emial is not known; did you mean urns.mailto?"),
        ("@contact.agee", "contact.agee is not known; did you mean fields.age?"),
        (
            "You said @results.color",
            "line 1, column 10: @results is a name of flows, which broadcasts do not have, so it",
        ),
        ("@(upper(results.color))", "results is a name of flows, which broadcasts do not have"),
        ("@(upper())", "line 1, column 3: upper takes 1 argument, not 0"),
        ("@(round(1, 2, 3))", "round takes 1 to 2 arguments, not 3"),
        ("@(max())", "max takes at least 1 argument, not 0"),
        ("Hi\n@(upper(contact.name", "line 2, column 1: the bracket of “@(” is never closed, so it is sent as it is"),
        ("@contct.name", "line 1, column 1: @contct is not known, so it is sent as it is; did you mean contact?"),
        ("@(1 == 2)", "line 1, column 6: this cannot be read from “= 2” on; equality is a single ="),
        ("@(upper(\u201cx\u201d))", "texts stand in straight double quotes"),
        ("@()", "there is nothing in “@()”"),
        ("@(1 +)", "something is missing at the end of the expression"),
        ("@(1/0)", "this is always empty: division by zero"),
        ("@(" + "(" * 200 + "1" + ")" * 200 + ")", "brackets more than 100 deep"),
        ("@(contact" + "[0]" * 600 + ")", "more than 100 lookups and calls in a row; split it up"),
        ("@((x) => x + y)", "line 1, column 14: y is not known"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(marked, text, said):
    assert said in marked(text)


def test_there_are_no_marks_in_liquid(club):
    assert warnings(club, "liquid", {"text": "@(uppr(1))"}) == {}


COSTLY = '@(count(foreach(split(repeat("a ", 4000)), (x) => x & "{}")))'


@pytest.mark.parametrize("texts", [[COSTLY] * 300, [COSTLY.format(number) for number in range(300)]])
def test_all_constant_expressions_of_a_check_are_tried_out_within_one_budget(club, texts, monkeypatch):
    tried, result = [], Expression.result
    monkeypatch.setattr(Expression, "result", lambda one, *values: tried.append(one) or result(one, *values))
    warnings(club, "expressions", {"text": "".join(texts[:150]), "html": "".join(texts[150:])})
    assert 0 < len(tried) < 50


def test_an_expression_that_is_deep_in_several_ways_has_a_mark(club, marked):
    deep = "contact"
    for _ in range(40):
        deep = f"({deep}" + "[0]" * 20 + ")"
    assert "this has brackets more than 100 deep" in marked(f"@({deep})")
    assert "text" in to_liquid(club, {"text": f"@({deep})"})[1]
