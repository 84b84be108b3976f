"""What a rule means, said again in plain Python and without a database: slow, short, and from the documentation."""

import re
import unicodedata
from datetime import UTC, date, datetime, time, timedelta

from broadcasts.languages import normalize_language
from broadcasts.mediums import email_key, phone_key

from .oddities import NOW, POOLS, World

KINDS = {key: type_ for key, (_, type_) in POOLS.items()}
UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
ISO = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?(e[+-]?[0-9]+)?", re.IGNORECASE)
OPERATORS = {
    "gt": lambda found, first, last: found > last,
    "gte": lambda found, first, last: found >= first,
    "lt": lambda found, first, last: found < first,
    "lte": lambda found, first, last: found <= last,
    "exact": lambda found, first, last: first <= found <= last,
}
OPERATORS["in"] = OPERATORS["within"] = OPERATORS["within_next"] = OPERATORS["exact"]


def chooses(query: dict, one, world: World) -> bool:
    """Whether a query chooses a contact."""
    if "activity" in query and "attendance_status" in query:  # beside each other, they are of one attendance
        both = {"activity": query["activity"], "status": query["attendance_status"]}
        rest = {key: value for key, value in query.items() if key not in ("activity", "attendance_status")}
        return attends(both, one, world) and all(holds(key, value, one, world) for key, value in rest.items())
    return all(holds(key, value, one, world) for key, value in query.items())


def holds(key: str, value, one, world: World) -> bool:
    if key == "all":
        return all(chooses(child, one, world) for child in value)
    if key == "any":
        return any(chooses(child, one, world) for child in value)
    if key == "not":
        return not chooses(value, one, world)
    if key.startswith("attributes__") and key.endswith("__in") and isinstance(value, str):
        value = value.split(",")
    return any(condition(key, single, one, world) for single in listed(value))


def listed(value) -> list:
    return value if isinstance(value, list) else [value]


def condition(key: str, value, one, world: World) -> bool:
    if key in FIELDS:
        return FIELDS[key](value, one)
    if key in RELATIONS:
        return RELATIONS[key](value, one, world)
    name, _, lookup = key.partition("__")
    if name == "attributes":
        name, _, lookup = lookup.partition("__")
        return attribute(KINDS[name], lookup or "exact", one.attributes.get(name), value)
    found = getattr(one, name)  # a moment
    if found is None:
        return False
    first, last = span(value) if lookup == "within" else instants(value, "Europe/Madrid", world)
    return OPERATORS[lookup](found, first, last)


def folded(text: str) -> str:
    """Whatever the case, letter by letter."""
    return "".join(char.upper() if len(char.upper()) == 1 else char for char in text)


def contains(text: str, part: str) -> bool:
    return folded(part.strip()) in folded(text)


def words(text: str) -> list[str]:
    """Letter by letter, whatever the case and the marks."""
    spread = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
    kept = "".join(char for char in spread if not unicodedata.combining(char))
    kept = kept.replace("ı", "i").replace("ø", "o").replace("ł", "l")
    return "".join(char if char.isalnum() else " " for char in kept).split()


def search(value: str, one) -> bool:
    theirs = words(f"{one.full_name} {one.email} {one.whatsapp_id}")
    plain = [part for part in value.split() if "@" not in part]
    if all(any(their.startswith(word) for their in theirs) for word in words(" ".join(plain))) and all(
        (one.email_key or "").startswith(part.casefold()) for part in value.split() if "@" in part
    ):
        return True
    digits = re.sub(r"\D", "", value)
    if not digits or "@" in value or any(char.isalpha() for char in value):
        return False
    return (digits.lstrip("0") or digits) in (one.phone_key or "")


def phone(value: str) -> str | None:
    digits = phone_key(value)
    return digits if not digits or value.strip().startswith("+") else f"34{digits.lstrip('0')}"


LACKED = {
    "first_name": "full_name",
    "email": "email",
    "phone": "phone",
    "language": "language",
    "external_id": "external_id",
}


def lacks(value: str, one) -> bool:
    name = value.removeprefix("contact.")
    if name in LACKED:
        return not getattr(one, LACKED[name])
    return one.attributes.get(name.removeprefix("attributes.")) in (None, "", [], {}, "[]", "{}")


