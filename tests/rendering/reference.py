"""The person and the organization of the reference of expressions, without a database."""

from datetime import UTC, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from broadcasts.models import Attribute, Channel, Organization, Segment
from broadcasts.rendering import ContactSnapshot
from broadcasts.rendering.budget import Budget
from broadcasts.rendering.expressions import Details, ExpressionScope, Person, compile_program
from broadcasts.rendering.expressions.places import NAMES, Names, Places

NOW = datetime(2026, 3, 1, 11, 8, 7, 123456, ZoneInfo("Africa/Kigali"))
FIELDS = {
    "age": ("Age", "number"),
    "balance": ("Balance", "number"),
    "due_date": ("Due Date", "datetime"),
    "nickname": ("Nickname", "text"),
}


def scope(style: str = "day_first", names: str = "eng", zone: str = "Africa/Kigali") -> ExpressionScope:
    formats = {"day_first": "%d-%m-%Y", "month_first": "%m-%d-%Y", "year_first": "%Y-%m-%d"}
    organization = Organization(
        name="TextIt",
        time_zone=zone,
        date_format=formats[style],
        country="RW",
        languages=["en"],
        globals={"org_name": "TextIt"},
    )
    made = ExpressionScope(organization, ["groups"])
    words: Names | None = NAMES.get(names)
    english = made.places.names
    made.places = Places(ZoneInfo(zone), formats[style], style, words or english, lambda: NOW)
    made.attributes = {
        key: Attribute(organization=organization, key=key, label=label, type=kind)
        for key, (label, kind) in FIELDS.items()
    }
    made.channels = {"phone": Channel(name="Vonage", from_address="+250788000111", uuid=UUID(int=2))}
    return made


def joe(within: ExpressionScope | None = None, **changes: object) -> Person:
    """Return Joe Blow, who is in one group, Reporters."""
    attributes = {"age": 34, "balance": 1234.5, "due_date": "2026-03-05T12:30:00+00:00"}
    group = Segment(name="Reporters", uuid=UUID(int=1))
    details = Details("", "active", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), None, [group])
    known = {
        "uuid_": UUID(int=7),
        "full_name": "Joe Blow",
        "email": "",
        "phone": "+250788123123",
        "language": "en",
        "external_id": None,
        "no_tracking": False,
        "attributes": attributes,
        "details": details,
    }
    return (within or scope()).person(ContactSnapshot(**{**known, **changes}))  # type: ignore[arg-type]


def render(template: str, person: Person | None = None) -> tuple[str, str]:
    """Return the text of a template, and its errors as the vendor's evaluator writes them."""
    program, budget = compile_program(template), Budget()
    person = person or joe()
    text, errors = "", []
    for part in program.parts:
        if isinstance(part, str):
            text += part
            continue
        shown, error = part.result(person, budget)
        text += shown
        if error:
            errors.append(f"error evaluating {part.found.source}: {error}")
    return text, ", ".join(errors)
