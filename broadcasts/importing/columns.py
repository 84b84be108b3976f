"""Map the columns of a file to fields or attributes, or ignore them."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from broadcasts import formats
from broadcasts.exceptions import InvalidInput
from broadcasts.mediums import ADDRESS_FIELDS
from broadcasts.models.caps import FILE_COLUMNS

ATTRIBUTES = "attributes."
READ_ONLY = "contact."  # the prefix of exported columns that cannot be imported
IGNORE = "-"

# Field -> other headers for it than its own name; lower case, punctuation as spaces.
ADDRESSES = {one.name: one.headers for one in ADDRESS_FIELDS.values()}
FIELDS = {
    **ADDRESSES,
    "full_name": ("name", "full name", "fullname", "display name"),
    "first_name": ("first name", "firstname", "given name", "forename"),
    "last_name": ("last name", "lastname", "surname", "family name"),
    "language": ("lang", "locale"),
    "time_zone": ("time zone", "timezone", "tz"),
    "no_tracking": ("not tracked", "do not track"),
    "external_id": ("external id", "id", "externalid"),
}
KEYS = ("external_id", *ADDRESSES)
ATTENDANCE_FIELDS = {
    "activity": ("activity id", "activity external id", "class id", "course id", "event id"),
    "name": ("activity name", "class", "course", "event", "class name", "course name", "event name", "title"),
    "series": (),
    "kind": ("activity kind",),
    "starts_at": ("starts", "start", "begins", "date", "start time"),
    "ends_at": ("ends", "end", "end time"),
    "place": ("room", "location", "venue"),
    "full_name": ("contact name", "person", "participant", "member"),
    "status": ("attendance", "attendance status"),
    "at": ("booked at", "attended at", "checked in at"),
    **ADDRESSES,
    "external_id": ("external id", "contact id", "contact external id", "person id", "member id"),
}
SUPPRESSION_FIELDS = {
    "address": ("email", *FIELDS["email"]),
    "medium": ("kind", "channel", "channel kind"),
    "reason": (),
    "use_case": (),
    "source": (),
    "expires_at": ("expires",),
    "hash": (),
}


@dataclass(frozen=True)
class Vocabulary:
    """The fields that columns of one kind of import can have; unknown columns become attributes or are ignored."""

    fields: Mapping[str, tuple[str, ...]]
    attributes: bool
    needs: tuple[tuple[tuple[str, ...], str], ...]  # (fields, label): one of them is required

    @cached_property
    def by_header(self) -> dict[str, str]:
        return {
            header: field for field, headers in self.fields.items() for header in (field.replace("_", " "), *headers)
        }

    @property
    def accepted(self) -> list[str]:
        return [*self.fields, *([f"{ATTRIBUTES}<key>"] if self.attributes else [])]


_PERSON = (KEYS, "an e-mail address, a phone number or an external id")
CONTACTS = Vocabulary(FIELDS, True, (_PERSON,))
ATTENDANCES = Vocabulary(
    ATTENDANCE_FIELDS, False, (_PERSON, (("activity", "name"), "an activity: its external id, or its name"))
)
SUPPRESSIONS = Vocabulary(
    SUPPRESSION_FIELDS, False, ((("address", "hash"), "an address, or the hash of one as an export has it"),)
)


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its index, its header, and the field or `attributes.<key>` that it fills; "" if it is ignored."""

    index: int
    header: str
    target: str

    @property
    def attribute(self) -> str:
        return self.target.removeprefix(ATTRIBUTES) if self.target.startswith(ATTRIBUTES) else ""


def columns_of(
    header: list[str], mapping: Mapping[str, str], words: Vocabulary = CONTACTS, *, is_final: bool = True
) -> list[Column]:
    """Return the columns of a header: by the mapping, or by their names, or as attributes. Raises InvalidInput.

    mapping: {header or position, such as "column 3": target}.
    is_final: False for a first guess, which the user corrects; duplicates and missing columns are no errors then.
    """
    if len(header) > FILE_COLUMNS:
        many = formats.number(len(header))
        raise InvalidInput({"file": f"It has {many} columns; {FILE_COLUMNS} at most. Leave out some."})
    names = [" ".join(name.split()) for name in header]
    wanted = {_plain(name): target for name, target in mapping.items()}
    places = {_plain(one) for one in names} | {f"column {index + 1}" for index in range(len(names))}
    if unknown := [name for name in mapping if _plain(name) not in places]:
        raise InvalidInput({"mapping": f"The file has no column “{unknown[0]}”; its columns: {', '.join(names)}."})
    found: list[Column] = []
    for index, name in enumerate(names):
        taken = {column.target for column in found}
        given = wanted.get(_plain(name), wanted.get(f"column {index + 1}"))
        target = _given(name, given, words) if given is not None else _guess(name, index, taken, words)
        if target in taken and not is_final:
            target = ""
        if target and target in taken:
            other = next(column.header for column in found if column.target == target)
            raise InvalidInput(
                {"mapping": f"“{other}” and “{name}” are both {target}; map or rename one of them; - ignores a column."}
            )
        found.append(Column(index, name, target))
    for group, said in words.needs if is_final else ():
        if not {column.target for column in found} & set(group):
            seen = ", ".join(names)
            raise InvalidInput({"mapping": f"No column is {said}: {seen}. Accepted: {', '.join(words.accepted)}."})
    return found


def _given(name: str, target: str, words: Vocabulary) -> str:
    target = target.strip()
    if target in ("", IGNORE):
        return ""
    if target in words.fields:
        return target
    key = target.removeprefix(ATTRIBUTES)
    if words.attributes and target.startswith(ATTRIBUTES) and key and key == attribute_key(key):
        return target
    accepted = ", ".join([*words.accepted, f"{IGNORE} (ignore it)"])
    raise InvalidInput({"mapping": f"“{name}” cannot be “{target}”; accepted: {accepted}."})


def _guess(name: str, index: int, taken: set[str], words: Vocabulary) -> str:
    if not name or name.startswith(READ_ONLY):
        return ""
    if target := words.by_header.get(_plain(name)):
        return target
    if not words.attributes:
        return ""
    key = attribute_key(name.removeprefix(ATTRIBUTES)) or f"column_{index + 1}"
    target, n = ATTRIBUTES + key, 2
    while target in taken:
        target, n = f"{ATTRIBUTES}{key[:59]}_{n}", n + 1
    return target


def _plain(name: str) -> str:
    return " ".join(re.sub(r"[\W_]+", " ", name).lower().split())


def attribute_key(name: str) -> str:
    """Return the attribute key for a header; "" if no character of it is usable."""
    ascii_name = unicodedata.normalize("NFKD", name.casefold()).encode("ascii", "ignore").decode()
    key = re.sub(r"[^a-z0-9]+", "_", ascii_name).strip("_")
    return (key if key[:1].isalpha() or not key else f"n_{key}")[:63].rstrip("_")


def described(columns: list[Column]) -> dict[str, str]:
    """Return {header: target}, as stored with an import."""
    return {column.header or f"column {column.index + 1}": column.target or IGNORE for column in columns}
