"""Make a clean row of contacts of a record, or return its problems."""

import json
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from django.core.exceptions import ValidationError

from broadcasts import formats
from broadcasts.models import Attribute, Organization, attributes_fault
from broadcasts.models.caps import ATTRIBUTE_LENGTH, CONTACT_ATTRIBUTES, ORGANIZATION_ATTRIBUTES
from broadcasts.models.contacts import validate_attribute_key

from .cells import CellError, FieldCleaner, fault, infer_type, keys, parse_attribute, typed_attribute, unquoted
from .columns import ATTRIBUTES, FIELDS, Column
from .reading import Record
from .upsert import ContactRow

_INVISIBLE = "\u200b\u2060\ufeff"  # invisible characters that come with text copied from web pages


class Problem(NamedTuple):
    """Why a row is refused: its first line, the column, the reason, and the value."""

    line: int
    column: str
    reason: str
    value: str


class AttributeRegistry:
    """The types of a file's attributes: registered before, or given, or inferred from the first values."""

    def __init__(self, organization: Organization, given: dict[str, str], register: bool) -> None:
        self.organization = organization
        self.given = given  # inferred types are added, for the next slice of a dry run
        self.register = register
        registered = Attribute.objects.for_organization(organization)
        self.types = {**({} if register else given), **dict(registered.values_list("key", "type"))}

    def settle(self, key: str, label: str, inferred: str) -> None:
        """Set the type of a new attribute, unless the organization has too many attributes."""
        if len(self.types) >= ORGANIZATION_ATTRIBUTES:
            return
        type_ = self.given.setdefault(key, inferred)
        if self.register:
            attribute, _ = Attribute.objects.get_or_create(
                organization=self.organization,
                key=key,
                defaults={"label": label.replace("_", " ")[:255], "type": type_},
            )
            type_ = attribute.type
        self.types[key] = type_

    def type_of(self, key: str) -> str:
        """Return the type of an attribute; raises CellError if the organization has too many attributes."""
        if key not in self.types:
            raise CellError(
                f"An organization has {ORGANIZATION_ATTRIBUTES} different attributes at most, and {key} is one more."
            )
        return self.types[key]


class RowMaker:
    """Makes rows of the records of one CSV file."""

    def __init__(self, columns: list[Column], organization: Organization, attributes: AttributeRegistry) -> None:
        self.columns = columns
        self.headers = [column.header for column in columns]
        self.targets = [(column.index, column.target, column.attribute) for column in columns if column.target]
        self.width = len(columns)
        self.cleaner = FieldCleaner(organization.country)
        self.attributes = attributes

    def learn(self, records: Iterable[Record]) -> None:
        """Set the types of new attributes by all their values in these records."""
        unknown = [one for one in self.columns if one.attribute and one.attribute not in self.attributes.types]
        found: dict[Column, list[str]] = {column: [] for column in unknown}
        for record in records if unknown else ():
            for column in unknown:
                if column.index < len(record.cells) and (value := record.cells[column.index].strip()):
                    found[column].append(value)
        for column, values in found.items():
            if values:
                label = column.header.removeprefix(ATTRIBUTES)
                self.attributes.settle(column.attribute, label, infer_type(values))

    def make(self, record: Record) -> ContactRow | list[Problem]:
        """Return a clean row, or all problems of the record."""
        if reason := record.fault or self._wrong_width(record.cells):
            return [Problem(record.line, "", reason, self._shown(record.cells))]
        row = ContactRow(record.line, {}, {}, {})
        problems = list(self._fill(row, record.cells))
        if not problems:
            self._join_names(row.values)
            row.keys = keys(row.values)
            reason = "" if row.keys else "It has no e-mail address, phone number or external id."
            if reason := reason or attributes_fault(row.attributes):
                problems = [Problem(row.line, "", reason, "")]
        return problems or row

    def _fill(self, row: ContactRow, cells: Any) -> Iterator[Problem]:
        for index, target, key in self.targets:
            value = cells[index].strip()
            if not value:
                continue
            if value[0] == "'":
                value = unquoted(value)
            try:
                if not value.isascii() or "\0" in value:
                    if reason := fault(value):
                        raise CellError(reason)
                    value = value.strip(_INVISIBLE)
                if key:
                    row.attributes[key] = parse_attribute(checked(value), key, self.attributes.type_of(key))
                elif (cleaned := self.cleaner.value(target, value)) != "":  # such as of spaces only
                    row.values[target] = cleaned
            except CellError as error:
                yield Problem(row.line, self.headers[index], str(error), value)

    def _wrong_width(self, cells: Any) -> str:
        return wrong_width(cells, self.width)

    def _join_names(self, values: dict[str, Any]) -> None:
        names = [values.pop(name) for name in ("first_name", "last_name") if name in values]
        if names and "full_name" not in values:
            values["full_name"] = " ".join(names)[:255]

    def _shown(self, cells: Any) -> str:
        return " | ".join(cells)


