"""What expressions can name: `contact`, `fields`, `globals` and `urns`, for the recipients of one message."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timezone, tzinfo
from decimal import Decimal
from functools import cached_property, lru_cache
from typing import Any

from broadcasts import audience
from broadcasts.languages import code_of
from broadcasts.models import Attribute, Channel, Contact, Organization, Segment

from ..budget import Budget
from ..names import ContactSnapshot, attributes_of, uuid_of
from .functions import first_word, shown_urn
from .moments import local
from .places import Places, places_of
from .running import Failure
from .values import NUMBER, Object, checked, moment_text, number_text

SCHEMES = (
    *("bsuid", "ext", "facebook", "fcm", "freshchat", "instagram", "jiochat", "line", "mailto", "rocketchat", "slack"),
    *("tel", "telegram", "twitter", "twitterid", "viber", "vk", "webchat", "wechat", "whatsapp"),
)
# The properties of a contact that a snapshot does not hold; all but the groups are read together.
DETAILS = frozenset({"channel", "created_on", "groups", "last_seen_on", "status", "urn", "urns"})
TRIALS = 4  # times the budget of a copy, for all that is tried out of a message
_REF_LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True, slots=True)
class Details:
    """What a contact's snapshot does not hold, read for all contacts of a window at once."""

    whatsapp_id: str
    status: str
    created: datetime | None
    last_seen_at: datetime | None
    groups: list[Segment]


class Computed(Mapping[str, Any]):
    """Properties that are computed when they are asked for."""

    def __init__(self, names: Iterable[str], read: Callable[[str], Any]) -> None:
        self.names = names if isinstance(names, Mapping) else dict.fromkeys(names)
        self.read = read

    def __getitem__(self, name: str) -> Any:
        if name not in self.names:
            raise KeyError(name)
        return self.read(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)


class ExpressionScope:
    """What is equal for all recipients of a message, read from the database when an expression needs it."""

    def __init__(self, organization: Organization, uses: Iterable[str] = ()) -> None:
        self.organization = organization
        self.uses = frozenset(uses)  # the names of DETAILS that the message's expressions use
        self.trials = Budget(TRIALS)  # for constant expressions that are tried out before anything is sent
        self.tried: dict[str, str] = {}  # {constant expression: its error}

    @cached_property
    def places(self) -> Places:
        return places_of(self.organization)

    @cached_property
    def zone(self) -> tzinfo:
        return self.places.zone

    @cached_property
    def attributes(self) -> dict[str, Attribute]:
        return {one.key: one for one in Attribute.objects.for_organization(self.organization)}

    @cached_property
    def globals(self) -> Object:
        settled = self.organization.globals if isinstance(self.organization.globals, dict) else {}
        values = {key: json_value(value) for key, value in settled.items()}
        lines = [f"{key.replace('_', ' ').title()}: {value}" for key, value in settled.items()]
        return Object(values, "\n".join(lines))

    @cached_property
    def channels(self) -> dict[str, Channel]:
        """The channel by which each field of contacts is reached, {field: channel}."""
        found: dict[str, Channel] = {}
        for one in self.organization.channels.filter(is_active=True).order_by("-is_default", "id"):
            found.setdefault(one.contact_field, one)
        return found

    def field_text(self, key: str, raw: Any) -> str:
        """Return the text of a known attribute's value."""
        return plain(field_value(self.attributes[key].type, raw, self.zone))

    def person(self, contact: Contact | ContactSnapshot | None) -> "Person":
        return Person(self, contact)

    def load(self, contacts: Iterable[Contact | ContactSnapshot | None]) -> None:
        """Read the details of snapshots that the expressions use, by a fixed number of queries."""
        missing = {one.uuid: one for one in contacts if isinstance(one, ContactSnapshot) and one.details is None}
        if not missing or not self.uses:
            return
        rows = Contact.objects.for_organization(self.organization).filter(uuid__in=missing)
        found = list(rows.values_list("uuid", "pk", "whatsapp_id", "status", "created", "last_seen_at"))
        pks = [row[1] for row in found] if "groups" in self.uses else []
        groups = audience.groups_of(pks, self.organization) if pks else {}
        for uuid, pk, whatsapp_id, status, created, seen in found:
            missing[uuid].details = Details(whatsapp_id, status, created, seen, groups.get(pk, []))


