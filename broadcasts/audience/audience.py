"""What a broadcast asks for, and the contacts it matches."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any, Self

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from broadcasts.clocks import send_time, zones_by_value
from broadcasts.exceptions import InvalidInput
from broadcasts.models import Broadcast, Contact, Delivery, Engagement, Message, Organization, Segment, UseCase

from .addresses import at_addresses, create_contacts, missing_addresses
from .conditions import NOBODY, any_of
from .measuring import why_not
from .query import clause_of, in_segments
from .relations import attended, engaged, having
from .values import QueryError, Scope

# Fields of a broadcast that hold rows -> the field of an audience that holds their ids.
ROWS = {"activity": "activity_id", "retarget_of": "retarget_of_id"}
LISTS = {
    "segments": "segment_ids",
    "excluded_segments": "excluded_ids",
    "contacts": "contact_ids",
    "excluded_broadcasts": "excluded_broadcast_ids",
}


EVERYBODY = Q(pk__gt=0)


@dataclass(frozen=True, kw_only=True)
class Audience:
    """The audience of one broadcast, saved or not.

    It matches the union of `send_to_all`, segments, contacts, addresses, activity and query, restricted to the
    retargeted contacts; a retarget without any of these fields matches all contacts its broadcast was sent to. Contacts
    in excluded segments, or that were sent an excluded broadcast (within `excluded_days`), match but are skipped.
    """

    organization: Organization
    use_case: str = UseCase.GENERAL
    send_to_all: bool = False
    segment_ids: Collection[int] = ()
    excluded_ids: Collection[int] = ()
    contact_ids: Collection[int] | QuerySet = ()  # a broadcast may name more contacts than fit into a statement
    addresses: Collection[str] = ()
    activity_id: int | None = None
    attendance_status: str | None = None
    query: dict[str, Any] = field(default_factory=dict)
    retarget_of_id: int | None = None
    retarget_engagement: str | None = None
    excluded_broadcast_ids: Collection[int] = ()
    excluded_days: int | None = None
    base_language: str = "en"
    channel_policy: str = Broadcast.Policy.FIRST
    expires_at: datetime | None = None
    begins_at: datetime | None = None
    local: tuple[date, time] | None = None  # the day and clock time at which each gets it where they are
    ignore_quiet_hours: bool = False
    of_all: bool = False  # evaluated for all contacts at once, not for a page or a chunk

    @classmethod
    def of(cls, broadcast: Broadcast) -> Self:
        """Return the audience of a saved broadcast."""
        named = Broadcast.contacts.through._default_manager.filter(broadcast=broadcast.pk)
        asked = {name: getattr(broadcast, name) for name in Broadcast.WHO if name not in {*ROWS, *LISTS}}
        asked |= {column: getattr(broadcast, column) for column in ROWS.values()}
        lists = {ours: getattr(broadcast, name).all() for name, ours in LISTS.items() if name != "contacts"}
        asked |= {ours: [row.pk for row in rows] for ours, rows in lists.items()}
        return cls(
            **asked,
            organization=broadcast.organization,
            use_case=broadcast.use_case,
            contact_ids=named.values("contact_id") if named.exists() else (),
            base_language=broadcast.base_language,
            channel_policy=broadcast.channel_policy,
            expires_at=broadcast.expires_at,
            begins_at=broadcast.scheduled_at,
            local=broadcast.clock_of(at) if broadcast.local_time and (at := broadcast.scheduled_at) else None,
            ignore_quiet_hours=broadcast.ignore_quiet_hours,
        )

    @classmethod
    def asking(cls, organization: Organization, values: Mapping[str, Any]) -> Self:
        """Return the audience of an unsaved broadcast; `asked` maps field names of Broadcast to rows and values."""
        asked = dict(values)
        for name, ours in ROWS.items():
            row = asked.pop(name, None)
            asked[ours] = row.pk if row else None
        for name, ours in LISTS.items():
            asked[ours] = [row.pk for row in asked.pop(name, None) or ()]
        return cls(organization=organization, **asked)

    def problems(self, pk: int | None = None) -> dict[str, str]:
        """Return {field: message} for fields that contradict each other; `pk` is that of a saved broadcast."""
        errors = {}
        if bool(self.retarget_of_id) != bool(self.retarget_engagement):
            errors["retarget_engagement"] = "retarget_of and retarget_engagement go together: give both or neither."
        if self.retarget_of_id:
            errors |= _wrong_retarget(self.retarget_of_id, self.retarget_engagement, pk)
        if self.attendance_status and not self.activity_id:
            errors["attendance_status"] = "This needs an activity."
        if pk in self.excluded_broadcast_ids:
            errors["excluded_broadcasts"] = "A broadcast cannot leave out those whom it is sent to itself."
        if self.excluded_days is not None and not self.excluded_broadcast_ids:
            errors["excluded_days"] = "This needs excluded_broadcasts."
        return errors

    def matched(self) -> Q:
        """Return the clause for the contacts that are matched."""
        asked = self.clauses()
        clause = any_of(list(asked.values())) if asked else NOBODY
        among = self.retargeted()
        return clause if among is None else clause & among

    def excluded(self) -> Q | None:
        """Return the clause for the contacts that are excluded; None if there are no exclusions."""
        clauses = []
        if self.excluded_ids:
            clauses.append(
                self._in_segments("excluded_segments", self.excluded_ids, Scope(self.organization, self.of_all))
            )
        if self.excluded_broadcast_ids:
            clauses.append(having(self.excluded_copies(), self.of_all))
        return any_of(clauses) if clauses else None

    def expiring(self, medium: str) -> Q | None:
        """Return the clause for the contacts whose send time is after the expiry; None if no contact has to wait."""
        expires_at = self.expires_at
        quiet = self.organization.quiet_hours_on(medium, self.use_case, ignored=self.ignore_quiet_hours)
        if expires_at is None or not (quiet or self.local):
            return None
        now = timezone.now()
        begins = max(now, self.begins_at) if self.begins_at and not self.local else now
        elsewhere, at_home = zones_by_value(
            lambda zone: send_time(begins, zone, self.local, quiet) >= expires_at, self.organization.zone
        )
        others = Q(time_zone__in=elsewhere.get(not at_home, []))
        return ~others if at_home else others

    def excluded_copies(self) -> QuerySet[Delivery]:
        """Return the deliveries of the excluded broadcasts, and days, that were sent or whose outcome is unknown."""
        messages = list(Message.objects.filter(broadcast__in=self.excluded_broadcast_ids).values_list("pk", flat=True))
        copies = Delivery.objects.filter(message__in=messages)
        sent, unknown = Q(status=Delivery.Status.SENT), Q(status=Delivery.Status.UNKNOWN)
        if self.excluded_days is not None:
            since = timezone.now() - timedelta(days=self.excluded_days)
            sent, unknown = sent & Q(sent_at__gte=since), unknown & Q(created__gte=since)
        return copies.filter(sent | unknown)

    def clauses(self) -> dict[str, Q]:
        """Return {field: clause}; the audience is the union of these clauses."""
        if self.send_to_all:
            return {"send_to_all": EVERYBODY}
        asked: dict[str, Q] = {}
        scope = Scope(self.organization, self.of_all)  # one scope, since the clauses end up in one query
        if self.segment_ids:
            asked["segments"] = self._in_segments("segments", self.segment_ids, scope)
        if isinstance(self.contact_ids, QuerySet) or self.contact_ids:
            asked["contacts"] = Q(pk__in=self.contact_ids)
        if self.addresses:
            asked["addresses"] = at_addresses(self.addresses, self.organization)
        if self.activity_id is not None:
            statuses = [self.attendance_status] if self.attendance_status else None
            asked["activity"] = attended(activity_ids=[self.activity_id], statuses=statuses, of_all=self.of_all)
        if self.query:
            try:
                asked["query"] = clause_of(self.query, scope)
            except QueryError as error:
                raise InvalidInput({"query": str(error)}) from None
        return asked or ({} if self.retarget_of_id is None else {"send_to_all": EVERYBODY})

    def retargeted(self) -> Q | None:
        """Return the clause for the contacts that a retarget keeps; None if this is no retarget."""
        if self.retarget_of_id is None:
            return None
        engagement = self.retarget_engagement or Engagement.SENT
        return engaged(self.retarget_of_id, engagement, of_all=self.of_all)

    def _in_segments(self, name: str, pks: Collection[int], scope: Scope) -> Q:
        segments = list(Segment.objects.for_organization(self.organization).filter(pk__in=pks))
        if len(segments) < len(set(pks)):
            raise InvalidInput({name: "One of these segments is not there (any more); choose others."})
        try:
            return in_segments(segments, scope)
        except QueryError as error:
            raise InvalidInput({name: f"{error.message[0].upper()}{error.message[1:]}."}) from None


def _wrong_retarget(pk: int, engagement: str | None, own: int | None) -> dict[str, str]:
    if pk == own:
        return {"retarget_of": "A broadcast cannot retarget itself."}
    broadcast = Broadcast.objects.prefetch_related("messages__channel").get(pk=pk)
    if not broadcast.has_begun:
        return {"retarget_of": f"“{broadcast}” has not been sent yet: nothing has become of it for anybody."}
    if broadcast.log_is_gone():
        gone = f"The log of “{broadcast}” has been deleted: nobody can tell any more what became of it for whom."
        return {"retarget_of": gone}
    if engagement and (reason := why_not(broadcast, engagement)):
        return {"retarget_engagement": reason}
    return {}


def matched(audience: Audience) -> QuerySet[Contact]:
    """Return the contacts that the audience matches, without duplicates; those that will be skipped are included."""
    return Contact.objects.for_organization(audience.organization).filter(audience.matched())


@contextmanager
def as_if_created(audience: Audience) -> Iterator[None]:
    """Create contacts for unknown addresses, as starting would, and roll them back on exit."""
    if not audience.addresses or not missing_addresses(audience.addresses, audience.organization):
        yield
        return
    with transaction.atomic():
        create_missing(audience)
        yield
        transaction.set_rollback(True)


def create_missing(audience: Audience) -> None:
    """Create contacts for the addresses that no contact has; idempotent."""
    if audience.addresses:
        create_contacts(audience.addresses, audience.organization)
