"""The parameters of a provider's template as fields with labels, one for each text that a person writes.

A field is named by its path in the parameters, such as `body.0` or `header.image.media`. What a template asks for has a
field though nothing is written yet; what stands in the parameters beyond that has one too, so that it can be removed.
"""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

MEDIA = ("image", "video", "document")
LOCATION = {"latitude": "Latitude", "longitude": "Longitude", "name": "Name of the place", "address": "Its address"}
BUTTON_KEYS = {"url": "url", "otp": "url", "quick_reply": "payload", "copy_code": "code"}
BUTTON_WORDS = {"url": "end of the address", "payload": "what a press reports", "code": "code to copy"}
SPECIAL = {
    "currency": {"fallback_value": "what people read", "code": "currency", "amount_1000": "amount times 1,000"},
    "date_time": {"fallback_value": "what people read"},
}
OURS = ("index", "type")  # keys that nobody has to write
AROUND = 30  # characters of the template on each side of a parameter

Path = tuple[str, ...]


@dataclass(frozen=True)
class ParameterField:
    """One text of the parameters.

    picks: image, video or document where an uploaded file is chosen by its uuid. is_needed: whether the template cannot
    be sent without it.
    """

    path: Path
    label: str
    help_text: str = ""
    picks: str = ""
    is_needed: bool = False

    @property
    def name(self) -> str:
        return ".".join(self.path)


def parameter_fields(structure: Mapping[str, Any], value: Mapping[str, Any]) -> list[ParameterField]:
    """Return the fields for the parameters of a template with this structure, then those for what else they hold."""
    opened = _opened(value)
    asked = list(_asked(structure, opened))
    known = {field.path for field in asked}
    beyond = " (the template has no place for it)" if structure else ""
    stray = [path for path, _ in _leaves(opened) if path not in known and path[-1] not in OURS]
    return asked + [ParameterField(path, f"{' '.join(path).capitalize()}{beyond}") for path in stray]


def parameter_values(fields: list[ParameterField], value: Mapping[str, Any]) -> dict[str, str]:
    """Return {name of a field: what stands there}, "" for nothing."""
    opened = _opened(value)
    found = {field.name: _get(opened, field.path) for field in fields}
    return {name: "" if one is None or isinstance(one, Mapping | list) else str(one) for name, one in found.items()}


def with_parameters(structure: Mapping[str, Any], value: Mapping[str, Any], given: Mapping[str, str]) -> dict[str, Any]:
    """Return the parameters with {name of a field: text}; a blank text is removed, with what it leaves empty."""
    opened = _opened(value)
    for field in parameter_fields(structure, value):
        if field.name not in given:
            continue
        before, text = _get(opened, field.path), given[field.name].strip()
        _set(opened, field.path, before if before is not None and str(before) == text else text)
    return _closed(_pruned(opened), structure)


def _asked(structure: Mapping[str, Any], opened: Mapping[str, Any]) -> Iterator[ParameterField]:
    yield from _of_header(structure.get("header") or {}, opened)
    yield from _of_body(structure, opened.get("body"))
    for index, button in enumerate(structure.get("buttons") or []):
        yield from _of_button(str(index), button)


def _of_header(header: Mapping[str, Any], opened: Mapping[str, Any]) -> Iterator[ParameterField]:
    kind = header.get("kind", "")
    if kind == "text" and header.get("parameters"):
        given = _get(opened, ("header", "text"))
        name = list(given)[:1] if isinstance(given, Mapping) else []
        yield ParameterField(("header", "text", *name), "Header", f"In: {header.get('text', '')}", is_needed=True)
    elif kind in MEDIA:
        yield ParameterField(
            ("header", kind, "media"), f"Header: {kind}", "A file of the library.", kind, is_needed=True
        )
        yield ParameterField(("header", kind, "link"), f"Or the address of the {kind}", "It begins with https://.")
        if kind == "document":
            yield ParameterField(("header", kind, "filename"), "Name of the document", "As people see it.")
    elif kind == "location":
        for key, label in LOCATION.items():
            yield ParameterField(("location", key), label, is_needed=key in ("latitude", "longitude"))