class Person:
    """The values of one recipient."""

    __slots__ = ("_fields", "attributes", "contact", "scope", "texts")

    def __init__(self, scope: ExpressionScope, contact: Contact | ContactSnapshot | None) -> None:
        self.scope = scope
        self.contact = contact if contact is not None else Contact()
        self.attributes = attributes_of(self.contact)
        self._fields: Object | None = None
        self.texts: dict[tuple[bool, str], str] = {}  # of expressions that were filled in, by (is HTML, source)

    def details(self) -> Details:
        contact = self.contact
        if isinstance(contact, ContactSnapshot):
            if contact.details is None:
                self.scope.load([contact])
            return contact.details or NO_DETAILS
        groups: list[Segment] = []
        if contact.pk and "groups" in self.scope.uses:
            groups = audience.groups_of([contact.pk], self.scope.organization).get(contact.pk, [])
        return Details(contact.whatsapp_id, contact.status, contact.created, contact.last_seen_at, groups)

    def field(self, key: str) -> Any:
        """Return the value of an attribute, None where it is not set; raises KeyError for an unknown key."""
        attribute = self.scope.attributes[key]
        raw = self.attributes.get(key)
        if type(raw) is str and attribute.type == Attribute.Type.TEXT:
            return raw or None
        if isinstance(raw, str | int | float):
            return _cached(attribute.type, raw, self.scope.zone)
        return field_value(attribute.type, raw, self.scope.zone)

    def fields(self) -> Object:
        if self._fields is None:
            self._fields = Object(Computed(self.scope.attributes, self.field), self._lines)
        return self._fields

    def _lines(self) -> str:
        """Return each attribute that is set as a line."""
        found = {str(one): plain(self.field(key)) for key, one in self.scope.attributes.items()}
        return "\n".join(sorted(f"{name}: {text}" for name, text in found.items() if text))

    def whole(self) -> Object:
        """Return the contact as an object, which stands for the name or the first address."""
        return Object(Computed(PROPERTIES, lambda name: PROPERTIES[name](self)), self.shown)

    def shown(self) -> str:
        name = self.contact.full_name
        if name:
            return name
        urns = self.urns()
        try:
            return shown_urn(urns[0]) if urns else ""
        except Failure:  # the address cannot be part of a URN
            return urns[0].partition(":")[2]

    def urns(self) -> list[str]:
        return list(self._urns().values())

    def _urns(self) -> dict[str, str]:
        """Return {field: URN} by priority."""
        contact = self.contact
        return audience.uris(
            {
                "phone": contact.phone,
                "whatsapp_id": self.details().whatsapp_id,
                "email": contact.email,
                "external_id": contact.external_id or "",
            }
        )

    def urn_field(self) -> str:
        """Return the field of the first address that some channel can send to; "" if there is none."""
        return next((field for field in self._urns() if field in self.scope.channels), "")

    def urn(self) -> str | None:
        return self._urns().get(self.urn_field())

    def urn_of(self, scheme: str) -> str | None:
        start = f"{scheme}:"
        return next((urn for urn in self.urns() if urn.startswith(start)), None)

    def by_scheme(self) -> Object:
        return Object(Computed(SCHEMES, self.urn_of))

    def groups(self) -> list[Object]:
        return [Object({"uuid": str(one.uuid), "name": one.name}) for one in self.details().groups]

    def channel(self) -> Object | None:
        channel = self.scope.channels.get(self.urn_field())
        if channel is None:
            return None
        found = {"uuid": str(channel.uuid), "name": channel.name, "address": channel.from_address}
        return Object(found, channel.name)

    def ref(self) -> str:
        if not uuid_of(self.contact):
            return ""
        rest, letters = self.contact.uuid.int % 36**7, ""
        for _ in range(7):
            rest, place = divmod(rest, 36)
            letters += _REF_LETTERS[place]
        return letters


NO_DETAILS = Details("", "", None, None, [])


def _moment(value: datetime | None) -> datetime | None:
    return value and value.astimezone(UTC)


PROPERTIES: dict[str, Callable[[Person], Any]] = {
    "channel": Person.channel,
    "created_on": lambda person: _moment(person.details().created),
    "fields": Person.fields,
    "first_name": lambda person: first_word(person.contact.full_name),
    "groups": Person.groups,
    "language": lambda person: code_of(person.contact.language) or "",
    "last_seen_on": lambda person: _moment(person.details().last_seen_at),
    "name": lambda person: person.contact.full_name,
    "ref": Person.ref,
    "status": lambda person: person.details().status,
    "urn": Person.urn,
    "urns": Person.urns,
    "uuid": lambda person: uuid_of(person.contact),
}
ROOTS: dict[str, Callable[[Person], Any]] = {
    "contact": Person.whole,
    "fields": Person.fields,
    "globals": lambda person: person.scope.globals,
    "urns": Person.by_scheme,
}


def field_value(kind: str, raw: Any, zone: tzinfo) -> Any:
    """Return the value of an attribute in its type; None for none, and for one that does not fit the type."""
    types = Attribute.Type
    if raw is None or raw == "":
        return None
    try:
        if kind == types.NUMBER:
            written = isinstance(raw, int | float) and not isinstance(raw, bool)
            text = str(raw).strip()
            return checked(Decimal(text)) if written or (isinstance(raw, str) and NUMBER.fullmatch(text)) else None
        if kind == types.DATE:
            return date.fromisoformat(str(raw)[:10])
        if kind == types.DATETIME:
            return _stored_moment(str(raw), zone)
    except (ArithmeticError, ValueError, Failure):
        return None
    return json_value(raw) if isinstance(raw, str | list | dict | bool) else plain(json_value(raw))


_cached = lru_cache(4096, typed=True)(field_value)  # many people share a value


def _stored_moment(raw: str, zone: tzinfo) -> datetime:
    """Return a moment at the distance from UTC that the organization's clocks have then."""
    stored = datetime.fromisoformat(raw)
    there = local(stored, zone) if stored.tzinfo is None else stored.astimezone(zone)
    distance = there.utcoffset()
    assert distance is not None
    return there.replace(tzinfo=timezone(distance))


def json_value(raw: Any) -> Any:
    """Return a JSON value as one of expressions."""
    if isinstance(raw, list):
        return [json_value(one) for one in raw]
    if isinstance(raw, dict):
        return Object({str(key): json_value(one) for key, one in raw.items()})
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        return raw
    try:
        return checked(Decimal(str(raw)))
    except (ArithmeticError, ValueError, Failure):
        return None


def plain(value: Any) -> str:
    """Return the text of an attribute's value, which is small enough to need no budget."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return number_text(value)
    if isinstance(value, list):
        return f"[{', '.join(map(plain, value))}]"
    if isinstance(value, Object):
        return "{" + ", ".join(f"{name}: {plain(one)}" for name, one in value.items()) + "}"
    return moment_text(value)
