"""`fields` and `expand`: which keys an answer has, and which ids become objects."""

from collections.abc import Iterable, Mapping
from typing import Any

from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

DEEPEST = 4
NOT_FILTERS = frozenset({"sort", "page", "page_size", "expand", "fields", "format"})  # parameters of lists
Tree = dict[str, "Tree"]


def paths(request: Request, name: str) -> Tree:
    """Return a parameter as a tree: ["a.b", "c"] is {"a": {"b": {}}, "c": {}}; repeated or separated by commas."""
    tree: Tree = {}
    for value in request.query_params.getlist(name):
        for path in value.split(","):
            place = tree
            for step in path.strip().split("."):
                if step:
                    place = place.setdefault(step, {})
    return tree


def expansions(request: Request) -> Tree:
    """Return what `expand` names; raises ValidationError beyond four levels."""
    tree = paths(request, "expand")
    if _depth(tree) > DEEPEST:
        raise ValidationError({"expand": [f"At most {DEEPEST} levels are possible."]})
    return tree


def pick(data: Any, wanted: Tree) -> Any:
    """Return only the keys that are wanted, at all levels; everything where none is named."""
    if not wanted:
        return data
    if isinstance(data, Mapping):
        return {key: pick(value, wanted[key]) for key, value in data.items() if key in wanted}
    if isinstance(data, list):
        return [pick(each, wanted) for each in data]
    return data


def _depth(tree: Mapping[str, Any]) -> int:
    depth, level = 0, [tree]
    while level := [child for one in level for child in one.values()]:
        depth += 1
    return depth


def as_list(value: Any) -> list[Any]:
    """Return a value of a filter as a list: a list, or a text with commas, means any of."""
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return list(value) if isinstance(value, Iterable) else [value]
