"""Expressions as Liquid: the same text for everybody, or a refusal that says where and why."""

import random

import pytest

from broadcasts.models import Attribute, Contact
from broadcasts.rendering import to_liquid
from broadcasts.rendering.budget import Budget
from broadcasts.rendering.expressions import ExpressionScope
from broadcasts.rendering.names import contact_values
from broadcasts.rendering.templates import SCOPE, compile_template

# Each is exact; the property below fills them in for random contacts.
EXACT = (
    "Hi @contact.name, {{ not.liquid }} {% nor this %} {@contact.name}} joe@example.com @@contact.name & <b>",
    '@(default(contact.name, "friend"))@(default(fields.plan, "<none> & \\"x\\""))',
    '@(DEFAULT(fields.plan, contact.name))@(trim(default(fields.plan, "  none ")))',
    "@fields.plan@contact.fields.plan@fields.member@(trim(contact.name))@(text(fields.plan))",
    '@(trim_left(fields.plan) & " < " & trim_right(fields.plan))|@(text_length(trim(fields.plan)))',
    '@(replace(contact.name, "a", "bb"))@(text_slice(fields.plan, 1, 3))@(text_slice(fields.plan, -2))',
    '@(if(contact.name = "", "nobody", contact.name))@(if(fields.plan != "", fields.plan, ""))',
    '@(if(fields.plan, " ", "no"))@(if(fields.member, "member", "guest"))@(boolean(fields.member))',
    '@(if(and(fields.plan = "pro", contact.name != "Ann", fields.member), "a", "b"))@(fields.plan = "pro")',
    '@(if(or(fields.plan, contact.name), "a", if(fields.plan = "pro", 1, "")))',
    '@(if(text_length(contact.name) > 4, "long", "short"))@(1 + 2 * 3)@(upper("abc"))@globals.pool',
    "@urns.tel @urns.mailto",
    '@fields.born @(if(fields.born = "0900-01-05", 1, 2)) @(default(fields.born, "unknown"))',
    '@(format_date(fields.born, "DD/MM/YYYY"))|@(format_date(fields.born, "D.M.YY"))',
    '@(default(format_date(contact.fields.born, "D.M.YYYY"), "some day"))',
    '@(if(fields.age >= 18, "adult", "minor"))|@(if(fields.age < 0, "", "b"))|@(if(fields.age > -3, contact.name, ""))',
    '@(if(fields.plan = "pro", if(fields.age <= 17, format_date(fields.born, "YYYY"), "old"), "other"))',
    '@(if(fields.age = 18, "just", "not"))@(if(or(fields.age != 0, fields.plan = "pro"), "a", "b"))@(fields.age = 0)',
    '@(if(and(fields.age = 0, fields.plan = "pro"), "a", "b"))',
)
AGES = (None, "", 0, -5, 17, 17.5, 18, 18.0, 34, "34", 1e15)
BORN = (None, "", "1990-01-31", "2030-11-05", "0900-01-05", "0001-01-01")
NAMES = ("", "Ann", "Anne-Marie O'Neil", "<b>&amp;", "{{ x }} {% y %}", "straße İ", "a" * 90, "false", "@contact.name")
PLANS = (None, "", "pro", " pro ", "FALSE", "false", "<i>a</i>", "{{ y }}", "x\ny", "  ")


@pytest.fixture
def scope(club):
    Attribute.register(club, {"plan": "pro", "age": 34, "member": True, "born": "1990-01-31"})
    club.globals = {"pool": "North & South"}
    return ExpressionScope(club)


def both(scope, source, html, contact):
    """Return what a contact reads by expressions, and by Liquid."""
    field = "html" if html else "text"
    written, faults = to_liquid(scope.organization, {field: source})
    assert not faults
    values = {"contact": contact_values(contact), "globals": scope.organization.globals, SCOPE: scope.person(contact)}
    return [
        compile_template(field, text, syntax, html=html).render(values, Budget())
        for text, syntax in ((source, "expressions"), (written[field], "liquid"))
    ]


@pytest.mark.parametrize("html", [False, True])
@pytest.mark.parametrize("source", EXACT)
def test_liquid_gives_each_contact_byte_for_byte_the_same(scope, source, html):
    chance = random.Random(source)
    for _ in range(60):
        plan, member = chance.choice(PLANS), chance.choice([True, False, None])
        numbers = {"age": chance.choice(AGES), "born": chance.choice(BORN)}
        attributes = chance.choice([{"plan": plan, "member": member, **numbers}, {}])
        phone, email = chance.choice(["", "+34600000001"]), chance.choice(["", "joe@example.com"])
        contact = Contact(full_name=chance.choice(NAMES), phone=phone, email=email, attributes=attributes)
        by_expressions, by_liquid = both(scope, source, html, contact)
        assert by_liquid == by_expressions


def test_the_translation_reads_as_a_person_would_write_it(scope):
    source = 'Hi @(default(contact.name, "friend")), @fields.plan@(if(fields.member, "!", ""))'
    assert to_liquid(scope.organization, {"text": source})[0]["text"] == (
        'Hi {{ contact.name | default: "friend" }}, {{ contact.attributes.plan }}'
        "{% if contact.attributes.member == true %}!{% endif %}"
    )


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("Hi\n@(upper(contact.name))", "line 2, column 8: upper has no exact counterpart in Liquid; the filter upcase"),
        ("@contact.first_name", "contact.first_name is not exactly the same in Liquid: {{ contact.first_name }} comes"),
        ("Hi @contact", "line 1, column 5: this has no exact counterpart in Liquid; {{ contact.name }} comes near"),
        ("@fields.age", "fields.age is not exactly the same in Liquid: a number such as 3.0 is 3 here"),
        ("@(uppr(contact.name))", "line 1, column 3: uppr is not known; did you mean upper?"),
        ("@(now())", "now has no exact counterpart in Liquid"),
        ('@(date("2030-02-01"))', "date has no exact counterpart"),
        (
            '@("a" & if(fields.age > 3, 1, 2))',
            "where the number is missing this is empty; it must be the whole test of",
        ),
        ("@(if(fields.age > 3.5, 1, 2))", "where the number is missing"),
        ('@(format_date(fields.born, "D MMMM"))', "format_date has no exact counterpart in Liquid; only of a field of"),
        ('@("on " & format_date(fields.born, "D.M."))', "format_date has no exact counterpart"),
        ("@(format_date(fields.born))", "format_date has no exact counterpart"),
        ("@(round(fields.age))", "the filter round rounds halves to the even number"),
        ('@(if(and(fields.member, or(fields.plan = "a", fields.plan = "b")), 1, 2))', "Liquid has no brackets"),
    ],
)
def test_what_is_not_exact_is_refused_with_its_place(scope, source, said):
    assert said in str(to_liquid(scope.organization, {"text": source})[1]["text"][0])