class JsonRowMaker(RowMaker):
    """Makes rows of JSON objects with the field names of the API."""

    READ_ONLY = frozenset({"uuid", "id", "created", "modified", "last_seen_at", "status"})  # accepted and ignored

    def learn(self, records: Iterable[Record]) -> None:
        found: dict[str, set[str]] = {}
        for record in records:
            attributes = record.cells.get("attributes") if not record.fault else None
            if not isinstance(attributes, dict) or len(attributes) > CONTACT_ATTRIBUTES:  # it is refused
                continue
            for key, value in attributes.items():
                if key not in self.attributes.types and value is not None and not _wrong_key(key):
                    found.setdefault(key, set()).add(Attribute.infer_type(value))
        for key, types in found.items():
            self.attributes.settle(key, key, types.pop() if len(types) == 1 else Attribute.Type.TEXT)

    def _fill(self, row: ContactRow, cells: Any) -> Iterator[Problem]:
        for name, value in cells.items():
            if name in self.READ_ONLY or value is None or value == "":
                continue
            try:
                if name == "attributes":
                    yield from self._fill_attributes(row, value)
                elif name in FIELDS:
                    told = str(value) if isinstance(value, bool) and name == "no_tracking" else as_text(value)
                    if told and (cleaned := self.cleaner.value(name, told)) != "":
                        row.values[name] = cleaned
                else:
                    raise CellError(f"This is no field; accepted: {', '.join([*FIELDS, 'attributes'])}.")
            except CellError as error:
                yield Problem(row.line, name[:200], str(error), _json(value))

    def _fill_attributes(self, row: ContactRow, attributes: object) -> Iterator[Problem]:
        if not isinstance(attributes, dict):
            raise CellError('It is an object, such as {"plan": "pro"}.')
        if len(attributes) > CONTACT_ATTRIBUTES:
            raise CellError(attributes_fault(attributes))
        for key, value in attributes.items():
            try:
                parts = value if isinstance(value, list) else [value]
                faults = (fault(part) for part in parts if isinstance(part, str))
                if reason := _wrong_key(key) or next(filter(None, faults), ""):
                    raise CellError(reason)
                if value is not None and value != "":
                    checked(value if isinstance(value, str) else "")
                    row.attributes[key] = typed_attribute(value, key, self.attributes.type_of(key))
            except CellError as error:
                yield Problem(row.line, f"attributes.{key}"[:200], str(error), _json(value))

    def _wrong_width(self, cells: Any) -> str:
        return ""

    def _shown(self, cells: Any) -> str:
        return cells if isinstance(cells, str) else _json(cells)


def wrong_width(cells: list[str], width: int) -> str:
    """Return an error if a row has fewer or more cells than its header; "" if it fits, additional empty cells aside."""
    if len(cells) == width or (len(cells) > width and not any(cells[width:])):
        return ""
    return f"It has {len(cells)} cells, and the header has {width}."


def checked(value: str) -> str:
    """Return the value of an attribute; raises CellError if it is too long."""
    if len(value) > ATTRIBUTE_LENGTH:
        raise CellError(f"It has {formats.number(len(value))} characters; {formats.number(ATTRIBUTE_LENGTH)} at most.")
    return value


def _wrong_key(key: str) -> str:
    try:
        validate_attribute_key(key)
    except ValidationError as error:
        return " ".join(error.messages)
    return ""


def as_text(value: object) -> str:
    """Return the value of a field of a JSON object as text, an integer as its digits; raises CellError."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise CellError("It is text.")
    if reason := fault(str(value)):
        raise CellError(reason)
    return str(value).strip(f"{_INVISIBLE} \t\r\n")


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)[:200]
