"""Read the values of a query: return each in its Python type, or raise QueryError with its path."""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db.models.enums import Choices
from django.utils import timezone

from broadcasts import formats
from broadcasts.database import is_storable
from broadcasts.languages import normalize_language
from broadcasts.mediums import AddressField
from broadcasts.models import Attribute, Broadcast, Contact, Organization, Segment

DEPTH_LIMIT = 12  # of a query and its segments together; SQLite's parser gives up at 17 in the worst case
VALUES_LIMIT = 1000
ALL_VALUES_LIMIT = 5000  # SQLite takes 32,766 in a statement, and one may hold a query several times
CONDITIONS_LIMIT = 500  # SQLite refuses an expression deeper than 1,000
TEXT_LIMIT = 1000
LARGEST_ID = 2**63 - 1
TOO_FAR = "is too far away to be a moment in every time zone"


class QueryError(Exception):
    """A key or value of a query is not valid; `path` says where, and is extended while the error propagates."""

    def __init__(self, message: str, path: str = "") -> None:
        super().__init__(message, path)
        self.message = message
        self.path = path

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


@contextmanager
def at(step: str) -> Iterator[None]:
    """Prefix the path of a QueryError that is raised inside with a step."""
    try:
        yield
    except QueryError as error:
        error.path = step + error.path
        raise


class Scope:
    """The state of one compilation: the organization, the segments it is inside of, and the use of its limits.

    chain: the segments and broadcasts whose rules are being compiled, from the outside in.
    of_all: whether the query will be evaluated for all contacts at once, not for a page or a chunk.
    """

    def __init__(
        self, organization: Organization, of_all: bool = False, within: Segment | Broadcast | None = None
    ) -> None:
        self.organization = organization
        self.of_all = of_all
        self.chain: list[Segment | Broadcast] = [within] if within else []
        self.depth = self.conditions = self.values = 0

    @cached_property
    def now(self) -> datetime:
        """The time from which all relative values of the query count."""
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
            raise QueryError(f"nested too deeply; {DEPTH_LIMIT} levels at most, those of segments included")
        self.depth += 1
        yield
        self.depth -= 1

    def spend(self, conditions: int) -> None:
        self.conditions += conditions
        if self.conditions > CONDITIONS_LIMIT:
            raise QueryError(f"too many conditions; {CONDITIONS_LIMIT} at most, those of segments included")

    def take(self, values: int) -> None:
        self.values += values
        if values > VALUES_LIMIT:
            raise QueryError(f"{formats.number(values)} values; {formats.number(VALUES_LIMIT)} at most")
        if self.values > ALL_VALUES_LIMIT:
            most = formats.number(ALL_VALUES_LIMIT)
            raise QueryError(f"too many values; {most} at most in all, those of segments included")


Read = Callable[[Any, Scope], Any]


def read_text(value: Any, scope: Scope) -> str:
    if not isinstance(value, str):
        raise QueryError(f"{shown(value)} is not text")
    if len(value) > TEXT_LIMIT:
        raise QueryError(f"{formats.number(len(value))} characters; {formats.number(TEXT_LIMIT)} at most")
    if not is_storable(value):
        raise QueryError("holds characters that text cannot have")
    return value


def read_words(value: Any, scope: Scope) -> str:
    words = read_text(value, scope).strip()
    if not words:
        raise QueryError("blank; give some text to look for")
    return words


def read_address(address: AddressField) -> Read:
    """Return the function that reads an address of a kind as its normalised key; None for a blank value."""

    def read(value: Any, scope: Scope) -> str | None:
        typed = read_text(value, scope).strip()
        with _validation():
            return address.normalise(address.clean(typed, scope.organization.country)) if typed else None

    return read


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
        raise QueryError(f"{shown(value)} is not a uuid") from None


def read_boolean(value: Any, scope: Scope) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ("true", "1", "false", "0"):
        return value.lower() in ("true", "1")
    raise QueryError(f"{shown(value)} is neither true nor false")


def read_number(value: Any, scope: Scope) -> float:
    try:
        number = float(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else None
    except (ValueError, OverflowError):
        number = None
    if number is None or number - number != 0:  # neither infinite nor NaN
        raise QueryError(f"{shown(value)} is not a number")
    return number


def read_choice(choices: type[Choices], word: str) -> Read:
    def read(value: Any, scope: Scope) -> str:
        if value not in choices.values:
            raise QueryError(f"{shown(value)} is not {word}; accepted: {', '.join(choices.values)}")
        return value

    return read


def read_moment(value: Any, scope: Scope) -> tuple[datetime, datetime]:
    """Return (first, last) instant in UTC of a moment, or of a day in the organization's time zone."""
    first, last = read_days(value, scope)
    zone = scope.organization.zone
    try:
        return tuple((one if one.tzinfo else one.replace(tzinfo=zone)).astimezone(UTC) for one in (first, last))  # type: ignore[return-value]
    except OverflowError:
        raise QueryError(f"{shown(value)} {TOO_FAR}") from None


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
        raise QueryError(
            f"{shown(value)} is not a date or time; accepted: such as 2026-11-21 or 2026-11-21T09:00:00Z"
        ) from None
    return moment, moment


# A day counts as a whole: "gt" begins after its end, "lte" includes it. The index of the instant that counts.
EDGES = {"gt": 1, "gte": 0, "lt": 0, "lte": 1}


_SPAN = re.compile(r"([0-9]{1,6})([hdw])", re.ASCII)
_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
LONGEST_SPAN = timedelta(days=36_525)  # a hundred years


def read_span(value: Any, scope: Scope) -> timedelta:
    text = read_text(value, scope).strip()
    found = _SPAN.fullmatch(text)
    span = int(found[1]) * _UNITS[found[2]] if found else timedelta(0)
    if not timedelta(0) < span <= LONGEST_SPAN:
        raise QueryError(f"{shown(value)} is not a span of time; accepted: such as 12h, 30d or 4w; 100 years at most")
    return span


def read_within(value: Any, scope: Scope) -> tuple[datetime, datetime]:
    """Return (start, now) of a span that ends now, such as "30d"."""
    return scope.now - read_span(value, scope), scope.now


def read_within_next(value: Any, scope: Scope) -> tuple[datetime, datetime]:
    return scope.now, scope.now + read_span(value, scope)


def read_object(value: Any, accepted: Sequence[str], example: str) -> dict[str, Any]:
    """Return an object, given as a dict or as JSON; raises QueryError for keys that are not accepted."""
    if isinstance(value, str) and not value.lstrip().startswith("{"):
        raise QueryError(f"must be an object, such as {example}; {shown(value)} is none")
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            raise QueryError(f"{shown(value)} is not JSON") from None
    if not isinstance(value, dict) or not value:
        raise QueryError(f"must be an object with some of: {', '.join(accepted)}")
    for key in value:
        if key not in accepted:
            raise QueryError(f"unknown; accepted: {', '.join(accepted)}", f".{printable(key)}")
    return value


@contextmanager
def _validation() -> Iterator[None]:
    try:
        yield
    except ValidationError as error:
        raise QueryError(" ".join(error.messages)) from None


def shown(value: Any) -> str:
    if isinstance(value, str):
        return f"“{printable(value)}”"
    try:
        return json.dumps(value, default=str)[:64]
    except (ValueError, RecursionError):  # too many digits or levels
        return "this"


def printable(text: str) -> str:
    """Return the first 64 characters of a text without lone surrogates, which cannot be encoded."""
    return text[:64].encode(errors="replace").decode()
