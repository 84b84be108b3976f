"""A small population of odd people, for rules nobody thought of."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import cycle, islice
from uuid import UUID

from broadcasts.models import (
    Activity,
    Attendance,
    Attribute,
    Broadcast,
    Consent,
    Contact,
    Delivery,
    DeliveryEvent,
    Link,
    Message,
    MessageTranslation,
    Organization,
    Place,
    Segment,
    SegmentMember,
    Series,
    Suppression,
)

NOW = datetime(2026, 6, 1, 22, 30, tzinfo=UTC)  # in Madrid it is the 2nd already
COUNT = 40

NAMES = ["Ana", "ana", "ANA", "Ánä Rûiz", "áNÄ rÛIZ", "", " ", "100%", "a_b", "a*b?", "[x]", "O'Neil", 'Q"', "C:\\a",
         "ſtraße", "STRASSE", "Ωmega", "ωΜΕΓΑ", "ς", "日本", "🦊", "e\u0301",
         "İi", "ıI", "--", "null", "K", "k"]  # fmt: skip
LANGUAGES = ["", "es", "en", "es-MX", "zh-Hant", "EN"]
ZONES = ["", "Europe/Madrid", "UTC"]
TEXTS = [None, "", " ", "pro", "Pro", "PRO", " pro", "Prö", "PRÖ", "%", "_", "5", "true", "null", "[]", "'", "\\", '"',
         "a\nb", "日本", 5, 5.0, True, False, [], ["pro"], {"pro": "pro"}]  # fmt: skip
NUMBERS = [None, 0, -0.0, 0.0, 5, 5.0, 5.5, -5, 0.1, 0.30000000000000004, 2**53, 2**53 + 1, 2**63, 10**20, 10**400,
           -(10**400), 1e22, 1e298, -1e298, 1e299, -1e299, 1e-300, "5", "nan", "", True, [], [5], {"5": 5}]  # fmt: skip
BOOLEANS = [None, True, False, "true", "false", 1, 0, "", [], [True], {"true": True}]
DATES = [None, "2026-06-01", "2026-06-02", "2026-06-03", "2026-05-30", "1999-12-31", "0001-01-01", "9999-12-31",
         "2026-06-02T09:00:00", "soon", "", " 2026-06-02", "2026-6-2", "20260602", 20260602, True, [], ["2026-06-02"],
         {"2026-06-02": 1}, "2026-0६-02", "-026-06-02", "2026-06"]  # fmt: skip
MOMENTS = [None, "2026-06-01T22:30:00", "2026-06-01T22:30:00Z", "2026-06-01 22:00:00", "2026-06-01T23:30:00.5Z",
           "2026-06-02T00:00:00", "2026-06-01T22:30", "2026-06-02", "1999-12-31T23:59:59", "9999-12-31T23:59:59Z",
           "noon", "", 20260602, False, [], ["2026-06-01T22:30:00"], "T2026-06-01T22:30:00"]  # fmt: skip
LISTS = [None, [], ["yoga"], ["Yoga", "swim"], ["yoga", 5], [5.0], ["5"], [5.5, None, True, False], [["yoga"]],
         [{"yoga": "yoga"}], {"yoga": "yoga"}, "yoga", 5, True, "true", ["true", "null", ""], ["[]"], "", [10**20],
         [0.1], [2**53 + 1], ["日本", "%", "'", "\\"]]  # fmt: skip
POOLS = {"plan": (TEXTS, "text"), "age": (NUMBERS, "number"), "member": (BOOLEANS, "boolean"),
         "born": (DATES, "date"), "joined": (MOMENTS, "datetime"), "tags": (LISTS, "list")}  # fmt: skip

AGO = [None, timedelta(0), timedelta(hours=1), timedelta(hours=1, microseconds=1), timedelta(days=1), timedelta(days=7),
       timedelta(days=30), timedelta(days=-1), timedelta(hours=-12), timedelta(days=400)]  # fmt: skip
SERIES = {301: "Yoga", 302: "yoga", 303: "Polo"}  # by id
PLACES = {401: "Hall", 402: "Pool"}
URLS = ["https://club.example/pool", "https://club.example/bar"]


@dataclass(repr=False)
class World:
    """The rows as they are, by what a rule calls them."""

    organization: Organization
    contacts: list[Contact] = field(default_factory=list)
    activities: list[Activity] = field(default_factory=list)
    attendances: list[Attendance] = field(default_factory=list)
    segments: dict[str, Segment] = field(default_factory=dict)
    members: set[tuple[str, int]] = field(default_factory=set)
    broadcasts: list[Broadcast] = field(default_factory=list)
    deliveries: list[Delivery] = field(default_factory=list)
    drafts: dict[str, dict] = field(default_factory=dict)  # the query of each, by its uuid
    clicks: list[DeliveryEvent] = field(default_factory=list)
    consents: list[Consent] = field(default_factory=list)
    suppressions: list[Suppression] = field(default_factory=list)


def nth(values, i, stride=1):
    return values[i * stride % len(values)]


def ago(i, stride=1):
    gone = nth(AGO, i, stride)
    return None if gone is None else NOW - gone


def make_world() -> World:
    """Build it from tables, the same each time; another organization has the same people."""
    odd = Organization.objects.create(name="Odd", slug="odd", country="ES", time_zone="Europe/Madrid")
    world = _people(odd, COUNT, first_uuid=1000)
    _people(Organization.objects.create(name="Other", slug="other"), 5, first_uuid=2000)
    _segments(world)
    _attendances(world)
    _deliveries(world)
    _drafts_and_sent(world)
    _consents(world)
    return world


def _people(organization: Organization, count: int, first_uuid: int) -> World:
    for key, (_, type_) in POOLS.items():
        Attribute.objects.create(organization=organization, key=key, type=type_)
    world = World(organization)
    for i in range(count):
        # Each key strides through its pool in its own way, so that oddities meet in many ways; some are not there.
        pools = ((key, pool, 3 + 2 * n) for n, (key, (pool, _)) in enumerate(POOLS.items()))
        attributes = {key: pool[(i * stride + i // len(pool)) % len(pool)] for key, pool, stride in pools if i % stride}
        contact = Contact(
            organization=organization,
            uuid=UUID(int=first_uuid + i),
            full_name=nth(NAMES, i),
            email=nth(["", f"P{i}@Example.com", f"p{i}@exämple.org", f"ß{i}@example.com"], i),
            phone=nth(["", f"+346000000{i:02}", ""], i),
            whatsapp_id=nth(["", "", f"34600{i}", f"US.{i}"], i),
            external_id=nth([None, f"x-{i}", f"X-{i}%"], i),
            language=nth(LANGUAGES, i),
            time_zone=nth(ZONES, i),
            no_tracking=i % 7 == 0,
            status=nth(["active", "active", "blocked", "archived"], i, 3),
            attributes=attributes,
            last_seen_at=ago(i),
        )
        contact.set_keys()
        contact.save()
        contact.created = ago(i, 3) or NOW - timedelta(days=99)
        Contact.objects.filter(pk=contact.pk).update(created=contact.created)
        world.contacts.append(contact)
    return world


def _segments(world: World) -> None:
    rules = {
        "static": None,
        "empty": None,
        "spanish": {"language": "es"},
        "nested": {"any": [{"segment": str(UUID(int=1))}, {"not": {"segment": str(UUID(int=3))}}]},
    }
    for i, (name, rule) in enumerate(rules.items(), 1):
        world.segments[name] = Segment.objects.create(
            organization=world.organization,
            uuid=UUID(int=i),
            name=name,
            kind="dynamic" if rule else "static",
            rules=rule or {},
        )
    for contact in world.contacts[::3]:
        SegmentMember.objects.create(segment=world.segments["static"], contact=contact)
        world.members.add(("static", contact.pk))


def _attendances(world: World) -> None:
    all_series, all_places = (
        [model.objects.create(organization=world.organization, pk=pk, name=name) for pk, name in known.items()]
        for model, known in ((Series, SERIES), (Place, PLACES))
    )
    for i in range(5):
        shared = {"series": nth([*all_series[:2], None, all_series[2]], i), "place": nth([*all_places, None], i, 2)}
        starts = None if i == 2 else NOW + timedelta(days=3 - 5 * i)
        world.activities.append(
            Activity.objects.create(
                organization=world.organization, uuid=UUID(int=100 + i), name="x", starts_at=starts, **shared
            )
        )
    for i, contact in enumerate(world.contacts):
        for j, activity in enumerate(world.activities):
            if (i + j) % 3 and i % 7:
                status = nth(Attendance.Status.values, i + 3 * j)
                world.attendances.append(
                    Attendance(activity=activity, contact=contact, status=status, at=ago(i + j) if i % 2 else None)
                )
    Attendance.objects.bulk_create(world.attendances)


def _deliveries(world: World) -> None:
    for i, messages in enumerate([1, 2, 0]):
        broadcast = Broadcast.objects.create(organization=world.organization, uuid=UUID(int=200 + i), name=f"B{i}")
        world.broadcasts.append(broadcast)
        for position in range(messages):
            message = Message.objects.create(broadcast=broadcast, position=position)
            links = [Link.objects.create(message=message, url=url, digest=url[-3:]) for url in URLS[: 1 + position]]
            for n, contact in islice(enumerate(world.contacts), i, None, 1 + position):
                _deliver(world, message, links, contact, n * 3 + position)


def _drafts_and_sent(world: World) -> None:
    """Two drafts by e-mail, one of which leaves out whom the other reaches, and one that was sent twice to some."""
    queries = {210: {"status": ["active", "archived"]}, 211: {"language": "es", "not": {"recipient_of": _text(210)}}}
    for n, query in queries.items():
        draft = Broadcast.objects.create(organization=world.organization, uuid=UUID(int=n), name=f"D{n}", query=query)
        message = Message.objects.create(broadcast=draft)
        MessageTranslation.objects.create(message=message, language="en", text="Hello")
        world.drafts[_text(n)] = query
    sent = Broadcast.objects.create(
        organization=world.organization, uuid=UUID(int=212), name="S", status="SENT", expanded_at=NOW
    )
    for position in range(2):
        message = Message.objects.create(broadcast=sent, position=position)
        for n, contact in islice(enumerate(world.contacts), position, None, 2 + position):
            _deliver(world, message, [], contact, n + position)


def _text(n: int) -> str:
    return str(UUID(int=n))


def _deliver(world: World, message: Message, links: list[Link], contact: Contact, n: int) -> None:
    status = nth(["sent", "sent", "failed", "skipped", "pending", "sent"], n)
    facts = ("delivered", "opened", "clicked", "replied")
    delivery = Delivery.objects.create(
        message=message,
        contact=contact,
        status=status,
        created=NOW - nth([timedelta(0), timedelta(days=10)], n),
        sent_at=(ago(n, 3) or NOW) if status == "sent" else None,
        **{f"{fact}_at": ago(n, 7 + k) if (n + k) % 2 else None for k, fact in enumerate(facts)},
    )
    world.deliveries.append(delivery)
    for link, machine in zip(links, cycle([False, True] if n % 2 else [True, False]), strict=False):
        if n % 3:
            at = ago(n, 3) or NOW
            world.clicks.append(
                DeliveryEvent.objects.create(delivery=delivery, type="clicked", at=at, machine=machine, link=link)
            )


def _consents(world: World) -> None:
    for i, contact in enumerate(world.contacts):
        for j, (kind, use_case) in enumerate([("email", "marketing"), ("sms", "marketing"), ("email", "general")]):
            if (i + j) % 3:
                state = nth(["granted", "withdrawn", "unknown", "pending"], i + j)
                world.consents.append(Consent(contact=contact, medium=kind, use_case=use_case, state=state))
        for kind, digest in (("email", contact.email_hash), ("sms", contact.phone_hash), ("email", contact.phone_hash)):
            if digest and i % 4 == 1:
                world.suppressions.append(
                    Suppression(organization=world.organization, medium=kind, address_hash=digest, reason="stop")
                )
    Consent.objects.bulk_create(world.consents)
    Suppression.objects.bulk_create(world.suppressions)
