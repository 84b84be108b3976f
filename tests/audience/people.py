"""A small population, and what its tests ask of it."""

from datetime import UTC, datetime

from broadcasts.audience import compile_query
from broadcasts.models import Activity, Attendance, Contact, Delivery, Segment, SegmentMember, Series

from ..make import make_broadcast, make_contact


def make_population(club) -> dict[str, Contact]:
    return {
        "ana": make_contact(
            club,
            "ana@example.com",
            full_name="Ana Ruiz",
            language="es",
            attributes={"plan": "pro", "age": 30, "member": True, "tags": ["swim", "yoga"], "born": "1996-05-01"},
        ),
        "bob": make_contact(
            club,
            "Bob@Example.com",
            full_name="Bob Stone",
            language="en",
            phone="+34600000001",
            attributes={"plan": "Basic", "age": 9, "member": False, "tags": [], "born": "2017-01-31"},
        ),
        "chi": make_contact(club, "chi@example.org", full_name="Chi", language="es-MX", attributes={"plan": "pro"}),
        "dan": make_contact(club, "", full_name="Dan", phone="+34600000002", external_id="d-1"),
        "eve": make_contact(club, "eve@example.com", full_name="Eve", status="archived", time_zone="Europe/Madrid"),
    }


def names(contacts) -> str:
    """First names of contacts, in order; somebody twice would show."""
    return " ".join(sorted(name.split()[0].lower() for name in contacts.values_list("full_name", flat=True)))


def chosen(query, club) -> str:
    return names(compile_query(query, club))


def make_segment(club, name, rules=None, members=()) -> Segment:
    if rules is not None:
        return Segment.objects.create(organization=club, name=name, kind="dynamic", rules=rules)
    segment = Segment.objects.create(organization=club, name=name, kind="static")
    SegmentMember.objects.bulk_create(SegmentMember(segment=segment, contact=contact) for contact in members)
    return segment


def make_activity(club, series="Yoga") -> Activity:
    return Activity.objects.create(organization=club, name=series, series=Series.named(club, [series])[series])


def attend(activity, contact, status="attended") -> None:
    Attendance.objects.create(activity=activity, contact=contact, status=status)


def make_earlier(mail, facts: dict[Contact, dict]):
    """A broadcast that was sent, with what became of it for each contact: {"status": ..., "opened_at": ...}."""
    broadcast = make_broadcast(mail, status="SENT", use_case="marketing")
    message = broadcast.messages.get()
    Delivery.objects.bulk_create(
        Delivery(message=message, contact=contact, **{"status": "sent", "sent_at": NOW, **fields})
        for contact, fields in facts.items()
    )
    return broadcast


NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
