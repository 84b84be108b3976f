"""The filter vocabulary as data, for user interfaces that build rules without JSON.

Each field has operators; an operator says which key it becomes in a query, whether it is under "not", and what kind of
value it takes. The catalogue is built from the conditions and the registered attributes, so new ones appear in it.
"""

from collections.abc import Container, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from broadcasts.mediums import address_choices
from broadcasts.models import (
    Attendance,
    Attribute,
    ConsentState,
    Contact,
    Engagement,
    Link,
    Medium,
    Organization,
    UseCase,
)

from . import measuring
from .attributes import ACCEPTED, PREFIX
from .broadcast_recipients import CONDITIONS
from .lacking import merge_field_labels
from .relations import ObjectCondition

Type = Attribute.Type

# Keys that JSON accepts and a builder does not offer, each with the reason.
NOT_OFFERED = {
    "contact": "the same as uuid",
    "customers": "segments, as other products call them",
    "offerings": "segments, as other products call them",
    "activity": "attendance says it",
    "attendance_status": "attendance says it",
}
LISTS = "in"  # any operator takes several values


@dataclass(frozen=True)
class Input:
    """The form field of a value.

    type: text, number, date, span (such as "30d"), choice, row (a uuid), parts (an object), or none (no value).
    suggest: what to look up while the user types, as `suggest` takes it; beside: the part whose value narrows it.
    idle: choices that are shown in existing rules but not offered for new ones.
    note: a hint that is shown beside the choices.
    """

    type: str
    choices: tuple[tuple[str, str], ...] = ()
    suggest: str = ""
    beside: str = ""
    many: bool = False
    parts: tuple["InputPart", ...] = ()
    idle: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True)
class InputPart:
    """The form field of one key of a value that is an object."""

    key: str
    label: str
    input: Input
    required: bool = False


@dataclass(frozen=True)
class Operator:
    """One operator of a field; `value` is the fixed value when `input` is of type none."""

    key: str
    label: str
    input: Input
    negated: bool = False
    value: Any = None


@dataclass(frozen=True)
class CatalogueField:
    """A field of the vocabulary with its operators, as a builder offers it."""

    key: str
    label: str
    group: str
    operators: tuple[Operator, ...]


@dataclass(frozen=True)
class About:
    """What a condition itself does not say about its field: label, input, group and phrases."""

    label: str
    input: Input
    group: str = "Contact"
    blank: bool = False  # whether a blank value matches contacts without one
    words: dict[str, tuple[str, str]] = field(default_factory=dict)


NONE = Input("none")
YES_NO = Input("none")  # chosen by the operator
TEXT = Input("text", many=True)
NUMBER = Input("number", many=True)
DATE = Input("date")
SPAN = Input("span")
HISTORY = "What they did"


def choice(choices: Any, many: bool = True) -> Input:
    return Input("choice", choices=tuple((str(value), str(label)) for value, label in choices.choices), many=many)


def looked_up(suggest: str, type: str = "text", many: bool = True, beside: str = "") -> Input:
    return Input(type, suggest=suggest, many=many, beside=beside)


ANY_BROADCAST = looked_up("any_broadcast", "row")
BECAME = choice(Engagement, many=False)  # `catalogue` marks what the organization's channels do not measure
LACKED = Input("choice", many=True)  # `catalogue` gives it the fields of the organization

FIELDS = {
    "full_name": About("Name", TEXT),
    **{name: About(label, TEXT, blank=True) for name, label in address_choices()},
    "external_id": About("External id", TEXT),
    "language": About("Language", looked_up("language"), blank=True),
    "time_zone": About("Time zone", looked_up("time_zone"), blank=True),
    "status": About("Status", choice(Contact.Status)),
    "no_tracking": About("Not tracked", YES_NO),
    "search": About("Name, e-mail or phone", TEXT, words={"": ("matches the search", "does not match the search")}),
    "lacks": About("Merge field without a value", LACKED, words={"": ("is", "is not")}),
    "uuid": About("Contact", looked_up("contact", "row")),
    "all_users": About("Everybody", NONE),
    "created": About("Added", DATE),
    "last_seen_at": About("Last seen", DATE),
    "segment": About("Segment", looked_up("segment", "row"), "Segments", words={"": ("is in", "is not in")}),
    "attendance": About("Attendance", Input("parts"), HISTORY, words={"": ("has", "has not")}),
    "engagement": About("Earlier broadcast", Input("parts"), HISTORY, words={"": ("was", "was not")}),
    "recipient_of": About(
        "Recipients of a broadcast", ANY_BROADCAST, HISTORY, words={"": ("are or will be", "are not and will not be")}
    ),
    "skipped_by": About(
        "Skipped by a broadcast", ANY_BROADCAST, HISTORY, words={"": ("are or will be", "are not and will not be")}
    ),
    "consent": About("Consent", Input("parts"), "Consent"),
    "suppressed": About("Suppressed", choice(Medium), "Consent", words={"": ("by", "not by")}),
}
PARTS: dict[str, dict[str, tuple[str, Input]]] = {
    "attendance": {
        "series": ("Series", looked_up("series")),
        "activity": ("Activity", looked_up("activity", "row")),
        "place": ("Place", looked_up("place")),
        "status": ("Status", choice(Attendance.Status)),
        "at_least": ("At least so many times", Input("number")),
        "since": ("Since", DATE),
        "until": ("Until", DATE),
        "within": ("In the last", SPAN),
        "within_next": ("In the next", SPAN),
        "starts_since": ("Activity starts since", DATE),
        "starts_until": ("Activity starts until", DATE),
    },
    "engagement": {
        "type": ("What became of it", BECAME),
        "broadcast": ("Broadcast", looked_up("broadcast", "row", many=False)),
        "link": ("Link", looked_up("link", many=False, beside="broadcast")),
        "within": ("In the last", SPAN),
    },
    "consent": {
        "medium": ("Channel", choice(Medium, many=False)),
        "use_case": ("For", choice(UseCase, many=False)),
        "state": ("State", choice(ConsentState)),
    },
}
# Lookup -> its label and the label of its negation; WORDS_OF overrides them by the type of input.
WORDS: dict[str, tuple[str, str]] = {
    "": ("is", "is not"),
    "icontains": ("contains", "does not contain"),
    "within": ("is in the last", "is not in the last"),
    "within_next": ("is in the next", "is not in the next"),
}
WORDS_OF = {
    "number": {"gt": "is more than", "gte": "is at least", "lt": "is less than", "lte": "is at most"},
    "date": {"gt": "is after", "gte": "is on or after", "lt": "is before", "lte": "is on or before"},
}
INPUTS = {
    Type.TEXT: TEXT,
    Type.NUMBER: NUMBER,
    Type.BOOLEAN: YES_NO,
    Type.DATE: DATE,
    Type.DATETIME: DATE,
    Type.LIST: TEXT,
}


