"""What a broadcast asks for, and the contacts it matches."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

from django.db.models import Q, QuerySet

from broadcasts.exceptions import InvalidInput
from broadcasts.models import Broadcast, Contact, Engagement, Organization, Segment, UseCase

from .addresses import at_addresses, create_contacts
from .leaves import NOBODY, Refused, Scope, any_of
from .query import condition_of, in_segments
from .relations import attended, engaged


@dataclass(frozen=True, kw_only=True)
class Audience:
    """What one broadcast, saved or not, asks for.

    The union of `send_to_all`, segments, contacts, addresses, activity and query; of these only the retargeted.
    A retarget with nothing else asked for is of everybody that broadcast went to. Those in excluded segments
    stay matched, and are skipped.
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
    base_language: str = "en"
    channel_policy: str = Broadcast.Policy.FIRST
    expires_at: datetime | None = None

    @classmethod
    def of(cls, broadcast: Broadcast) -> Self:
        """Read what a saved broadcast asks for."""
        contacts = Broadcast.contacts.through._default_manager.filter(broadcast=broadcast.pk)
        return cls(
            organization=broadcast.organization,
            use_case=broadcast.use_case,
            send_to_all=broadcast.send_to_all,
            segment_ids=[segment.pk for segment in broadcast.segments.all()],
            excluded_ids=[segment.pk for segment in broadcast.excluded_segments.all()],
            contact_ids=contacts.values("contact_id") if contacts.exists() else (),
            addresses=broadcast.addresses,
            activity_id=broadcast.activity_id,
            attendance_status=broadcast.attendance_status,
            query=broadcast.query,
            retarget_of_id=broadcast.retarget_of_id,
            retarget_engagement=broadcast.retarget_engagement,
            base_language=broadcast.base_language,
            channel_policy=broadcast.channel_policy,
            expires_at=broadcast.expires_at,
        )

    def matched(self, of_all: bool = False) -> Q:
        """The condition on contacts of being matched."""
        asked = [] if self.send_to_all else self._asked(of_all)
        everybody = self.send_to_all or (not asked and self.retarget_of_id is not None)
        condition = Q(pk__gt=0) if everybody else any_of(asked) if asked else NOBODY
        if self.retarget_of_id is not None:
            engagement = self.retarget_engagement or Engagement.SENT
            condition &= engaged(self.retarget_of_id, engagement, of_all=of_all)
        return condition

    def excluded(self, of_all: bool = False) -> Q | None:
        """The condition on contacts of being in an excluded segment; None where there is no such segment."""
        scope = Scope(self.organization, of_all)
        return self._in_segments("excluded_segments", self.excluded_ids, scope) if self.excluded_ids else None

    def _asked(self, of_all: bool) -> list[Q]:
        asked: list[Q] = []
        scope = Scope(self.organization, of_all)  # of one, for they are one condition in the end
        if self.segment_ids:
            asked.append(self._in_segments("segments", self.segment_ids, scope))
        if isinstance(self.contact_ids, QuerySet) or self.contact_ids:
            asked.append(Q(pk__in=self.contact_ids))
        if self.addresses:
            asked.append(at_addresses(self.addresses, self.organization))
        if self.activity_id is not None:
            statuses = [self.attendance_status] if self.attendance_status else None
            asked.append(attended(activity_ids=[self.activity_id], statuses=statuses, of_all=of_all))
        if self.query:
            try:
                asked.append(condition_of(self.query, scope))
            except Refused as refused:
                raise InvalidInput({"query": str(refused)}) from None
        return asked

    def _in_segments(self, name: str, pks: Collection[int], scope: Scope) -> Q:
        segments = list(Segment.objects.for_organization(self.organization).filter(pk__in=pks))
        if len(segments) < len(set(pks)):
            raise InvalidInput({name: "One of these segments is not there (any more); choose others."})
        try:
            return in_segments(segments, scope)
        except Refused as refused:
            raise InvalidInput({name: f"{refused.message[0].upper()}{refused.message[1:]}."}) from None


def matched(audience: Audience, of_all: bool = False) -> QuerySet[Contact]:
    """Return everyone the audience matches, each once, those who will be skipped included."""
    return Contact.objects.for_organization(audience.organization).filter(audience.matched(of_all))


def create_missing(audience: Audience) -> None:
    """Make contacts for addresses that nobody has yet; for start, doing it twice changes nothing."""
    if audience.addresses:
        create_contacts(audience.addresses, audience.organization)
