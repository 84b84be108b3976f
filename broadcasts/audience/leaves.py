"""The leaves of the vocabulary: how a value of one key is read, and the condition on contacts that it makes.

`query` trees, segment rules and URL parameters all read and match through these; a value may come as JSON or
as the text of a URL.
"""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db.models import F, Q
from django.db.models.enums import Choices
from django.utils import timezone

from broadcasts.languages import normalize_language
from broadcasts.models import (
    Attribute,
    Contact,
    Organization,
    Segment,
    clean_phone,
    email_key,
    phone_key,
    search_words,
    whatsapp_key,
)

from .containing import Contains
from .searching import found_by

DEPTH_LIMIT = 12  # of a query and its segments together; SQLite's parser gives up at 17 in the worst case
VALUES_LIMIT = 1000
ALL_VALUES_LIMIT = 5000  # SQLite takes 32,766 in a statement, and one may hold a query several times
CONDITIONS_LIMIT = 500  # SQLite refuses an expression deeper than 1,000
TEXT_LIMIT = 1000
TOO_FAR = "is too far away to be a moment in every time zone"

# Real SQL, unlike an empty `IN ()`: an INSERT ... SELECT of nobody still compiles.
NOBODY = Q(pk__lt=0)


class Refused(Exception):
    """A key or value that cannot be taken; `path` says where, and grows outwards."""

    def __init__(self, message: str, path: str = "") -> None:
        super().__init__(message, path)
        self.message = message
        self.path = path

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


@contextmanager
def at(step: str) -> Iterator[None]:
    """Put a step before the path of whatever is refused inside."""
    try:
        yield
    except Refused as refused:
        refused.path = step + refused.path
        raise


class Scope:
    """What one compilation knows: the organization, the segments it is inside of, and how much it has grown.

    `of_all`: it will be asked of everybody at once, and not of a page or a chunk.
    """

    def __init__(self, organization: Organization, of_all: bool = False) -> None:
        self.organization = organization
        self.of_all = of_all
        self.chain: list[Segment] = []
        self.depth = self.conditions = self.values = 0

    @cached_property
    def now(self) -> datetime:
        """The one moment that whatever is relative counts from."""
        return timezone.now()

    @cached_property
    def attributes(self) -> list[tuple[str, str, bool]]:
        return list(Attribute.objects.for_organization(self.organization).values_list("key", "type", "is_indexed"))

    @cached_property
    def attribute_types(self) -> dict[str, str]:
        return {key: type_ for key, type_, _ in self.attributes}

    @cached_property
    def indexed_attributes(self) -> set[str]:
        return {key for key, _, is_indexed in self.attributes if is_indexed}

    @contextmanager
    def deeper(self) -> Iterator[None]:
        if self.depth == DEPTH_LIMIT:
            raise Refused(f"nested too deeply; {DEPTH_LIMIT} levels at most, those of segments included")
        self.depth += 1
        yield
        self.depth -= 1

    def spend(self, conditions: int) -> None:
        self.conditions += conditions
        if self.conditions > CONDITIONS_LIMIT:
            raise Refused(f"too many conditions; {CONDITIONS_LIMIT} at most, those of segments included")

    def take(self, values: int) -> None:
        self.values += values
        if values > VALUES_LIMIT:
            raise Refused(f"{values:,} values; {VALUES_LIMIT:,} at most")
        if self.values > ALL_VALUES_LIMIT:
            raise Refused(f"too many values; {ALL_VALUES_LIMIT:,} at most in all, those of segments included")


Read = Callable[[Any, Scope], Any]


class Leaf:
    """One key: `read` makes each value typed or refuses it, `match` the condition that any of them holds."""

    help = ""
    empty_list = False  # whether [] may be given, and means no condition
    commas = False  # whether one text may hold several values

    def read(self, value: Any, scope: Scope) -> Any:
        raise NotImplementedError

    def match(self, values: list[Any], scope: Scope) -> Q | None:
        raise NotImplementedError

    def read_all(self, given: Any, scope: Scope) -> list[Any]:
        """Read one value or a list of them."""
        if self.commas and isinstance(given, str):
            given = given.split(",")
        if not isinstance(given, list | tuple):
            scope.take(1)
            return [self.read(given, scope)]
        if not given and not self.empty_list:
            raise Refused("an empty list; give at least one value")
        scope.take(len(given))
        values = []
        for i, value in enumerate(given):
            with at(f"[{i}]"):
                values.append(self.read(value, scope))
        return values


class Exact(Leaf):
    """A column that equals one of the values."""

    def __init__(self, field: str, read: Read, help: str = "") -> None:
        self.field, self._read, self.help = field, read, help

    def read(self, value: Any, scope: Scope) -> Any:
        return self._read(value, scope)

    def match(self, values: list[Any], scope: Scope) -> Q:
        scope.spend(1)
        return Q(**{f"{self.field}__in": values})