FIELDS = {
    "lacks": lacks,
    "all_users": lambda value, one: value,
    "search": search,
    "uuid": lambda value, one: value == str(one.uuid),
    "contact": lambda value, one: value == str(one.uuid),
    "external_id": lambda value, one: one.external_id == value.strip(),
    "email": lambda value, one: one.email_key == email_key(value.strip()),
    "email__icontains": lambda value, one: contains(one.email, value),
    "phone": lambda value, one: one.phone_key == phone(value),
    "whatsapp_id": lambda value, one: one.whatsapp_id == value.strip(),
    "full_name": lambda value, one: one.full_name == value,
    "full_name__icontains": lambda value, one: contains(one.full_name, value),
    "language": lambda value, one: one.language == (normalize_language(value) if value else ""),
    "status": lambda value, one: one.status == value,
    "time_zone": lambda value, one: one.time_zone == value,
    "no_tracking": lambda value, one: one.no_tracking == (value in (True, "true")),
}


def instants(value: str, zone: str, world: World) -> tuple[datetime, datetime]:
    """The first and last of a day in the organization's zone, or of a moment."""
    first, last = days(value)
    return tuple(
        moment if moment.tzinfo else moment.replace(tzinfo=world.organization.zone) for moment in (first, last)
    )


def days(value: str) -> tuple[datetime, datetime]:
    if len(value) == 10:
        return datetime.combine(date.fromisoformat(value), time.min), datetime.combine(
            date.fromisoformat(value), time.max
        )
    return (datetime.fromisoformat(value),) * 2


def span(value: str, ahead: bool = False) -> tuple[datetime, datetime]:
    long = int(value[:-1]) * UNITS[value[-1]]
    return (NOW, NOW + long) if ahead else (NOW - long, NOW)


def attribute(kind: str, lookup: str, found, value) -> bool:
    """A value of another type than the registry's is no value, though it is there."""
    if lookup == "exists":
        return (found is not None) == value
    if kind == "text":
        if not isinstance(found, str):
            return False
        return contains(found, value) if lookup == "icontains" else found == str(value)
    if kind == "number":
        numeric = isinstance(found, int | float) and not isinstance(found, bool) and abs(found) < 1e299
        return numeric and OPERATORS[lookup](float(found), float(value), float(value))
    if kind == "boolean":
        return isinstance(found, bool) and found == value
    if kind == "list":
        return any(same_item(item, value) for item in listed(found))
    if not isinstance(found, str) or not ISO.match(found):
        return False
    if kind == "date":
        if lookup in ("within", "within_next"):
            from_to = tuple(moment + timedelta(hours=2) for moment in span(value, lookup == "within_next"))  # Madrid's
        else:
            from_to = days(value)
        return OPERATORS[lookup](found[:10], *(str(moment.date()) for moment in from_to))
    from_to = span(value, lookup == "within_next") if lookup in ("within", "within_next") else days(value)
    in_utc = [moment.astimezone(UTC) if moment.tzinfo else moment for moment in from_to]
    return OPERATORS[lookup](found[:19].replace(" ", "T"), *(f"{moment:%Y-%m-%dT%H:%M:%S}" for moment in in_utc))


def same_item(item, value) -> bool:
    if isinstance(item, str):
        return item == str(value)
    if isinstance(item, bool) or not isinstance(item, int | float):
        return False
    if isinstance(value, str):
        if not NUMBER.fullmatch(value):
            return False
        value = float(value) if re.search(r"[.eE]", value) else int(value)
    return item == value


def called(row, asked) -> bool:
    """Whether a series or place has one of the names (texts) or ids (numbers)."""
    return row is not None and any(
        one == row.pk if isinstance(one, int) else one.strip() == row.name for one in listed(asked)
    )


