"""Merge fields: what the content of an organization may name, with labels and samples, for whoever writes it."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from broadcasts import audience
from broadcasts.models import Attribute, Contact, Organization, Syntax

from .names import VALUES, attributes_of

SAMPLED = 50  # of the newest contacts, in which samples are looked for
LONGEST_SAMPLE = 80
MOST_FIELDS = 1_000
IN_EXPRESSIONS = frozenset({"first_name", "name", "language"})  # that expressions have too
LINKS = {
    "unsubscribe_url": "Link to unsubscribe",
    "preferences_url": "Link to preferences",
    "web_url": "Link to this mail in the browser",
}
_WORD = re.compile(r"[A-Za-z_]\w*", re.ASCII)


class MergeField(NamedTuple):
    """Something that content may name."""

    name: str  # as the syntax writes it
    label: str
    group: str
    sample: str  # "" where none of the newest contacts has a value
    insert: str  # what is put into the content; with a default to fill in where a person may lack the value


def merge_fields(organization: Organization, syntax: str = Syntax.LIQUID) -> list[MergeField]:
    """Return the merge fields of an organization, in three queries; [] for plain text."""
    if syntax not in (Syntax.LIQUID, Syntax.EXPRESSIONS):
        return []
    people = list(Contact.objects.for_organization(organization).order_by("-id")[:SAMPLED])
    attributes = list(Attribute.objects.for_organization(organization).order_by("key")[:MOST_FIELDS])
    settled = organization.globals if isinstance(organization.globals, dict) else {}
    if syntax == Syntax.EXPRESSIONS:
        return _in_expressions(people, attributes, settled)
    fields = [
        MergeField(f"contact.{name}", label, "Contact", _sample(people, name), _insert(f"contact.{name}"))
        for name, label in audience.LABELS.items()
    ]
    for one in attributes:
        path = f"contact.attributes.{one.key}" if _WORD.fullmatch(one.key) else f'contact.attributes["{one.key}"]'
        insert = _insert(path, one.type, organization.date_format)
        fields.append(MergeField(path, str(one), "Attributes", _attribute_sample(people, one.key), insert))
    fields += [
        MergeField(f"globals.{key}", _words(key), "Organization", _text(value), f"{{{{ globals.{key} }}}}")
        for key, value in settled.items()
        if _WORD.fullmatch(key)
    ]
    fields += [
        MergeField("organization.name", "Name of the organization", "Organization", organization.name, ""),
        MergeField("organization.postal_address", "Postal address", "Organization", organization.postal_address, ""),
        MergeField("broadcast.name", "Name of the broadcast", "Organization", "", ""),
        *(MergeField(name, label, "Links", "", "") for name, label in LINKS.items()),
    ]
    return [one._replace(insert=one.insert or f"{{{{ {one.name} }}}}", sample=_text(one.sample)) for one in fields]


def _in_expressions(people: list[Contact], attributes: list[Attribute], settled: Mapping[str, Any]) -> list[MergeField]:
    known = {name: label for name, label in audience.LABELS.items() if name in IN_EXPRESSIONS}
    rows = [(f"contact.{name}", label, "Contact", _sample(people, name)) for name, label in known.items()]
    rows += [(f"fields.{one.key}", str(one), "Attributes", _attribute_sample(people, one.key)) for one in attributes]
    fields = [MergeField(*row, f'@(default({row[0]}, ""))') for row in rows]
    return fields + [
        MergeField(f"globals.{key}", _words(key), "Organization", _text(value), f"@globals.{key}")
        for key, value in settled.items()
        if _WORD.fullmatch(key)
    ]


def _insert(path: str, kind: str = Attribute.Type.TEXT, date_format: str = "") -> str:
    if kind in (Attribute.Type.DATE, Attribute.Type.DATETIME):
        return f'{{{{ {path} | date: "{date_format}" }}}}'
    if kind == Attribute.Type.LIST:
        return f'{{{{ {path} | join: ", " }}}}'
    return f'{{{{ {path} | default: "" }}}}'


def _sample(people: list[Contact], name: str) -> str:
    return next((_text(value) for one in people if (value := VALUES[name](one))), "")


def _attribute_sample(people: list[Contact], key: str) -> str:
    values = (attributes_of(one).get(key) for one in people)
    return next((_text(value) for value in values if value not in (None, "", [])), "")


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return text if len(text) <= LONGEST_SAMPLE else f"{text[: LONGEST_SAMPLE - 1]}…"


def _words(key: str) -> str:
    return key.replace("_", " ").capitalize()