class AddressLeaf(Exact):
    """An address, compared by its key; a blank one means contacts without."""

    def match(self, values: list[Any], scope: Scope) -> Q:
        scope.spend(2)
        found = Q(**{f"{self.field}_key__in": [value for value in values if value]})
        if not all(values):
            found |= Q(**{f"{self.field}_key": None})
        return found


class Compare(Exact):
    """A column that stands in some relation to one of the values."""

    def __init__(self, field: str, lookup: str, read: Read, help: str = "") -> None:
        super().__init__(f"{field}__{lookup}", read, help)

    def match(self, values: list[Any], scope: Scope) -> Q:
        scope.spend(len(values))
        return any_of([Q(**{self.field: value}) for value in values])


class Part(Exact):
    """A column that contains one of the values, whatever the case."""

    def match(self, values: list[Any], scope: Scope) -> Q:
        scope.spend(len(values))
        return any_of([Q(Contains(F(self.field), value)) for value in values])


class Within(Exact):
    """A column whose moment lies in one of the spans."""

    def match(self, values: list[Any], scope: Scope) -> Q:
        scope.spend(len(values))
        return any_of([Q(**{f"{self.field}__range": span}) for span in values])


class Everybody(Leaf):
    help = "true: everybody."

    def read(self, value: Any, scope: Scope) -> bool:
        return read_boolean(value, scope)

    def match(self, values: list[Any], scope: Scope) -> Q | None:
        return Q(pk__gt=0) if any(values) else None


class Search(Leaf):
    help = "How words of the name or e-mail address begin, whatever their case and accents, or part of a phone number."

    def read(self, value: Any, scope: Scope) -> str:
        text = read_words(value, scope)
        if not search_words(text):
            raise Refused("no letter or digit in it; give how a name or an address begins")
        return text

    def match(self, values: list[Any], scope: Scope) -> Q:
        for value in values:
            scope.spend(len(search_words(value)) + 1)
        return any_of([found_by(value) for value in values])


def any_of(conditions: Sequence[Q]) -> Q:
    found = conditions[0]
    for condition in conditions[1:]:
        found |= condition
    return found


def read_text(value: Any, scope: Scope) -> str:
    if not isinstance(value, str):
        raise Refused(f"{_shown(value)} is not text")
    if len(value) > TEXT_LIMIT:
        raise Refused(f"{len(value):,} characters; {TEXT_LIMIT:,} at most")
    if "\x00" in value or (not value.isascii() and any("\ud800" <= char <= "\udfff" for char in value)):
        raise Refused("holds characters that text cannot have")
    return value


def read_words(value: Any, scope: Scope) -> str:
    words = read_text(value, scope).strip()
    if not words:
        raise Refused("blank; give some text to look for")
    return words


def read_email(value: Any, scope: Scope) -> str | None:
    with _validation():
        return email_key(read_text(value, scope).strip())


def read_phone(value: Any, scope: Scope) -> str | None:
    phone = read_text(value, scope).strip()
    with _validation():
        return phone_key(clean_phone(phone, scope.organization.country)) if phone else None


def read_whatsapp(value: Any, scope: Scope) -> str | None:
    return whatsapp_key(read_text(value, scope).strip())


def read_language(value: Any, scope: Scope) -> str:
    with _validation():
        return normalize_language(tag) if (tag := read_text(value, scope).strip()) else ""


def read_time_zone(value: Any, scope: Scope) -> str:
    zone = read_text(value, scope).strip()
    with _validation():
        for validate in Contact._meta.get_field("time_zone").validators if zone else ():
            validate(zone)
    return zone


def read_uuid(value: Any, scope: Scope) -> UUID:
    if isinstance(value, UUID):
        return value
    try:
        return UUID(read_text(value, scope).strip())
    except ValueError:
        raise Refused(f"{_shown(value)} is not a uuid") from None


def read_boolean(value: Any, scope: Scope) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ("true", "1", "false", "0"):
        return value.lower() in ("true", "1")
    raise Refused(f"{_shown(value)} is neither true nor false")