def _of_body(structure: Mapping[str, Any], given: Any) -> Iterator[ParameterField]:
    body = structure.get("body") or {}
    by_place = not structure.get("named") or (given and all(key.isdigit() for key in given))
    for place, name in enumerate(body.get("parameters", [])):
        has_name = isinstance(given, Mapping) and name in given and not by_place
        path: Path = ("body", str(place) if by_place and not has_name else name)
        label = f"Body {name}" if name.isdigit() else name.replace("_", " ").capitalize()
        around, one = _around(body.get("text", ""), name), _get({"body": given}, path)
        kind = next((kind for kind in SPECIAL if isinstance(one, Mapping) and kind in one), "")
        if not kind:
            yield ParameterField(path, label, around, is_needed=True)
        for key, words in SPECIAL.get(kind, {}).items():
            yield ParameterField((*path, kind, key), f"{label}: {words}", around, is_needed=True)


def _of_button(index: str, button: Mapping[str, Any]) -> Iterator[ParameterField]:
    label, key = f"Button “{button.get('text', '')}”", BUTTON_KEYS.get(button["kind"])
    if button["kind"] == "flow":
        yield ParameterField(("flow", "token"), f"{label}: token", "Blank: one of its own for each person.")
    elif key and not (button["kind"] == "url" and not button.get("parameters")):  # else its address is fixed
        words, is_needed = f"{label}: {BUTTON_WORDS[key]}", key != "payload"
        yield ParameterField(("buttons", index, key), words, button.get("url", ""), is_needed=is_needed)


def _around(text: str, name: str) -> str:
    """Return the words of a template beside a parameter, so that its author sees where it stands."""
    at = text.find("{{" + name)
    if at < 0:
        return ""
    start, end = max(0, at - AROUND), at + len(name) + 4 + AROUND
    words = " ".join(text[start:end].split())
    return f"In: {'…' if start else ''}{words}{'…' if end < len(text) else ''}"


# Parameters with objects instead of lists, so that each text has a path that stays: buttons by their index.


def _opened(value: Mapping[str, Any]) -> dict[str, Any]:
    opened = deepcopy(dict(value))
    if isinstance(opened.get("body"), list):
        opened["body"] = {str(n): one for n, one in enumerate(opened["body"])}
    if isinstance(opened.get("buttons"), list):
        placed = enumerate(opened["buttons"])
        opened["buttons"] = {str(one.get("index", n)): one for n, one in placed if isinstance(one, dict)}
    return opened


def _closed(opened: dict[str, Any], structure: Mapping[str, Any]) -> dict[str, Any]:
    body = opened.get("body")
    if isinstance(body, dict) and all(key.isdigit() for key in body):
        opened["body"] = [body.get(str(n), "") for n in range(max(map(int, body)) + 1)]
    if isinstance(opened.get("buttons"), dict):
        buttons = sorted(opened["buttons"].items(), key=lambda one: int(one[0]))
        opened["buttons"] = [{"index": int(n), **one} for n, one in buttons if set(one) - {"index"}]
        if not opened["buttons"]:
            del opened["buttons"]
    if isinstance(opened.get("flow"), dict) and "index" not in opened["flow"]:
        kinds = [one["kind"] for one in structure.get("buttons") or []]
        opened["flow"]["index"] = kinds.index("flow") if "flow" in kinds else 0
    return opened


def _leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    if isinstance(value, Mapping):
        for key, one in value.items():
            yield from _leaves(one, (*path, str(key)))
    elif not isinstance(value, list):
        yield path, value


def _get(value: Any, path: Path) -> Any:
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _set(value: dict[str, Any], path: Path, text: Any) -> None:
    *above, last = path
    for key in above:
        if not isinstance(value.get(key), dict):
            value[key] = {}
        value = value[key]
    value[last] = text


def _pruned(value: Any) -> Any:
    """Return an object without blank texts and without the objects that hold nothing then."""
    if not isinstance(value, dict):
        return value
    kept = {key: _pruned(one) for key, one in value.items()}
    return {key: one for key, one in kept.items() if one not in ("", {}, None)}
