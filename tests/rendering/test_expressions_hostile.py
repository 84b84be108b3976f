"""Expressions that would hold a worker or fill its memory: each is empty, and what stands around it is sent."""

import random
import time
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broadcasts.rendering.budget import LONGEST_TEXT, OUTPUT_LIMIT, STEPS, Budget
from broadcasts.rendering.expressions import compile_program
from broadcasts.rendering.expressions.functions import FUNCTIONS

from .reference import joe, render

DOUBLED = "((f) => f(f(f(f(f(f(f(f({}))))))))"
MANY = 'split(repeat("a ", 5000))'
HOSTILE = {
    "Brackets nested ten thousand deep.": "(" * 10_000 + "1" + ")" * 10_000,
    "Calls nested ten thousand deep.": "upper(" * 10_000 + "1" + ")" * 10_000,
    "Arrays nested ten thousand deep.": "1" + "[1" * 10_000 + "]" * 10_000,
    "Anonymous functions within one another.": "(x) => " * 1_000 + "x",
    "A function that calls itself for ever.": "((f) => f(f))((f) => f(f))",
    "A function that calls itself twice.": "((f) => f(f) & f(f))((f) => f(f) & f(f))",
    "A text of a megabyte.": '"' + "x" * 1_000_000 + '"',
    "A text that doubles.": DOUBLED.format('repeat("x", 9999)') + ")((x) => x & x & x & x & x & x & x & x)",
    "An array that doubles.": DOUBLED.format("array(1)") + ")((x) => array(x, x, x, x, x, x, x, x))",
    "A huge power.": "9 ^ 100 ^ 100 ^ 100",
    "A number of a thousand digits.": "9" * 1000 + " * 9",
    "A power of a power.": "foreach(" + MANY + ", (x) => 1.5 ^ 99)",
    "A catastrophic repetition.": 'regex_match(repeat("a", 10000), "(a+)+(a+)+(a+)+$b")',
    "A repetition of repetitions.": 'regex_match(repeat("a", 10000), "((a?){300}){3}b")',
    "A pattern that takes all memory.": 'regex_match("a", "((a{100}){100}){100}")',
    "Loops over loops.": f"foreach({MANY}, (x) => foreach({MANY}, (y) => x & y))",
    "Loops of patterns.": f'foreach({MANY}, regex_match, "(x+x+)+y?|a")',
    "Loops of dates.": f'foreach({MANY}, (x) => default(datetime("1-1-1 " & repeat("1-1-", 99)), x))',
    "A text put between all characters of another.": 'replace(repeat("a", 10000), "", repeat("b", 10000))',
    "A long text between many items.": f'join({MANY}, repeat("b", 10000))',
    "JSON nested deep.": 'parse_json(repeat("[", 10000))',
    "JSON of a number beyond all.": 'parse_json("1e" & repeat("9", 9000)) + 1',
    "An error caught in a loop.": f"foreach({MANY}, (x) => default(foreach({MANY}, (y) => y / 0), x))",
    "A count beyond what machines have.": 'text_slice("x", -10^99)',
    "A thousand operators.": "1" + " + x" * 2_000,
    "Signs without end.": "-" * 9_000,
    "Years without end.": 'datetime_add(now(), 2000000000, "Y")',
    "A date before all.": 'format_date("0001-01-01", "YYYY")' + ' & datetime_add("0001-01-01T00:00:00Z", -1, "D")',
    "A layout that could be read in many ways.": f'parse_datetime("{"1" * 44}x", "{"DM" * 14}")',
    "A layout of times that could be read in many ways.": f'parse_time("{"1" * 44}x", "{"hm" * 14}")',
    "A phrase that is found nowhere, again and again.": (
        f'foreach({MANY}, (x) => has_phrase(repeat("a ", 5000), repeat("a ", 2499) & "b"))'
    ),
    "Numbers of phones, again and again.": f'foreach({MANY}, (x) => has_phone(repeat("(206) 779 ", 900), "US"))',
    "A pattern with many groups, again and again.": (
        f'foreach({MANY}, (x) => has_pattern(repeat("a", 9000), "{"(a?)" * 200}").extra)'
    ),
    "Sorting, again and again.": f"foreach({MANY}, (x) => count(sort({MANY})))",
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_expression_is_empty_within_the_budget(what):
    program, budget = compile_program(f"Hi @({HOSTILE[what]}), @contact.first_name @(1 + 1)"), Budget()
    begun = time.process_time()
    assert program.render(joe(), budget) == "Hi , Joe 2"
    assert time.process_time() - begun < 5  # no measure of speed: without the budget most of these take for ever
    assert budget.left > STEPS // 4


def test_what_costs_much_leaves_room_for_what_comes_after_it():
    costly = f"@(foreach({MANY}, (x) => foreach({MANY}, (y) => x & y)))"
    program, budget = compile_program(costly * 20 + "@(upper(contact.name))"), Budget()
    assert program.render(joe(), budget) == "JOE BLOW"
    assert budget.left >= STEPS // 2


def test_the_output_of_a_copy_is_limited():
    program, budget = compile_program('@(repeat("é", 10000))' * 2_500), Budget()
    assert OUTPUT_LIMIT - 20_000 < len(program.render(joe(), budget).encode()) <= OUTPUT_LIMIT


def test_the_output_of_a_copy_is_limited_as_it_is_escaped():
    program, budget = compile_program('@(repeat("\'", 10000))' * 300, html=True), Budget()
    assert OUTPUT_LIMIT - 60_000 < len(program.render(joe(), budget)) <= OUTPUT_LIMIT


def test_a_text_full_of_expressions_is_compiled_up_to_a_limit():
    text = "".join(f"@({n})" for n in range(100_000))
    assert render(text)[0] == "".join(map(str, range(2_500)))


def test_a_text_that_becomes_too_long_is_not_built():
    long = '((a) => a & a & a & a & a & a & a & a)(repeat("x", 10000))'
    items = ", ".join(["item"] * 1_000)
    tracemalloc.start()
    try:
        assert render(f"@(((item) => format(array({items})))(object({long}, 1)))")[0] == ""
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "call",
    [
        "has_text(text)",
        "has_number(text)",
        "format_location(text)",
        "attachment_parts(text)",
        "trim(text)",
        "default(number(text), 1)",
        "max(" + ", ".join("1" * 1_000) + ")",
        'foreach_value(object("a", text), trim)',
    ],
)
def test_reading_long_texts_and_many_arguments_again_and_again_takes_steps(call):
    again = f'foreach(split(repeat("a ", 4000)), (x) => {call})'
    program, budget = compile_program(f'@(count(((text) => {again})(repeat(" ", 10000))))'), Budget(clock=lambda: 0)
    assert program.render(joe(), budget) == ""
    assert budget.left >= STEPS // 2


