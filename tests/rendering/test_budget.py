"""No template takes more than one copy may: it is refused when saved, and cut when it was saved before."""

import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from broadcasts import links
from broadcasts.exceptions import InvalidInput, OverBudget
from broadcasts.models import Attribute, Contact
from broadcasts.rendering import Checker, Recipient, budget, compile_message, validate_content
from broadcasts.rendering.budget import Budget, Exceeded
from broadcasts.rendering.content import preheader_place
from broadcasts.rendering.placeholders import CachedFunction, Placeholders
from broadcasts.rendering.plaintext import html_to_text
from broadcasts.rendering.templates import compile_template
from tests.make import make_broadcast

from .hostile import HOSTILE, nested

pytestmark = pytest.mark.one_database


@pytest.fixture(autouse=True)
def standing_clock(monkeypatch):
    """Have steps and output decide alone."""
    monkeypatch.setattr(Budget.__init__, "__defaults__", (1, lambda: 1.0))


@pytest.fixture
def known(club):
    Attribute.register(club, {"tags": ["a"], "bio": "x"})
    return club


def person(**attributes) -> Recipient:
    contact = Contact(full_name="Ana", email="ana@example.com", attributes=attributes)
    return Recipient(links.delivery_token(7), "ana@example.com", "en", contact)


@pytest.mark.parametrize("what", HOSTILE)
def test_hostile_templates_are_refused_when_saved(known, what):
    with pytest.raises(InvalidInput) as caught:
        validate_content(known, "liquid", {"html": HOSTILE[what]})
    assert set(caught.value.errors) == {"html"}
    assert len(caught.value.errors["html"]) < 2000


@pytest.mark.parametrize("what", [what for what in HOSTILE if "again and again" in what or what.startswith("Loops")])
def test_a_copy_of_a_hostile_template_that_was_saved_before_is_cut(mail, what):
    compiled = compile_message(make_broadcast(mail, body=HOSTILE[what]).messages.get())
    with pytest.raises(OverBudget, match=r"^Over budget: translations\.en\.text, line 1: "):
        compiled.envelope(person(tags=[f"entry {n}" for n in range(1000)]))


def test_an_error_says_what_is_too_much_and_what_would_be_right(known):
    with pytest.raises(InvalidInput) as caught:
        validate_content(known, "liquid", {"subject": "Hi", "text": f"Hello\n{nested(2, 'x', 'contact.tags')}"})
    assert caught.value.errors["text"].startswith("line 2: this takes more than 50,000 steps for one copy")
    assert "loop over less (such as “limit: 100”)" in caught.value.errors["text"]


def test_a_list_is_judged_at_its_longest(known):
    loops = "{% for a in contact.tags limit: 100 %}{% for b in contact.tags limit: 20 %}{{ b }}{% endfor %}{% endfor %}"
    with pytest.raises(InvalidInput):
        validate_content(known, "liquid", {"text": loops})
    once = "{% for tag in contact.tags %}{{ forloop.index }}: {{ tag | capitalize }}, {% endfor %}"
    assert validate_content(known, "liquid", {"text": once, "html": once}) is None


def test_what_a_contact_lacks_is_no_reason_to_refuse_a_template(known):
    assert validate_content(known, "liquid", {"text": "{{ 10 | divided_by: contact.tags.size }}"}) is None


def test_all_parts_of_a_copy_share_one_budget(mail):
    half = nested(3, "x", "(1..23)")
    broadcast = make_broadcast(mail, subject=half, body="Hello")
    compiled = compile_message(broadcast.messages.get())
    assert compiled.envelope(person()).text == "Hello"
    broadcast.messages.get().translations.update(text=half)
    with pytest.raises(OverBudget, match=r"translations\.en\.subject"):
        compile_message(broadcast.messages.get()).envelope(person())


def test_all_languages_that_are_saved_together_share_one_check(known):
    checker = Checker(known)
    with pytest.raises(InvalidInput, match="All languages together take too long to check"):
        for _ in range(20):
            checker.check("liquid", {"text": nested(3, "x", "(1..22)")})


def test_all_languages_of_a_message_share_one_limit_of_tags(mail):
    many = {language: {"text": "{{ 1 }}" * 2400} for language in ("es", "de", "fr", "pt")}
    broadcast = make_broadcast(mail, translations=many)
    broadcast.messages.get().translations.update(text="{{ 1 }}" * 2400)
    with pytest.raises(InvalidInput, match="All languages together have more than 10,000 tags"):
        compile_message(broadcast.messages.get())


def test_a_copy_is_cut_when_its_time_is_over():
    moments = iter(n / 100 for n in range(1000))
    template = compile_template("text", nested(2, "{% if 1 == 1 %}{% endif %}", "(1..90)"), "liquid")
    with pytest.raises(OverBudget, match=r"longer than 0\.25 seconds"):
        template.render({}, Budget(clock=lambda: next(moments)))
    assert 0.25 < next(moments) < 0.35