def read_number(value: Any, scope: Scope) -> float:
    try:
        number = float(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else None
    except (ValueError, OverflowError):
        number = None
    if number is None or number - number != 0:  # neither infinite nor NaN
        raise Refused(f"{_shown(value)} is not a number")
    return number


def read_choice(choices: type[Choices], word: str) -> Read:
    def read(value: Any, scope: Scope) -> str:
        if value not in choices.values:
            raise Refused(f"{_shown(value)} is not {word}; accepted: {', '.join(choices.values)}")
        return value

    return read


def read_moment(value: Any, scope: Scope) -> tuple[datetime, datetime]:
    """Return the first and last instant of what was given: a moment, or a day in the organization's zone."""
    first, last = read_days(value, scope)
    zone = scope.organization.zone
    try:
        return tuple((one if one.tzinfo else one.replace(tzinfo=zone)).astimezone(UTC) for one in (first, last))  # type: ignore[return-value]
    except OverflowError:
        raise Refused(f"{_shown(value)} {TOO_FAR}") from None


def read_days(value: Any, scope: Scope) -> tuple[datetime, datetime]:
    text = read_text(value, scope).strip()
    try:
        day = date.fromisoformat(text)
    except ValueError:
        pass
    else:
        return datetime.combine(day, time.min), datetime.combine(day, time.max)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Refused(
            f"{_shown(value)} is not a date or time; accepted: such as 2026-11-21 or 2026-11-21T09:00:00Z"
        ) from None
    return moment, moment


# A day counts whole: "after" it begins when it is over, "until" it ends with it.
EDGES = {"gt": 1, "gte": 0, "lt": 0, "lte": 1}


_SPAN = re.compile(r"([0-9]{1,6})([hdw])", re.ASCII)
_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
LONGEST_SPAN = timedelta(days=36_525)  # a hundred years


def read_span(value: Any, scope: Scope) -> timedelta:
    text = read_text(value, scope).strip()
    found = _SPAN.fullmatch(text)
    span = int(found[1]) * _UNITS[found[2]] if found else timedelta(0)
    if not timedelta(0) < span <= LONGEST_SPAN:
        raise Refused(f"{_shown(value)} is not a span of time; accepted: such as 12h, 30d or 4w; 100 years at most")
    return span


def read_within(value: Any, scope: Scope) -> tuple[datetime, datetime]:
    """Return the first and last instant of the last 30 days, or however many were given."""
    return scope.now - read_span(value, scope), scope.now


def read_within_next(value: Any, scope: Scope) -> tuple[datetime, datetime]:
    return scope.now, scope.now + read_span(value, scope)


def moments(field: str, help: str) -> dict[str, Leaf]:
    def edge(lookup: str) -> Read:
        return lambda value, scope: read_moment(value, scope)[EDGES[lookup]]

    edges = {f"{field}__{lookup}": Compare(field, lookup, edge(lookup), help) for lookup in EDGES}
    return {**edges, f"{field}__within": Within(field, read_within, "In the last 12h, 30d, 4w (hours, days, weeks).")}


def read_object(value: Any, accepted: Sequence[str], example: str) -> dict[str, Any]:
    """Return an object, given as one or as its JSON, that has none but the accepted keys."""
    if isinstance(value, str) and not value.lstrip().startswith("{"):
        raise Refused(f"must be an object, such as {example}; {_shown(value)} is none")
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            raise Refused(f"{_shown(value)} is not JSON") from None
    if not isinstance(value, dict) or not value:
        raise Refused(f"must be an object with some of: {', '.join(accepted)}")
    for key in value:
        if key not in accepted:
            raise Refused(f"unknown; accepted: {', '.join(accepted)}", f".{printable(key)}")
    return value


@contextmanager
def _validation() -> Iterator[None]:
    try:
        yield
    except ValidationError as error:
        raise Refused(" ".join(error.messages)) from None


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return f"“{printable(value)}”"
    try:
        return json.dumps(value, default=str)[:64]
    except (ValueError, RecursionError):  # thousands of digits, or of levels
        return "this"


def printable(text: str) -> str:
    """Return the beginning of a text without half characters, which no answer could be written with."""
    return text[:64].encode(errors="replace").decode()


FIELD_LEAVES: dict[str, Leaf] = {
    "all_users": Everybody(),
    "search": Search(),
    "uuid": Exact("uuid", read_uuid, "Of a contact."),
    "contact": Exact("uuid", read_uuid, "The same as uuid."),
    "external_id": Exact("external_id", read_words, "The key of another system."),
    "email": AddressLeaf("email", read_email, "Whatever its case; blank: those without one."),
    "email__icontains": Part("email", read_words, "Part of the e-mail address."),
    "phone": AddressLeaf("phone", read_phone, "In the international form; blank: those without one."),
    "whatsapp_id": AddressLeaf("whatsapp", read_whatsapp, "WhatsApp id; blank: those without one."),
    "full_name": Exact("full_name", read_text, "The whole name."),
    "full_name__icontains": Part("full_name", read_words, "Part of the name."),
    "language": Exact("language", read_language, "BCP 47, such as es; blank: those without one."),
    "status": Exact("status", read_choice(Contact.Status, "a status"), f"One of {', '.join(Contact.Status.values)}."),
    "time_zone": Exact("time_zone", read_time_zone, "IANA name; blank: those without one."),
    **moments("created", "A moment, or a day in the organization's time zone."),
    **moments("last_seen_at", "A moment, or a day in the organization's time zone."),
}
