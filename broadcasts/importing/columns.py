"""What each column of a file is: a field of the contact, an attribute, or nothing."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

from broadcasts.exceptions import InvalidInput

ATTRIBUTES = "attributes."
READ_ONLY = "contact."  # what an export tells beside what can be imported
IGNORE = "-"

# Field -> the headers it goes by, besides its own name; in small letters, with signs as spaces.
FIELDS = {
    "email": ("e mail", "mail", "email address", "e mail address", "mail address"),
    "full_name": ("name", "full name", "fullname", "display name"),
    "first_name": ("first name", "firstname", "given name", "forename"),
    "last_name": ("last name", "lastname", "surname", "family name"),
    "phone": ("phone number", "telephone", "mobile", "mobile phone", "tel"),
    "whatsapp_id": ("whatsapp", "whatsapp id"),
    "language": ("lang", "locale"),
    "time_zone": ("time zone", "timezone", "tz"),
    "external_id": ("external id", "id", "externalid"),
}
KEYS = ("external_id", "email", "phone", "whatsapp_id")
_BY_HEADER = {header: field for field, headers in FIELDS.items() for header in (field.replace("_", " "), *headers)}


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its place, its header, and the field or `attributes.<key>` that it fills ("" for nothing)."""

    index: int
    header: str
    target: str

    @property
    def attribute(self) -> str:
        return self.target.removeprefix(ATTRIBUTES) if self.target.startswith(ATTRIBUTES) else ""


def columns_of(header: list[str], mapping: Mapping[str, str]) -> list[Column]:
    """Say what each column is: as the mapping says, else by its header, else an attribute; or raise InvalidInput."""
    names = [" ".join(name.split()) for name in header]
    wanted = {_plain(name): target for name, target in mapping.items()}
    if unknown := [name for name in mapping if _plain(name) not in {_plain(one) for one in names}]:
        raise InvalidInput({"mapping": f"The file has no column “{unknown[0]}”; its columns: {', '.join(names)}."})
    found: list[Column] = []
    for index, name in enumerate(names):
        taken = {column.target for column in found}
        given = wanted.get(_plain(name))
        target = _given(name, given) if given is not None else _guess(name, index, taken)
        if target and target in taken:
            other = next(column.header for column in found if column.target == target)
            raise InvalidInput(
                {"mapping": f"“{other}” and “{name}” are both {target}; map or rename one of them; - ignores a column."}
            )
        found.append(Column(index, name, target))
    if not {column.target for column in found} & set(KEYS):
        seen = ", ".join(names)
        raise InvalidInput({"mapping": f"No column is an e-mail address, a phone number or an external id: {seen}."})
    return found


def _given(name: str, target: str) -> str:
    target = target.strip()
    if target in ("", IGNORE):
        return ""
    if target in FIELDS:
        return target
    key = target.removeprefix(ATTRIBUTES)
    if target.startswith(ATTRIBUTES) and key and key == attribute_key(key):
        return target
    accepted = ", ".join([*FIELDS, f"{ATTRIBUTES}<key>", f"{IGNORE} (ignore it)"])
    raise InvalidInput({"mapping": f"“{name}” cannot be “{target}”; accepted: {accepted}."})


def _guess(name: str, index: int, taken: set[str]) -> str:
    if not name or name.startswith(READ_ONLY):
        return ""
    if target := _BY_HEADER.get(_plain(name)):
        return target
    key = attribute_key(name.removeprefix(ATTRIBUTES)) or f"column_{index + 1}"
    target, n = ATTRIBUTES + key, 2
    while target in taken:
        target, n = f"{ATTRIBUTES}{key[:59]}_{n}", n + 1
    return target


def _plain(name: str) -> str:
    return " ".join(re.sub(r"[\W_]+", " ", name).lower().split())


def attribute_key(name: str) -> str:
    """Turn a header into an attribute's key; "" when nothing of it is left."""
    ascii_name = unicodedata.normalize("NFKD", name.casefold()).encode("ascii", "ignore").decode()
    key = re.sub(r"[^a-z0-9]+", "_", ascii_name).strip("_")
    return (key if key[:1].isalpha() or not key else f"n_{key}")[:63].rstrip("_")


def described(columns: list[Column]) -> dict[str, str]:
    """Return {header: target}, as the record of an import keeps it."""
    return {column.header or f"column {column.index + 1}": column.target or IGNORE for column in columns}