def catalogue(organization: Organization) -> list[CatalogueField]:
    """Return all fields that rules of an organization can use, its attributes included."""
    attributes = list(Attribute.objects.for_organization(organization).order_by("key"))
    # Without links there is none to choose.
    idle = set() if Link.objects.for_organization(organization).exists() else {"link"}
    became = _became(measuring.reported_in(organization))
    lacked = replace(LACKED, choices=tuple(merge_field_labels(attributes).items()))
    return [*_contact_fields(idle, became, lacked), *(_attribute_field(attribute) for attribute in attributes)]


def base_of(key: str) -> tuple[str, str]:
    """Split a condition's key into (field, lookup); the field is "" if FIELDS has no such field."""
    base, _, lookup = key.partition("__")
    return (base, lookup) if base in FIELDS else ("", lookup)


def _became(reported: measuring.Reported) -> Input:
    """Return the input for engagements, given the facts that channels report."""
    idle = tuple(one.value for one in Engagement if not measuring.is_measured(one, reported))
    return Input("choice", choices=tuple(measuring.engagements(reported)), idle=idle, note=measuring.note(reported))


def _contact_fields(idle: Container[str], became: Input, lacked: Input) -> Iterator[CatalogueField]:
    for base, about in FIELDS.items():
        operators: list[Operator] = []
        for key in CONDITIONS:
            if base_of(key)[0] == base:
                asked = lacked if about.input is LACKED else _complete(base, about.input, idle, became)
                operators += _operators(key, base_of(key)[1], asked, about.words)
        if about.blank:
            operators += _fixed(base, "", "is blank", "is not blank")
        yield CatalogueField(base, about.label, about.group, tuple(operators))


def _complete(base: str, asked: Input, idle: Container[str], became: Input) -> Input:
    condition = CONDITIONS[base] if base in PARTS else None
    if not isinstance(condition, ObjectCondition):
        return asked
    known = {key: (label, became if one is BECAME else one) for key, (label, one) in PARTS[base].items()}
    parts = [
        InputPart(key, *known[key], required=key in condition.required)
        for key in known
        if key in condition.parts and key not in idle
    ]
    return replace(asked, parts=tuple(parts))


def _attribute_field(attribute: Attribute) -> CatalogueField:
    key, type_ = f"{PREFIX}{attribute.key}", attribute.type
    asked = INPUTS[Type(type_)]
    if asked is TEXT:
        asked = looked_up(key)
    words = {"": ("includes", "does not include")} if type_ == Type.LIST else {}
    operators: list[Operator] = []
    for lookup in ACCEPTED[type_]:
        lookup = "" if lookup == "exact" else lookup
        if lookup != LISTS:
            operators += _operators(f"{key}__{lookup}".removesuffix("__"), lookup, asked, words)
    return CatalogueField(key, str(attribute), "Attributes", tuple(operators))


def _operators(key: str, lookup: str, asked: Input, words: dict[str, tuple[str, str]]) -> list[Operator]:
    if lookup == "exists":
        return [Operator(key, "has a value", NONE, value=True), Operator(key, "has no value", NONE, value=False)]
    if asked is NONE:
        return [Operator(key, "whoever they are", NONE, value=True)]
    if asked is YES_NO:
        return [Operator(key, "is yes", NONE, value=True), Operator(key, "is no", NONE, value=False)]
    if word := WORDS_OF.get(asked.type, {}).get(lookup):
        return [Operator(key, word, replace(asked, many=False))]
    if lookup.startswith("within"):
        asked = SPAN
    elif lookup == "icontains":
        asked = TEXT
    said = words.get(lookup) or WORDS.get(lookup)
    if said is None:
        return []
    return [Operator(key, said[0], asked), Operator(key, said[1], asked, negated=True)]


def _fixed(key: str, value: Any, label: str, opposite: str) -> list[Operator]:
    return [Operator(key, label, NONE, value=value), Operator(key, opposite, NONE, negated=True, value=value)]
