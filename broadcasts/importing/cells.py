"""Clean and validate the cells of a record: the values of a contact's fields and attributes."""

import json
import math
import re
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, tzinfo
from functools import lru_cache, partial
from typing import Any

from django.core.exceptions import ValidationError

from broadcasts.clocks import in_utc
from broadcasts.database import tidy_name
from broadcasts.languages import normalize_language
from broadcasts.mediums import ADDRESS_FIELDS
from broadcasts.models import Attribute, Contact

Type = Attribute.Type

_NUMBER = re.compile(r"-?(0|[1-9]\d{0,14})(\.\d{1,15})?")
_DEFUSED = re.compile(r"'+[=+\-@\t\r]")
_LETTERS = re.compile(r"[^\W\d_]")
_WORDS = {"true": True, "yes": True, "false": False, "no": False}
_BOOLEANS = {**_WORDS, "y": True, "n": False, "on": True, "off": False, "1": True, "0": False}
_LENGTHS: dict[str, int] = {
    name: Contact._meta.get_field(name).max_length or 0  # type: ignore[union-attr]
    for name in Contact.PROFILE
}


class CellError(Exception):
    """A value, or a whole row, is not valid; the message is shown to the user."""


def unquoted(value: str) -> str:
    """Remove the quote that an export puts before a value that a spreadsheet would read as a formula."""
    return value[1:] if _DEFUSED.match(value) else value


def fault(value: str) -> str:
    """Return why a cell is not valid text; "" if it is."""
    if "\0" in value:
        return "It contains a NUL character."
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError as error:
            byte = ord(value[error.start]) & 0xFF
            return f"It has the byte 0x{byte:02X}, which is not text in this encoding; name the file's, such as cp1252."
    return ""


class FieldCleaner:
    """Cleans fields of contacts; national phone numbers are read as those of `country` (ISO 3166-1 alpha-2)."""

    def __init__(self, country: str) -> None:
        self.country = country
        self.cleaners: dict[str, Callable[[str], str]] = {
            **{name: partial(self._address, name) for name in ADDRESS_FIELDS},
            "language": lru_cache(1000)(normalize_language),
            "time_zone": lru_cache(1000)(_time_zone),
        }

    def value(self, name: str, value: str) -> str | bool:
        """Return the value of any field as it is stored; raises CellError."""
        return _flag(value) if name == "no_tracking" else self.clean(name, value)

    def clean(self, name: str, value: str) -> str:
        """Return the value of a text in the form in which it is stored; raises CellError."""
        try:
            cleaned = self.cleaners.get(name, tidy_name)(value)
        except ValidationError as error:
            raise CellError(" ".join(error.messages)) from None
        if len(cleaned) > _LENGTHS.get(name, 255):
            raise CellError(f"It has {len(cleaned)} characters; {_LENGTHS.get(name, 255)} at most.")
        return cleaned

    def _address(self, name: str, value: str) -> str:
        field = ADDRESS_FIELDS[name]
        if field.is_number and _LETTERS.search(value):
            raise CellError(f"“{value[:40]}” is not a {field.label} number: it has letters.")
        return field.clean(value, self.country)


def _flag(value: str) -> bool:
    try:
        return boolean(value)
    except KeyError:
        raise CellError(f"“{value[:40]}” is neither yes nor no.") from None


def _time_zone(value: str) -> str:
    Contact._meta.get_field("time_zone").run_validators(value)
    return value


def keys(values: dict[str, Any]) -> dict[str, str]:
    """Return {unique column: lookup key} of the external id and the addresses among clean values."""
    found = {"external_id": values.get("external_id")}
    found |= {one.key: one.normalise(values.get(one.name, "")) for one in ADDRESS_FIELDS.values()}
    return {name: key for name, key in found.items() if key}


def number(value: str) -> int | float:
    if _NUMBER.fullmatch(value) and "." not in value:
        return int(value)
    parsed = float(value)
    if not math.isfinite(parsed):
        raise ValueError(value)
    return int(parsed) if parsed.is_integer() and abs(parsed) < 1e15 else parsed


def boolean(value: str) -> bool:
    return _BOOLEANS[value.lower()]


def iso_date(value: str) -> str:
    return date.fromisoformat(value).isoformat()


def iso_moment(value: str) -> str:
    return str(in_utc(datetime.fromisoformat(value).isoformat()))


def moment(value: str, zone: tzinfo) -> datetime:
    """Return a moment in UTC; one without a zone is in this one. Raises CellError."""
    try:
        told = datetime.fromisoformat(value)
        return (told if told.tzinfo else told.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise CellError(f"“{value[:40]}” is not a date and time, such as 2026-01-31 18:00.") from None


def items(value: str) -> list[str]:
    return [item for item in (part.strip() for part in value.split(";")) if item]


PARSERS: dict[str, Callable[[str], object]] = {
    Type.TEXT: str,
    Type.NUMBER: number,
    Type.BOOLEAN: boolean,
    Type.DATE: iso_date,
    Type.DATETIME: iso_moment,
    Type.LIST: items,
}
_SHAPES = {
    Type.NUMBER: "a number, such as 12 or 0.5",
    Type.BOOLEAN: "yes or no",
    Type.DATE: "a date, such as 2026-01-31",
    Type.DATETIME: "a date and time, such as 2026-01-31T09:00:00+02:00",
}


def parse_attribute(value: str, key: str, type_: str) -> object:
    """Return the text of an attribute in its registered type; raises CellError."""
    try:
        return PARSERS[type_](value)
    except (ValueError, KeyError):
        raise CellError(
            f"“{value[:40]}” is not {_SHAPES[Type(type_)]}, which the attribute {key} is; "
            "change the cell, or the attribute's type."
        ) from None


def infer_type(values: Iterable[str]) -> str:
    """Return the attribute type that fits all values; numbers with a leading zero are codes, so text."""
    values = list(values)
    if all(_NUMBER.fullmatch(value) for value in values):
        return Type.NUMBER
    if all(value.lower() in _WORDS for value in values):
        return Type.BOOLEAN
    for type_ in (Type.DATE, Type.DATETIME):
        if all("-" in value and _parses(value, type_) for value in values):
            return type_
    return Type.TEXT


def typed_attribute(value: object, key: str, type_: str) -> object:
    """Return a JSON value in the attribute's registered type; raises CellError."""
    if isinstance(value, dict | list):
        parts = value if isinstance(value, list) else [value]
        if type_ != Type.LIST or not all(isinstance(part, str | int | float) for part in parts):
            raise CellError(f"The attribute {key} cannot be {json.dumps(value)[:40]}.")
        return value
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if is_number and not math.isfinite(value):  # type: ignore[arg-type]
        raise CellError("It is too large a number.")
    if (is_number and type_ == Type.NUMBER) or (isinstance(value, bool) and type_ == Type.BOOLEAN):
        return value
    return parse_attribute(str(value), key, type_)


def _parses(value: str, type_: str) -> bool:
    try:
        PARSERS[type_](value)
    except ValueError:
        return False
    return True
