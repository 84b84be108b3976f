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
)
NAMES = ("", "Ann", "Anne-Marie O'Neil", "<b>&amp;", "{{ x }} {% y %}", "straße İ", "a" * 90, "false", "@contact.name")
PLANS = (None, "", "pro", " pro ", "FALSE", "false", "<i>a</i>", "{{ y }}", "x\ny", "  ")


@pytest.fixture
def scope(club):
    Attribute.register(club, {"plan": "pro", "age": 34, "member": True})
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
        attributes = chance.choice([{"plan": plan, "member": member}, {}])
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
        ('@(if(and(fields.member, or(fields.plan = "a", fields.plan = "b")), 1, 2))', "Liquid has no brackets"),
    ],
)
def test_what_is_not_exact_is_refused_with_its_place(scope, source, said):
    assert said in str(to_liquid(scope.organization, {"text": source})[1]["text"][0])
