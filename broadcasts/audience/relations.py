"""Conditions on rows that belong to contacts: engagement with broadcasts, consent, suppression."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet

from broadcasts.mediums import SENT_TO
from broadcasts.models import (
    Broadcast,
    Consent,
    ConsentState,
    Delivery,
    DeliveryEvent,
    Engagement,
    Link,
    Medium,
    Message,
    Suppression,
    UseCase,
)
from broadcasts.models.deliveries import DeliveryQuerySet

from .conditions import NOBODY, Condition, ExactCondition, any_of
from .values import (
    QueryError,
    Read,
    Scope,
    at,
    read_choice,
    read_object,
    read_text,
    read_uuid,
    read_within,
)

Span = tuple[datetime, datetime]

read_engagement_type = read_choice(Engagement, "an engagement")
read_medium = read_choice(Medium, "a medium")
read_use_case = read_choice(UseCase, "a use case")
read_consent_state = read_choice(ConsentState, "a state of consent")


def having(rows: QuerySet[Any], of_all: bool) -> Q:
    """Return the clause for contacts that have such rows.

    With `of_all` the list of these contacts is read once, by parallel workers on PostgreSQL; otherwise each contact is
    looked up.
    """
    if of_all:
        return Q(pk__in=rows.filter(contact__isnull=False).values("contact"))
    return Q(Exists(rows.filter(contact=OuterRef("pk"))))


def engaged(
    broadcast_id: int | None,
    type_: str,
    span: Span | None = None,
    link_ids: Sequence[int] | None = None,
    of_all: bool = False,
) -> Q:
    """Return the clause for contacts with an engagement in any message of a broadcast (None: of any broadcast).

    span: the time of the fact; for `not_opened` the time of sending, for `failed` the creation of the delivery.
    link_ids: only clicks on these links.
    """
    if link_ids is not None:
        clicks = DeliveryEvent.objects.filter(
            delivery__contact=OuterRef("pk"), type=DeliveryEvent.Type.CLICKED, machine=False, link__in=link_ids
        )
        return Q(Exists(_in_span(clicks, "at", span)))
    if broadcast_id is None:
        of_all = False  # the few deliveries of each contact are read by their index
    rows = _copies(broadcast_id, Engagement(type_))
    if rows is None:
        return NOBODY
    sent = _in_span(rows.filter(status=Delivery.Status.SENT), "sent_at", span)
    if type_ == Engagement.SENT:
        return having(sent, of_all)
    if type_ == Engagement.NOT_OPENED:
        return having(sent, of_all) & ~having(sent.filter(opened_at__isnull=False), of_all)
    if type_ == Engagement.FAILED:  # failed on one channel and not sent on another; of a fallback, the last copy counts
        last = rows.standing() if broadcast_id is None or _falls_back(broadcast_id) else rows
        failed = _in_span(last.filter(status=Delivery.Status.FAILED), "created", span)
        sent = _in_span(last.filter(status=Delivery.Status.SENT), "sent_at", span)
        return having(failed, of_all) & ~having(sent, of_all)
    return having(_in_span(rows.filter(**{f"{type_}_at__isnull": False}), f"{type_}_at", span), of_all)


def _copies(broadcast_id: int | None, engagement: Engagement) -> DeliveryQuerySet | None:
    """Return the deliveries of a broadcast (None: of all broadcasts); None if it has no message.

    For `not_opened` only those on channels that report opens, since a missing fact means something only there; all of
    them if no channel reports opens.
    """
    rows = Delivery.objects.all()
    by_absence = engagement == Engagement.NOT_OPENED
    if broadcast_id is None:
        return rows.filter(Message.reporting(engagement.fact, "message__")) if by_absence else rows
    messages = Message.objects.filter(broadcast=broadcast_id)
    measured = (
        list(messages.filter(Message.reporting(engagement.fact)).values_list("pk", flat=True)) if by_absence else []
    )
    chosen = measured or list(messages.values_list("pk", flat=True))
    return rows.filter(message__in=chosen) if chosen else None


def _falls_back(broadcast_id: int) -> bool:
    return Broadcast.objects.filter(pk=broadcast_id, channel_policy=Broadcast.Policy.FALLBACK).exists()


def _in_span(rows: Any, field: str, span: Span | None) -> Any:
    return rows if span is None else rows.filter(**{f"{field}__range": span})


class ObjectCondition(Condition):
    """A condition whose value is an object; `parts` maps each of its keys to the function that reads its value."""

    example = ""
    parts: dict[str, Read] = {}
    required: tuple[str, ...] = ()

    @property
    def help(self) -> str:  # type: ignore[override]
        return f"JSON, such as {self.example}; accepted: {', '.join(self.parts)}."

    def read(self, value: Any, scope: Scope) -> dict[str, Any]:
        given = read_object(value, tuple(self.parts), self.example)
        for key in self.required:
            if key not in given:
                raise QueryError(f"missing; give {' and '.join(self.required)}, such as {self.example}", f".{key}")
        found = {}
        for key, read in self.parts.items():
            if key in given:
                with at(f".{key}"):
                    found[key] = read(given[key], scope)
        return found


class EngagementCondition(ObjectCondition):
    """An engagement with one broadcast, or with any."""

    example = '{"broadcast": "<uuid>", "type": "opened"}'
    parts = {
        "type": read_engagement_type,
        "broadcast": lambda value, scope: find_broadcast(value, scope).pk,
        "link": read_text,
        "within": read_within,
    }
    required = ("type",)

    @property
    def help(self) -> str:  # type: ignore[override]
        return f"{super().help[:-1]}; of any broadcast unless one is given; a link is a URL clicked in it."

    def read(self, value: Any, scope: Scope) -> dict[str, Any]:
        found = super().read(value, scope)
        if "link" in found:
            if found["type"] != Engagement.CLICKED or "broadcast" not in found:
                raise QueryError("give it beside a broadcast and the type clicked", ".link")
            found["link"] = self._links(found["broadcast"], found["link"])
        return found

    def _links(self, broadcast_id: int, url: str) -> list[int]:
        links = Link.objects.filter(message__broadcast=broadcast_id)
        pks = list(links.filter(url=url.strip()).values_list("pk", flat=True))
        if not pks:
            known = links.values_list("url", flat=True).distinct()[:20]
            raise QueryError(
                f"there is no such link in this broadcast; its links: {', '.join(known) or 'none'}", ".link"
            )
        return pks

    def match(self, values: list[Any], scope: Scope) -> Q:
        scope.spend(2 * len(values))
        return any_of(
            [
                engaged(value.get("broadcast"), value["type"], value.get("within"), value.get("link"), scope.of_all)
                for value in values
            ]
        )


class ConsentCondition(ObjectCondition):
    """The state of a contact's consent; a contact without a row has the state `unknown`."""

    example = '{"medium": "email", "use_case": "marketing", "state": "granted"}'
    parts = {
        "medium": read_medium,
        "use_case": read_use_case,
        "state": ExactCondition("state", read_consent_state).read_all,
    }
    required = ("medium", "use_case", "state")

    def match(self, values: list[Any], scope: Scope) -> Q:
        scope.spend(2 * len(values))
        return any_of([self._one(**value) for value in values])

    def _one(self, medium: str, use_case: str, state: list[str]) -> Q:
        rows = Consent.objects.filter(contact=OuterRef("pk"), medium=medium, use_case=use_case)
        if ConsentState.UNKNOWN not in state:
            return Q(Exists(rows.filter(state__in=state)))
        return ~Q(Exists(rows.exclude(state__in=state)))


class SuppressedCondition(Condition):
    help = f"{', '.join(Medium.values)}: an address is on the suppression list of that medium, for any reason."

    def read(self, value: Any, scope: Scope) -> str:
        return read_medium(value, scope)

    def match(self, values: list[Any], scope: Scope) -> Q:
        scope.spend(1)
        hashes = [OuterRef(one.hash) for one in SENT_TO.values()]
        rows = Suppression.objects.filter(organization=scope.organization, medium__in=values, address_hash__in=hashes)
        return Q(Exists(rows))


def find_broadcast(value: Any, scope: Scope) -> Broadcast:
    uuid = read_uuid(value, scope)
    broadcast = Broadcast.objects.for_organization(scope.organization).filter(uuid=uuid).first()
    if broadcast is None:
        raise QueryError(f"there is no broadcast {uuid}")
    return broadcast


RELATION_CONDITIONS: dict[str, Condition] = {
    "engagement": EngagementCondition(),
    "consent": ConsentCondition(),
    "suppressed": SuppressedCondition(),
}