def test_a_text_is_split_at_thousands_of_different_delimiters():
    many = 'join(foreach(split(repeat("a ", 2000)), (x) => char(rand_between(1000, 50000))), "")'
    assert render(f'@(split("a,b-c", {many} & "^]-"))') == ("[a,b, c]", "")


def test_a_property_is_found_by_its_first_spelling_whatever_its_case():
    assert render('@(object("Ab", 1, "aB", 2).ab) @(object("Ab", 1, "aB", 2).aB)') == ("1 2", "")


ATOMS = st.sampled_from(
    ["contact", "fields.age", "fields.due_date", "fields.nickname", "urns", "globals", "contact.groups", "1", "0.5",
     '"abc"', '"2026-03-05 10:00"', '""', "null", "true", "1/0", "oops", "array(1, 2)", 'object("a", 1)', "upper",
     "(x) => x", "now()", '"D"', '"tel:+250788123123"', "-3", "10^30", '"é😀"', "2000000000"]
)  # fmt: skip
CALLS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.builds(
            lambda name, values: f"{name}({', '.join(values)})",
            st.sampled_from(sorted(FUNCTIONS)),
            st.lists(inner, max_size=4),
        ),
        st.builds(lambda one, sign, other: f"({one}) {sign} ({other})", inner, st.sampled_from("+-*/^&=<"), inner),
        st.builds(lambda one, key: f"({one})[{key}]", inner, inner),
    ),
    max_leaves=8,
)


@settings(max_examples=300, deadline=None)
@given(CALLS)
def test_whatever_is_called_with_whatever_fails_in_the_words_of_the_language_only(expression):
    _, error = render(f"@({expression})")
    assert "unexpected" not in error


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet=st.sampled_from('@()"\\.,[] =>contacfields.gl0é\n'), max_size=60))
def test_no_text_is_an_exception(template):
    text, error = render(template)
    assert "unexpected" not in error
    assert len(text) < LONGEST_TEXT


@settings(max_examples=100, deadline=None)
@given(st.text().filter(lambda text: "@" not in text and "\0" not in text))
def test_a_text_without_an_at_sign_stays_as_it_is(text):
    assert compile_program(text).render(joe(), Budget()) == text


@settings(max_examples=100, deadline=None)
@given(st.emails().filter(lambda email: email.count("@") == 1 and email.split("@")[1].split(".")[0].lower() not in TOP))
def test_addresses_and_handles_stay_as_they_are(email):
    handle = f"@{random.choice(['nyaruka', 'contacts', 'fieldsman'])}"
    assert render(f"Write to {email} or {handle}.") == (f"Write to {email} or {handle}.", "")


TOP = ("contact", "fields", "globals", "urns")
