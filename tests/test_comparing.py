"""Two versions beside each other: what was removed and added, and what bounds it."""

import random
import time

import pytest

from broadcasts.comparing import Effort, compare, rows_of
from broadcasts.comparing.texts import same_runs

CONTENT = {"channel": "", "template": "", "layout": "", "syntax": "liquid", "parameters": {}, "names": {}}


def content(**languages):
    return CONTENT | {"languages": list(languages), "translations": languages}


def marked(rows):
    """The rows as text: [-removed-] and {+added+}, lines that were not changed as they are."""
    told = []
    for row in rows:
        if row.mark == "folded":
            told.append(f"({row.count})")
            continue
        before = "".join(f"[-{one.text}-]" if one.is_changed else one.text for one in row.before)
        after = "".join(f"{{+{one.text}+}}" if one.is_changed else one.text for one in row.after)
        told.append(before if before == after else f"{before} | {after}")
    return told


def differ(before, after):
    return marked(rows_of(before, after, Effort()))


def fields(before, after):
    """{section: {field: rows as text}} of two contents."""
    found = compare(before, after, Effort())
    return {one.title: {field.label: marked(field.rows) for field in one.fields} for one in found}


def test_words_that_differ_are_marked_within_their_line():
    assert differ("The pool is closed today", "The pool is open today") == [
        "The pool is [-closed-] today | The pool is {+open+} today"
    ]


def test_lines_that_were_added_and_removed_stand_alone():
    assert differ("a\nb\nc", "a\nc\nd") == ["a", "[-b-] | ", "c", " | {+d+}"]


def test_lines_with_little_in_common_are_marked_whole():
    assert differ("One two three", "Completely other words") == ["[-One two three-] | {+Completely other words+}"]


def test_lines_far_from_a_change_are_folded():
    lines = [f"line {n}" for n in range(20)]
    assert differ("\n".join(lines), "\n".join([*lines[:10], "new", *lines[10:]])) == [
        "(8)",
        "line 8",
        "line 9",
        " | {+new+}",
        "line 10",
        "line 11",
        "(8)",
    ]


def test_a_long_line_of_html_is_compared_tag_by_tag():
    cells = [f"<td>Cell {n}</td>" for n in range(40)]
    other = [*cells[:20], "<td>Other</td>", *cells[21:]]
    assert " | " in " ".join(differ("".join(cells), "".join(other)))
    assert len(differ("".join(cells), "".join(other))) == 7


@pytest.mark.parametrize("seed", range(20))
def test_what_is_the_same_is_the_longest_that_is_in_both(seed):
    chance = random.Random(seed)
    old, new = ([chance.choice("abcd") for _ in range(chance.randrange(14))] for _ in range(2))
    runs = same_runs(old, new, Effort())
    assert all(old[i : i + n] == new[j : j + n] for i, j, n in runs)
    assert sum(n for _, _, n in runs) == longest(old, new)


def longest(old, new):
    """How many are in both in the same order, counted plainly."""
    best = [[0] * (len(new) + 1) for _ in range(len(old) + 1)]
    for i, one in enumerate(old):
        for j, other in enumerate(new):
            best[i + 1][j + 1] = best[i][j] + 1 if one == other else max(best[i][j + 1], best[i + 1][j])
    return best[-1][-1]


LINES = [f"<p>line {n} of a newsletter with words</p>" for n in range(50_000)]
HOSTILE = {
    "all lines differ": ("\n".join(LINES), "\n".join(LINES).replace("line", "lime")),
    "all in another order": ("\n".join(LINES), "\n".join(LINES[::-1])),
    "one line without an end": ("word " * 400_000, "verb " * 400_000),
    "one word": ("a" * 2_000_000, "a" * 1_999_999 + "b"),
    "few lines many times": ("\n".join("ab" * 250_000), "\n".join("ac" * 250_000)),
    "many long lines": ("\n".join("ab " * 300 for _ in range(2000)), "\n".join("ac " * 300 for _ in range(2000))),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_two_megabytes_take_no_longer_than_a_page_may(kind):
    budget, begun = Effort(), time.process_time()
    rows = rows_of(*HOSTILE[kind], budget)
    assert time.process_time() - begun < 3
    assert budget.was_short
    assert len(rows) <= Effort().rows


def test_what_has_no_budget_left_is_not_shown_as_the_same():
    budget = Effort(rows=0)
    assert rows_of("a", "b", budget) == []
    assert budget.was_short


def test_only_what_differs_is_shown_by_language_and_field():
    before = content(en={"subject": "Pool", "text": "Hello"}, es={"subject": "Piscina"})
    after = content(en={"subject": "Pool", "text": "Hello you"}, es={"subject": "Piscina"})
    assert fields(before, after) == {"English": {"Text": ["Hello | Hello{+ you+}"]}}


def test_contents_that_say_the_same_have_no_sections():
    assert compare(content(en={"subject": "Pool"}), content(en={"subject": "Pool"}), Effort()) == []


def test_a_language_that_was_added_or_removed_is_told():
    found = compare(content(en={"subject": "Pool"}), content(es={"subject": "Piscina"}), Effort())
    assert [(one.title, one.note) for one in found] == [("Spanish", "added"), ("English", "removed")]


def test_a_layout_is_told_by_its_name():
    before = content(en={}) | {"layout": "u1", "names": {"u1": "Blue"}}
    assert fields(before, content(en={})) == {"For all languages": {"Layout": ["[-Blue-] | {+none+}"]}}


def test_files_are_told_by_their_names():
    before = content(en={"attachments": [{"media": "u1"}]}) | {"names": {"u1": "plan.pdf"}}
    assert fields(before, content(en={"attachments": []})) == {"English": {"Files": ["[-1, media: plan.pdf-] | "]}}


def blocks(*texts):
    return content(en={"blocks": [{"type": "text", "html": text} for text in texts]})


def test_blocks_are_compared_one_by_one():
    assert fields(blocks("One", "Two words", "Three"), blocks("One", "Two verbs", "Three")) == {
        "English": {"Block 2, Text": ["Text: Two [-words-] | Text: Two {+verbs+}"]}
    }


def test_a_block_that_was_added_leaves_the_others_alone():
    assert fields(blocks("One", "Two"), blocks("One", "New", "Two")) == {
        "English": {"Block 2, Text, added": [" | {+Text: New+}"]}
    }


def test_a_block_that_was_removed_is_shown():
    assert fields(blocks("One", "Two"), blocks("Two")) == {"English": {"Block 1, Text, removed": ["[-Text: One-] | "]}}


def test_a_block_that_moved_is_told_by_where_it_was():
    assert fields(blocks("One", "Two", "Three"), blocks("Three", "One", "Two")) == {
        "English": {"Block 1, Text, was block 3": []}
    }


def test_blocks_within_columns_are_shown_by_column():
    column = {"type": "columns", "columns": [{"blocks": [{"type": "heading", "text": "One"}]}, {"blocks": []}]}
    other = {"type": "columns", "columns": [{"blocks": [{"type": "heading", "text": "Two"}]}, {"blocks": []}]}
    found = fields(content(en={"blocks": [column]}), content(en={"blocks": [other]}))
    assert found["English"]["Block 1, Columns"][:3] == ["Column 1", "Heading:", "Text: [-One-] | Text: {+Two+}"]
