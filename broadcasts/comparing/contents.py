"""Two contents of a message in sections: what is for all languages, and then each language, field by field."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from broadcasts import versioning
from broadcasts.designing.blocks import BLOCKS
from broadcasts.languages import language_name
from broadcasts.models import Format, Syntax

from .texts import Effort, RowPair, rows_of, same_runs

CHOICES = {**dict(Syntax.choices), **dict(Format.choices)}
SWITCH = {True: "yes", False: "no"}


@dataclass(frozen=True, slots=True)
class Changed:
    """One field or block that differs, with the rows that show how."""

    label: str
    rows: list[RowPair]


@dataclass(frozen=True, slots=True)
class Section:
    """What differs in one language, or for all of them; `note` says that the whole language was added or removed."""

    title: str
    note: str
    fields: list[Changed]


def compare(before: Mapping[str, Any], after: Mapping[str, Any], budget: Effort) -> list[Section]:
    """Return how one content differs from an earlier one, as versions keep them; [] if they say the same."""
    names = {**before["names"], **after["names"]}
    found = [Section("For all languages", "", list(_of_message(before, after, names, budget)))]
    old, new = before["translations"], after["translations"]
    for language in [*after["languages"], *(one for one in before["languages"] if one not in new)]:
        note = "" if language in old and language in new else "added" if language in new else "removed"
        fields = list(_of_language(old.get(language, {}), new.get(language, {}), names, budget))
        if fields or note:
            found.append(Section(language_name(language), note, fields))
    return [one for one in found if one.fields or one.note]


def _of_message(
    before: Mapping[str, Any], after: Mapping[str, Any], names: Mapping[str, str], budget: Effort
) -> Iterator[Changed]:
    for name, label in versioning.OF_MESSAGE.items():
        if before[name] != after[name]:
            old, new = (CHOICES.get(one[name]) or names.get(one[name], one[name]) for one in (before, after))
            yield Changed(label, rows_of(old or "none", new or "none", budget))
    if before["parameters"] != after["parameters"]:
        old, new = (_text(one["parameters"], names) for one in (before, after))
        yield Changed("Parameters", rows_of(old, new, budget))
    order = [", ".join(map(language_name, one["languages"])) for one in (before, after)]
    if order[0] != order[1] and set(before["languages"]) == set(after["languages"]):
        yield Changed("Order of the languages", rows_of(order[0], order[1], budget))


def _of_language(
    before: Mapping[str, Any], after: Mapping[str, Any], names: Mapping[str, str], budget: Effort
) -> Iterator[Changed]:
    for name, label in versioning.OF_LANGUAGE.items():
        old: Any = before.get(name) or ""
        new: Any = after.get(name) or ""
        if old == new:
            continue
        if name == "blocks":
            yield from _blocks(old or [], new or [], names, budget)
        elif name == "format":
            yield Changed(label, rows_of(CHOICES.get(old, ""), CHOICES.get(new, ""), budget))
        else:
            yield Changed(label, rows_of(_text(old, names), _text(new, names), budget))


def _blocks(old: list[Any], new: list[Any], names: Mapping[str, str], budget: Effort) -> Iterator[Changed]:
    """Yield each block that was changed, removed, added or moved."""
    old_ones, new_ones = ([json.dumps(block, sort_keys=True) for block in blocks] for blocks in (old, new))
    i = j = 0
    for at, other, n in [*same_runs(old_ones, new_ones, budget), (len(old), len(new), 0)]:
        lone_old = [k for k in range(i, at) if old_ones[k] not in new_ones]
        for k in range(j, other):
            if new_ones[k] in old_ones:
                moved_from = old_ones.index(new_ones[k]) + 1
                yield Changed(f"{_name(new[k], k)}, was block {moved_from}", [])
            elif lone_old and _type(old[lone_old[0]]) == _type(new[k]):
                yield _block(old[lone_old.pop(0)], new[k], _name(new[k], k), names, budget)
            else:
                yield _block(None, new[k], f"{_name(new[k], k)}, added", names, budget)
        for k in lone_old:
            yield _block(old[k], None, f"{_name(old[k], k)}, removed", names, budget)
        i, j = at + n, other + n


def _block(old: Any, new: Any, label: str, names: Mapping[str, str], budget: Effort) -> Changed:
    before, after = ("\n".join(_block_lines(one, names)) if one else "" for one in (old, new))
    return Changed(label, rows_of(before, after, budget))


def _type(block: Any) -> str:
    return block.get("type", "") if isinstance(block, Mapping) else ""


def _name(block: Any, place: int) -> str:
    known = BLOCKS.get(_type(block))
    return f"Block {place + 1}, {known.label if known else 'of an unknown type'}"


def _block_lines(block: Mapping[str, Any], names: Mapping[str, str]) -> Iterator[str]:
    known = BLOCKS.get(_type(block))
    if known is None:
        yield from _flat(block, "", names)
        return
    for field in known.fields:
        value = block.get(field.name)
        if field.kind == "columns":
            for number, column in enumerate(value or (), 1):
                yield f"Column {number}" + (f", {column['width']}%" if column.get("width") else "")
                for inner in column.get("blocks") or ():
                    yield f"{_name(inner, 0).partition(', ')[2]}:"
                    yield from _block_lines(inner, names)
        elif value not in (None, ""):
            yield from _flat(
                dict(field.choices).get(value, value) if field.kind == "choice" else value, field.label, names
            )
    if block.get("slot"):
        yield f"Slot: {block['slot']}"


def _text(value: Any, names: Mapping[str, str]) -> str:
    """Return a value of any field as lines."""
    return value if isinstance(value, str) else "\n".join(_flat(value, "", names))


def _flat(value: Any, path: str, names: Mapping[str, str]) -> Iterator[str]:
    """Yield a line for each value within a JSON value, with its place."""
    if isinstance(value, Mapping):
        for key, one in value.items():
            yield from _flat(one, f"{path}, {key}" if path else str(key), names)
    elif isinstance(value, list):
        for number, one in enumerate(value, 1):
            yield from _flat(one, f"{path} {number}".strip(), names)
    else:
        shown = SWITCH[value] if isinstance(value, bool) else names.get(str(value), str(value))
        yield f"{path}: {shown}" if path else shown
