"""The parameters of a message: their JSON, and how they fit a template. docs/whatsapp.md describes them for users.

    {"header": {"text": "Joe"},                          or image, video, document: {"media": uuid} or {"link": url}
     "location": {"latitude": 40.4, "longitude": -3.7, "name": "Pool", "address": "Calle Mayor 1"},
     "body": ["Joe", "Monday"],                          or by name: {"customer": "Joe", "day": "Monday"}
     "buttons": [{"index": 0, "url": "A123"}, {"index": 1, "payload": "yes"}, {"index": 2, "code": "SAVE10"}],
     "flow": {"index": 3, "token": "t", "data": {"screen": "A"}}}

Instead of a text, the body takes an amount or a moment, whose `fallback_value` is what the person reads:

    {"currency": {"fallback_value": "€ 19.99", "code": "EUR", "amount_1000": 19990}}
    {"date_time": {"fallback_value": "Monday, 6 pm"}}

Errors are {path: words}; a path begins with `parameters`.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from broadcasts.formats import number

from ..fields import CURRENCY, NO_CURRENCY

KEYS = ("header", "body", "buttons", "location", "flow")
MEDIA = ("image", "video", "document")
PLACE = ("latitude", "longitude", "name", "address")
BOUNDS = {"latitude": 90, "longitude": 180}
BUTTONS = {"url": "url", "payload": "quick_reply", "code": "copy_code"}  # the key -> the kind of button
NEEDED = {"url": "url", "copy_code": "code"}  # the kind of button -> the key without which it cannot be sent
SPECIAL = {"currency": ("fallback_value", "code", "amount_1000"), "date_time": ("fallback_value",)}
WHOLE = re.compile(r"(-?[0-9]{1,15})(\.0+)?")  # as Liquid and JSON write a whole number
NO_AMOUNT = "Expected the amount times 1,000 as a whole number, such as 19990 for 19.99."
MOST_BUTTONS = 10
LONGEST = 1024  # characters of a value
LONGEST_URL = 2048
TAGS = ("{{", "{%")

Errors = Iterator[tuple[str, str]]


def malformed(value: Mapping[str, Any]) -> dict[str, str]:
    """Return what is wrong with parameters whatever their template."""
    unknown = [(_path(key), f"Unknown; accepted: {', '.join(KEYS)}.") for key in value if key not in KEYS]
    checks = {"header": _header, "body": _body, "buttons": _buttons, "location": _location, "flow": _flow}
    return dict([*unknown, *(error for key in KEYS if key in value for error in checks[key](value[key]))])


def surplus(structure: Mapping[str, Any], value: Mapping[str, Any]) -> dict[str, str]:
    """Return what well-formed parameters have that the template has no place for."""
    return dict([*_wrong_header(structure, value), *_wrong_body(structure, value), *_wrong_buttons(structure, value)])


def missing(structure: Mapping[str, Any], value: Mapping[str, Any]) -> dict[str, str]:
    """Return what the template needs and the parameters lack."""
    return dict([*_no_header(structure, value), *_no_body(structure, value), *_no_buttons(structure, value)])


def values(given: Any) -> list[tuple[str, Any]]:
    """Return (name, value) of a list, by place from 1, or of an object."""
    return list(given.items()) if isinstance(given, Mapping) else [(str(n), one) for n, one in enumerate(given, 1)]


def special_kind(value: Any) -> str:
    """Return what a value of the body is besides a text: currency or date_time; "" for a text."""
    return next((kind for kind in SPECIAL if kind in value), "") if isinstance(value, Mapping) else ""


def text_of(value: Any) -> Any:
    """Return what a person reads of a value."""
    kind = special_kind(value)
    return value[kind].get("fallback_value", "") if kind else value


def currency(value: object) -> str | None:
    """Return a currency code; None for what is none."""
    return str(value) if CURRENCY.fullmatch(str(value)) else None


def thousandths(value: object) -> int | None:
    """Return an amount times 1,000; None for what is no whole number."""
    found = WHOLE.fullmatch(str(value))
    return int(found[1]) if found else None


def header_kind(value: Mapping[str, Any]) -> str:
    """Return what kind of header parameters fill; "" for none."""
    return "location" if value.get("location") else next(iter(value.get("header") or ()), "")


def index_of(button: Mapping[str, Any], place: int) -> int:
    return button.get("index", place)


def _path(*keys: object) -> str:
    return "parameters" + "".join(f"[{key}]" for key in keys)


# Their own shape.


def _header(header: Any) -> Errors:
    accepted = f"Expected an object with one of text, {', '.join(MEDIA)}."
    if not isinstance(header, Mapping) or len(header) > 1:
        yield _path("header"), accepted
        return
    for kind, content in header.items():
        if kind == "text":
            one_name = isinstance(content, Mapping) and len(content) == 1
            yield from _text(_path("header", "text"), next(iter(content.values())) if one_name else content)
        elif kind in MEDIA:
            yield from _media(kind, content)
        else:
            yield _path("header", kind), accepted


def _media(kind: str, content: Any) -> Errors:
    path = _path("header", kind)
    if not isinstance(content, Mapping) or ("media" in content) == ("link" in content):
        yield path, 'Expected {"media": "<uuid>"} of an uploaded file, or {"link": "https://…"}.'
        return
    accepted = {"media", "link", *(["filename"] if kind == "document" else [])}
    if unknown := [key for key in content if key not in accepted]:
        yield path, f"{', '.join(unknown)}: unknown; accepted: {', '.join(sorted(accepted))}."
    for key, one in content.items():
        yield from _text(f"{path}[{key}]", one, LONGEST_URL)
    link = content.get("link")
    if isinstance(link, str) and not link.startswith(("https://", *TAGS)):
        yield f"{path}[link]", "Give an address that begins with https://."


def _body(body: Any) -> Errors:
    if not isinstance(body, list | Mapping):
        yield _path("body"), "Expected a list of texts, or an object of texts by name."
        return
    keys = body if isinstance(body, Mapping) else range(len(body))
    for key, one in zip(keys, (one for _, one in values(body)), strict=True):
        yield from _special(_path("body", key), one) if isinstance(one, Mapping) else _text(_path("body", key), one)


def _special(path: str, value: Mapping[str, Any]) -> Errors:
    kind = special_kind(value)
    if not kind or set(value) - {"type", kind} or value.get("type", kind) != kind:
        yield path, f"Expected a text, or an object with one of {', '.join(SPECIAL)}."
        return
    path, content, keys = f"{path}[{kind}]", value[kind], SPECIAL[kind]
    if not isinstance(content, Mapping) or set(content) != {*keys}:
        yield path, f"Expected an object with {', '.join(keys)}."
        return
    yield from _text(f"{path}[fallback_value]", content["fallback_value"])
    if not str(content["fallback_value"]).strip():
        yield f"{path}[fallback_value]", "Give what the person reads, such as € 19.99."
    if kind == "currency":
        for key, check, words in (("code", currency, NO_CURRENCY), ("amount_1000", thousandths, NO_AMOUNT)):
            if not has_tags(content[key]) and check(content[key]) is None:
                yield f"{path}[{key}]", words


def _buttons(buttons: Any) -> Errors:
    if not isinstance(buttons, list) or len(buttons) > MOST_BUTTONS:
        yield _path("buttons"), f"Expected a list of at most {MOST_BUTTONS} objects."
        return
    seen = set()
    for place, button in enumerate(buttons):
        path = _path("buttons", place)
        kinds = [key for key in BUTTONS if key in button] if isinstance(button, Mapping) else []
        if len(kinds) != 1 or set(button) - {"index", *kinds}:
            yield path, f"Expected an object with one of {', '.join(BUTTONS)}, and the button's index from 0."
            continue
        yield from _index(path, button, place)
        yield from _text(f"{path}[{kinds[0]}]", button[kinds[0]], LONGEST_URL)
        if index_of(button, place) in seen:
            yield f"{path}[index]", "Another one fills the same button."
        seen.add(index_of(button, place))


def _index(path: str, button: Mapping[str, Any], place: int) -> Errors:
    index = index_of(button, place)
    if not isinstance(index, int) or isinstance(index, bool) or not 0 <= index < MOST_BUTTONS:
        yield f"{path}[index]", f"Expected a number from 0 to {MOST_BUTTONS - 1}."


def _location(location: Any) -> Errors:
    if not isinstance(location, Mapping) or set(location) - {*PLACE} or not BOUNDS.keys() <= location.keys():
        yield _path("location"), f"Expected an object with {', '.join(PLACE)}; the first two are needed."
        return
    for key, one in location.items():
        yield from _text(_path("location", key), one)
        if (bound := BOUNDS.get(key)) and not coordinate(one, bound) and not has_tags(one):
            yield _path("location", key), f"Expected a number from -{bound} to {bound}."


def _flow(flow: Any) -> Errors:
    if not isinstance(flow, Mapping) or set(flow) - {"index", "token", "data"}:
        yield _path("flow"), "Expected an object with token and data, and the button's index from 0."
        return
    yield from _index(_path("flow"), flow, 0)
    if "token" in flow:
        yield from _text(_path("flow", "token"), flow["token"])
    if not isinstance(flow.get("data", {}), Mapping | str):
        yield _path("flow", "data"), "Expected an object, or its JSON as text."


def _text(path: str, value: Any, longest: int = LONGEST) -> Errors:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        yield path, "Expected a text."
    elif "\0" in str(value):
        yield path, "Null characters are not allowed here."
    elif len(str(value)) > longest and not has_tags(value):
        yield path, f"At most {number(longest)} characters are possible here."


def has_tags(value: object) -> bool:
    return isinstance(value, str) and any(tag in value for tag in TAGS)


def coordinate(value: object, bound: float) -> bool:
    try:
        return -bound <= float(value) <= bound  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return False


# How they fit a template.


def _parameters(names: Sequence[str]) -> str:
    return "1 parameter" if len(names) == 1 else f"{len(names)} parameters"


def _wrong_header(structure: Mapping[str, Any], value: Mapping[str, Any]) -> Errors:
    header, given = structure.get("header") or {}, header_kind(value)
    kind = header.get("kind", "")
    if not given:
        return
    path = _path("location") if given == "location" else _path("header", given)
    if not kind:
        yield path, "The template has no header."
    elif kind != given:
        yield path, f"The header of the template is of kind {kind}."
    elif given == "text":
        names, text = header["parameters"], value["header"]["text"]
        if not names:
            yield path, "The header of the template is fixed and takes no text."
        elif isinstance(text, Mapping) and list(text) != names and not set(text) & set(names):
            yield path, f"The template has no parameter {', '.join(text)} in its header; it has {names[0]}."


def _wrong_body(structure: Mapping[str, Any], value: Mapping[str, Any]) -> Errors:
    names, body = structure["body"]["parameters"], value.get("body")
    if not body:
        return
    if isinstance(body, Mapping) and not structure["named"] and names:
        yield _path("body"), f"The template counts its parameters; give a list of {len(names)}."
    elif isinstance(body, Mapping):
        if unknown := [name for name in body if name not in names]:
            has = ", ".join(names) or "none"
            yield _path("body", unknown[0]), f"The template has no parameter {', '.join(unknown)}; it has {has}."
    elif len(body) > len(names):
        yield _path("body"), f"The template has {_parameters(names)}; given: {len(body)}."


def _wrong_buttons(structure: Mapping[str, Any], value: Mapping[str, Any]) -> Errors:
    buttons = structure["buttons"]
    for place, given in enumerate(value.get("buttons") or []):
        key = next(key for key in BUTTONS if key in given)
        yield from _wrong_button(buttons, index_of(given, place), BUTTONS[key], _path("buttons", place))
    if flow := value.get("flow"):
        yield from _wrong_button(buttons, index_of(flow, 0), "flow", _path("flow"))


def _wrong_button(buttons: list[Mapping[str, Any]], index: int, kind: str, path: str) -> Errors:
    if index >= len(buttons):
        yield path, f"The template has no button at index {index}; its buttons: {len(buttons)}, counted from 0."
    elif buttons[index]["kind"] not in (kind, "otp" if kind == "url" else kind):
        yield path, f"The button at index {index} of the template is of kind {buttons[index]['kind']}, not {kind}."
    elif kind == "url" and buttons[index]["kind"] == "url" and not buttons[index].get("parameters"):
        yield path, f"The address of the button at index {index} is fixed and takes no text."


def _no_header(structure: Mapping[str, Any], value: Mapping[str, Any]) -> Errors:
    header = structure.get("header") or {}
    kind, given = header.get("kind", ""), header_kind(value)
    if not kind or kind == given or (kind == "text" and not header["parameters"]):
        return
    path = _path("location") if kind == "location" else _path("header", kind)
    if not given:
        yield path, "The template needs it for its header."


def _no_body(structure: Mapping[str, Any], value: Mapping[str, Any]) -> Errors:
    names, body = structure["body"]["parameters"], value.get("body") or []
    if isinstance(body, Mapping):
        lacking = [name for name in names if name not in body]
    else:
        lacking = names[len(body) :]
    if lacking and (structure["named"] or isinstance(body, Mapping)):
        yield _path("body"), f"The template needs {', '.join(lacking)} too."
    elif lacking:
        yield _path("body"), f"The template needs {_parameters(names)}; given: {len(body)}."


def _no_buttons(structure: Mapping[str, Any], value: Mapping[str, Any]) -> Errors:
    given = {index_of(one, place) for place, one in enumerate(value.get("buttons") or [])}
    for index, button in enumerate(structure["buttons"]):
        needed = NEEDED.get("url" if button["kind"] == "otp" else button["kind"])
        is_fixed = button["kind"] == "url" and not button.get("parameters")
        if needed and not is_fixed and index not in given:
            yield _path("buttons"), f"The button at index {index} (“{button['text']}”) needs its {needed}."
