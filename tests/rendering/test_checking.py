"""What is said about a template when it is saved."""

import pytest

from broadcasts.exceptions import InvalidInput
from broadcasts.models import Attribute
from broadcasts.rendering import validate_content

pytestmark = pytest.mark.one_database


@pytest.fixture
def check(club):
    """Return what is wrong with a template."""
    Attribute.register(club, {"plan": "pro", "seats": 5, "rank": "5", "tags": ["a"], "born": "1990-01-31"})

    def check(source: str, syntax: str = "liquid") -> str:
        try:
            validate_content(club, syntax, {"body": source})
        except InvalidInput as error:
            return error.errors.get("body") or str(error)
        return ""

    return check


@pytest.mark.parametrize(
    "source",
    [
        "",
        "100% off } { {",
        "{{ contact.name }} {{ contact.plan | upcase }} {{ contact.attributes.plan }} {{ unsubscribe_url }}",
        "{% for tag in contact.tags %}{{ forloop.index }} {{ tag }}{% endfor %}",
        "{% assign x = 1 %}{% capture y %}z{% endcapture %}{{ x }}{{ y }}{% increment n %}",
        "{{ contact.born | date: '%d %B' }} {{ 'now' | date: '%Y' }} {{ 100 | divided_by: contact.rank }}",
        "{{ contact.tags.first }} {{ contact['plan'] }} {{ contact[language] }} {{ organization.postal_address }}",
        "{% if contact.plan == 'pro' %}a{% elsif contact.seats > 3 %}b{% else %}c{% endif %}",
        "{% raw %}{{ anything }}{% endraw %}{% comment %}{{ anything }}{% endcomment %}",
    ],
)
def test_good_templates_pass(check, source):
    assert check(source) == ""


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("a\nb\n{{ contact.plann }}", "line 3: contact.plann is not known; did you mean contact.plan? known: "),
        (
            "{{ contact.attributes.plann }}",
            "contact.attributes.plann is not known; did you mean contact.attributes.plan?",
        ),
        ("{{ plan }}", "line 1: plan is not known; did you mean contact.plan? known: broadcast, contact, globals"),
        ("{{ contct.plan }}", "contct is not known; did you mean contact?"),
        ("{{ globals.pool }}", "globals.pool is not known; known: nothing yet"),
        ("\n{{ contact.name | upcas }}", "line 2: the filter “upcas” is not known; did you mean upcase?"),
        ("\n{% include 'x' %}", "line 2: the tag “include” is not known here; known: assign, "),
        ("\n{% if contact.name %}", "line 2: expected tag endif"),
        ("{{ contact.name", "line 1: expected '}}'"),
        ("\n\n{{ contact.name | }}", "line 3: expected word"),
        ("\n{{ contact.name | truncate: 'many' }}", "line 2: truncate expected an integer"),
        ("\n{% if contact.plan > 3 %}x{% endif %}", "line 2: "),
        ("{% for x in contact.tags %}{{ y }}{% endfor %}", "line 1: y is not known"),
    ],
)
def test_mistakes_are_named_with_their_line(check, source, said):
    assert said in check(source)


def test_every_field_gets_its_own_error(club):
    with pytest.raises(InvalidInput) as caught:
        validate_content(club, "liquid", {"subject": "{{ x }}", "en.text": "fine", "en.html": "{{ y"})
    assert set(caught.value.errors) == {"subject", "en.html"}


def test_what_another_organization_knows_is_not_known_here(check, elsewhere):
    with pytest.raises(InvalidInput, match=r"contact\.plan is not known"):
        validate_content(elsewhere, "liquid", {"body": "{{ contact.plan }}"})


def test_plain_text_may_hold_anything(check):
    assert check("{{ anything", "plain") == ""


def test_a_syntax_that_is_not_known_is_refused(check):
    assert check("x", "jinja") == "syntax: “jinja” is not known; use liquid, expressions or plain"