def test_what_is_made_once_more_has_the_time_that_is_left():
    first = Budget()
    first.spend(1)
    second = first.again()
    assert (second.until, second.left) == (first.until, budget.STEPS)
    second.clock = lambda: 2.0
    with pytest.raises(Exceeded, match="longer"):
        second.spend(budget.LOOK_STEPS + 2)
        second.spend(budget.LOOK_STEPS + 2)


def test_a_copy_over_its_budget_is_not_made_a_second_time(mail, monkeypatch):
    compiled = compile_message(make_broadcast(mail, body=nested(5, "x")).messages.get())
    monkeypatch.setattr(compiled, "compose_reference", None)
    with pytest.raises(OverBudget):
        compiled.envelope(person())


def test_an_attribute_is_never_a_template(mail):
    html = "<p>{{ contact.bio }}{% if true %}{{ contact.bio | append: '' }}{% endif %}</p>"
    envelope = compile_message(make_broadcast(mail, body="", html=html).messages.get()).envelope(
        person(bio="{{ contact.email }}{% for i in (1..9) %}x{% endfor %}")
    )
    assert envelope.text == "{{ contact.email }}{% for i in (1..9) %}x{% endfor %}" * 2


BROKEN_HTML = [
    *(
        "<",
        "<!--",
        "<a ",
        "<a href='",
        "<a a=",
        "<a\tb",
        "<!",
        "<![",
        "<?",
        "</",
        "</a ",
        "<script>",
        "<style>",
        "&",
        "&#",
    ),
    *(
        "<body ",
        "</body ",
        "<a>",
        "</a>",
        "<b>",
        "<td>",
        "<td><div>",
        "<p>",
        "<br/>",
        "<textarea>",
        "<!-- --",
        " \n",
        "\t",
    ),
]


@pytest.mark.parametrize("piece", BROKEN_HTML)
def test_broken_html_is_read_once(piece):
    html = piece * 4000
    spent = Budget()
    html_to_text(html, spent)
    preheader_place(html)
    assert budget.STEPS - spent.left <= len(html)


def test_html_of_too_many_tags_is_over_budget(mail):
    compiled = compile_message(make_broadcast(mail, body="", html="<b>x</b>" * 60_000).messages.get())
    with pytest.raises(OverBudget, match=r"translations\.en\.html"):
        compiled.envelope(person())


def test_blanks_and_links_within_links_are_read_as_before():
    html = "<td>" * 3 + "<div>a <a href='https://x.example'>b<a href='#c'>c</a></a></div>  d"
    assert html_to_text(html, Budget()) == "a b (https://x.example)c\nd"


def test_a_character_reference_of_thousands_of_digits_is_left_as_it_is():
    text = f"&#{'9' * 5000};"
    assert html_to_text(f"<p>{text}</p>", Budget()) == text


def test_what_is_remembered_does_not_grow_with_the_number_of_placeholders():
    last = CachedFunction(str, Placeholders().count + CachedFunction.PLACEHOLDERS)
    first = CachedFunction(lambda value: value * 10, 0)
    assert last["x"] == "x" and not last
    assert first["x"] and first["y" * 60] and list(first) == ["x"]


BLOCKS = st.sampled_from(
    [
        "{% for i in (1..30) %}§{% endfor %}",
        "{% for i in contact.tags reversed %}§{% endfor %}",
        "{% if contact.bio contains 'x' %}§{% else %}§{% endif %}",
        "{% case 1 %}{% when 1, 1, 1 %}§{% endcase %}",
        "{% capture x %}§{{ x }}{{ x }}{% endcapture %}",
        "{% assign x = x | append: contact.bio %}§",
        "{% assign l = contact.tags | concat: contact.tags | uniq %}§{{ l | join: x }}",
        "{% ifchanged %}§{% endifchanged %}",
        "{% unless x %}§{% endunless %}{% cycle x, 'b' %}",
        "{{ x | replace: 'x', contact.bio | escape }}§",
    ]
)


@settings(
    max_examples=int(os.environ.get("EXAMPLES") or 25),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(BLOCKS, min_size=1, max_size=12))
def test_whatever_is_nested_in_whatever_ends_within_its_budget(blocks):
    source = "x"
    for block in blocks:
        source = block.replace("§", source, 1).replace("§", "")
    spent = Budget()
    values = {"contact": {"tags": [f"entry {n}" for n in range(50)], "bio": "x" * 500}}
    try:
        assert len(compile_template("text", source, "liquid", html=True).render(values, spent)) <= budget.OUTPUT_LIMIT
    except OverBudget:
        assert spent.left > -10 * budget.STEPS  # refused before it worked, however much it would have taken
