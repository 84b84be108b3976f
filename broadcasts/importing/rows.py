"""Turn a record into a clean row, or into the reasons why it is none."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from broadcasts.models import Attribute, Organization

from .cells import FieldCleaner, Refused, fault, infer_type, keys, parse_attribute, unquoted
from .columns import Column
from .reading import Record
from .upsert import Row

_INVISIBLE = "\u200b\u2060\ufeff"  # what copying from a web page leaves at the ends


class Problem(NamedTuple):
    """Why a row was refused: the line it begins at, the column, the reason, and the value."""

    line: int
    column: str
    reason: str
    value: str


class Attributes:
    """The types of a file's attributes: as registered, else as the first values seen say, and then registered."""

    def __init__(self, organization: Organization, columns: Iterable[Column], register: bool) -> None:
        self.organization = organization
        self.columns = [column for column in columns if column.attribute]
        self.register = register
        registered = Attribute.objects.for_organization(organization)
        self.types = dict(registered.values_list("key", "type"))

    def learn(self, records: Iterable[Record]) -> None:
        """Settle the type of attributes seen for the first time by all their values in these records."""
        unknown = [column for column in self.columns if column.attribute not in self.types]
        found: dict[Column, list[str]] = {column: [] for column in unknown}
        for record in records if unknown else ():
            for column in unknown:
                if column.index < len(record.cells) and (value := record.cells[column.index].strip()):
                    found[column].append(value)
        for column, values in found.items():
            if values:
                self.types[column.attribute] = self._settle(column, infer_type(values))

    def _settle(self, column: Column, type_: str) -> str:
        if not self.register:
            return type_
        key = column.attribute
        label = column.header.removeprefix("attributes.").replace("_", " ")[:255]
        attribute, _ = Attribute.objects.get_or_create(
            organization=self.organization, key=key, defaults={"label": label, "type": type_}
        )
        return attribute.type


class RowMaker:
    """Make rows of one file."""

    def __init__(self, columns: list[Column], organization: Organization, attributes: Attributes) -> None:
        self.headers = [column.header for column in columns]
        self.targets = [(column.index, column.target, column.attribute) for column in columns if column.target]
        self.width = len(columns)
        self.cleaner = FieldCleaner(organization.country)
        self.attributes = attributes

    def make(self, record: Record) -> Row | list[Problem]:
        """Return a clean row, or everything that is wrong with the record."""
        if reason := record.fault or self._wrong_width(record.cells):
            return [Problem(record.line, "", reason, self._shown(record.cells))]
        row = Row(record.line, {}, {}, {})
        problems = list(self._fill(row, record.cells))
        if not problems:
            self._join_names(row.values)
            row.keys = keys(row.values)
            if not row.keys:
                problems = [Problem(row.line, "", "It has no e-mail address, phone number or external id.", "")]
        return problems or row

    def _fill(self, row: Row, cells: list[str]) -> Iterator[Problem]:
        for index, target, key in self.targets:
            value = cells[index].strip()
            if not value:
                continue
            if value[0] == "'":
                value = unquoted(value)
            try:
                if not value.isascii() or "\0" in value:
                    if reason := fault(value):
                        raise Refused(reason)
                    value = value.strip(_INVISIBLE)
                if key:
                    row.attributes[key] = parse_attribute(value, key, self.attributes.types[key])
                elif value:
                    row.values[target] = self.cleaner.clean(target, value)
            except Refused as refusal:
                yield Problem(row.line, self.headers[index], str(refusal), value)

    def _wrong_width(self, cells: list[str]) -> str:
        if len(cells) == self.width or (len(cells) > self.width and not any(cells[self.width :])):
            return ""
        return f"It has {len(cells)} cells, and the header has {self.width}."

    def _join_names(self, values: dict[str, str]) -> None:
        names = [values.pop(name) for name in ("first_name", "last_name") if name in values]
        if names and "full_name" not in values:
            values["full_name"] = " ".join(names)[:255]

    def _shown(self, cells: list[str]) -> str:
        return " | ".join(cells)