def attends(value: dict, one, world: World) -> bool:
    first, last = None, None
    if "since" in value:
        first = instants(value["since"], "", world)[0]
    if "until" in value:
        last = instants(value["until"], "", world)[1]
    for key in ("within", "within_next"):
        if key in value:
            first, last = span(value[key], key == "within_next")

    def starts(when) -> bool:
        return all(
            when is not None and OPERATORS[lookup](when, *instants(value[key], "", world))
            for key, lookup in (("starts_since", "gte"), ("starts_until", "lte"))
            if key in value
        )

    def counts(row) -> bool:
        when = row.at or row.activity.starts_at
        return (
            row.contact == one
            and all(
                name not in value or called(getattr(row.activity, name), value[name]) for name in ("series", "place")
            )
            and ("activity" not in value or str(row.activity.uuid) in listed(value["activity"]))
            and ("status" not in value or row.status in listed(value["status"]))
            and (first is None or (when is not None and when >= first))
            and (last is None or (when is not None and when <= last))
            and starts(row.activity.starts_at)
        )

    return sum(map(counts, world.attendances)) >= value.get("at_least", 1)


def engages(value: dict, one, world: World) -> bool:
    first, last = span(value["within"]) if "within" in value else (datetime.min.replace(tzinfo=UTC), NOW.replace(9999))

    def then(moment) -> bool:
        return moment is not None and first <= moment <= last

    mine = [
        row
        for row in world.deliveries
        if row.contact == one and ("broadcast" not in value or str(row.message.broadcast.uuid) == value["broadcast"])
    ]
    if "link" in value:
        return any(
            click.delivery in mine and click.link.url == value["link"] and not click.machine and then(click.at)
            for click in world.clicks
        )
    if value["type"] == "not_opened" and "broadcast" not in value:
        return False  # it counts on channels that report opens only, and no message here has a channel
    sent = [row for row in mine if row.status == "sent" and then(row.sent_at)]
    if value["type"] == "sent":
        return bool(sent)
    if value["type"] == "not_opened":
        return bool(sent) and not any(row.opened_at for row in sent)
    if value["type"] == "failed":
        return any(row.status == "failed" and then(row.created) for row in mine) and not sent
    return any(then(getattr(row, f"{value['type']}_at")) for row in mine)


def reaches(value: str, one, world: World) -> tuple[bool, bool]:
    """Whether a broadcast is for a contact, and whether it is not skipped."""
    if value in world.drafts:
        matched = chooses(world.drafts[value], one, world)
        reachable = one.status == "active" and one.email and one.email.partition("@")[0].isascii()
        stopped = any(row.medium == "email" and row.address_hash == one.email_hash for row in world.suppressions)
        asked = {"medium": "email", "use_case": "general", "state": "withdrawn"}
        return matched, bool(matched and reachable and not stopped and not consents(asked, one, world))
    mine = [
        row.status
        for row in world.deliveries
        if row.contact == one and row.message.broadcast.status == "SENT" and str(row.message.broadcast.uuid) == value
    ]
    return bool(mine), any(status != "skipped" for status in mine)


def is_skipped(value: str, one, world: World) -> bool:
    matched, received = reaches(value, one, world)
    return matched and not received


def consents(value: dict, one, world: World) -> bool:
    kind, use_case = value["medium"], value["use_case"]
    states = [
        row.state for row in world.consents if row.contact == one and row.medium == kind and row.use_case == use_case
    ]
    return (states or ["unknown"])[0] in listed(value["state"])


def suppressed(value: str, one, world: World) -> bool:
    hashes = {one.email_hash, one.phone_hash, one.whatsapp_hash}
    return any(row.medium == value and row.address_hash in hashes for row in world.suppressions)


def in_segment(value: str, one, world: World) -> bool:
    segment = next(segment for segment in world.segments.values() if str(segment.uuid) == value)
    if segment.kind == "static":
        return (segment.name, one.pk) in world.members
    return chooses(segment.rules, one, world)


RELATIONS = {
    "segment": in_segment,
    "customers": in_segment,
    "offerings": in_segment,
    "activity": lambda value, one, world: attends({"activity": value}, one, world),
    "attendance_status": lambda value, one, world: attends({"status": value}, one, world),
    "attendance": attends,
    "engagement": engages,
    "recipient_of": lambda value, one, world: reaches(value, one, world)[1],
    "skipped_by": is_skipped,
    "consent": consents,
    "suppressed": suppressed,
}
