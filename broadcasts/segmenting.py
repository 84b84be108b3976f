"""Add and remove members of static segments, and freeze dynamic ones, by two statements for all contacts.

The first one sets `modified` of the contacts, since their segments are part of what clients read of them.
"""

from django.core.exceptions import EmptyResultSet, ValidationError
from django.db import IntegrityError, connection, transaction
from django.db.models import F, QuerySet, Value
from django.db.models.functions import Now

from broadcasts import audience
from broadcasts.database import tidy_name
from broadcasts.exceptions import InvalidInput, WrongState
from broadcasts.models import Contact, Organization, Segment, SegmentMember

TAKEN = "There is a segment of this name already."


def add(segment: Segment, contacts: QuerySet[Contact]) -> int:
    """Add contacts of the segment's organization; return how many are new in it."""
    _refuse_dynamic(segment)
    columns = {"segment_id": Value(segment.pk), "contact_id": F("pk"), "created": Now()}
    chosen = contacts.filter(organization=segment.organization_id).order_by()
    rows = chosen.annotate(**{f"row_{name}": value for name, value in columns.items()})
    try:
        select, params = rows.values_list(*[f"row_{name}" for name in columns]).query.sql_with_params()
    except EmptyResultSet:  # such as an empty list of ids
        return 0
    table = connection.ops.quote_name(SegmentMember._meta.db_table)
    with transaction.atomic():
        Contact.touch(chosen.exclude(pk__in=segment.members.values("contact")))
        with connection.cursor() as cursor:
            cursor.execute(f"INSERT INTO {table} ({', '.join(columns)}) {select} ON CONFLICT DO NOTHING", params)
            return cursor.rowcount


def remove(segment: Segment, contacts: QuerySet[Contact]) -> int:
    """Remove contacts; return how many of them were members."""
    _refuse_dynamic(segment)
    with transaction.atomic():
        Contact.touch(contacts.filter(pk__in=segment.members.values("contact")))
        gone = SegmentMember.objects.filter(segment=segment, contact__in=contacts.order_by().values("pk"))
        return gone.delete()[0]


def freeze(segment: Segment, name: str) -> Segment:
    """Create a static segment of the contacts that match a dynamic one now, in one transaction."""
    if segment.kind != Segment.Kind.DYNAMIC:
        raise WrongState("This segment has members and no rules: there is nothing to freeze.")
    return create(segment.organization, name, audience.segment_contacts(segment, of_all=True))[0]


def create(organization: Organization, name: str, contacts: QuerySet[Contact]) -> tuple[Segment, int]:
    """Create a static segment of contacts, in one transaction; return it and how many they are."""
    segment = Segment(organization=organization, name=tidy_name(name), kind=Segment.Kind.STATIC)
    try:
        segment.full_clean()
        with transaction.atomic():
            segment.save()
            n = add(segment, contacts)
            audience.count_segment(segment)
    except ValidationError as error:
        raise InvalidInput({"name": " ".join(error.messages)}) from None
    except IntegrityError:
        raise InvalidInput({"name": TAKEN}) from None
    return segment, n


def _refuse_dynamic(segment: Segment) -> None:
    if segment.kind != Segment.Kind.STATIC:
        raise WrongState("A dynamic segment has no members of its own; change its rules.")
