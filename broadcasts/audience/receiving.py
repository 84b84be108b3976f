"""The matched contacts of each message, with what it does for them, and which of several messages each one gets."""

from collections.abc import Sequence
from typing import Any

from django.db.models import Q, QuerySet, Value, lookups

from broadcasts.models import Broadcast, Message

from .audience import Audience, matched
from .conditions import any_of
from .reasons import Reasons, address_in, skip_reason
from .routes import Route


def recipients(
    audience: Audience, message: "Message | Route", among: "Sequence[Message | Route]" = ()
) -> QuerySet[Any, Any]:
    """Return the matched contacts, with `skip_reason` ("" if it will be sent), `send_address` and `send_language`.

    `among` has all messages of the broadcast in their order. Under the channel policy "first" only those contacts are
    returned whose delivery belongs to this message: it is the first one that can reach them, or the very first.
    """
    route = Route.of(message)
    reasons = Reasons(audience.organization, audience.use_case, route)
    found = matched(audience).annotate(
        skip_reason=skip_reason(audience, route),
        send_address=address_in(route.contact_field),
        send_language=reasons.language(),
    )
    if audience.channel_policy == Broadcast.Policy.EVERY or len(among) < 2:
        return found
    place = _place(message, among)
    if place > 0:
        return _passed_on(found, audience, among[:place]).filter(skip_reason="")
    elsewhere = any_of([_can_reach(audience, one) for one in among[1:]])
    return found.filter(Q(skip_reason="") | ~elsewhere)


def receivers(
    audience: Audience, message: "Message | Route", among: "Sequence[Message | Route]" = ()
) -> QuerySet[Any, Any]:
    """Return those of `recipients` whom the message will be sent to, with `send_address` and `send_language`."""
    route = Route.of(message)
    found = matched(audience).filter(_can_reach(audience, route))
    if audience.channel_policy != Broadcast.Policy.EVERY and len(among) > 1:
        found = _passed_on(found, audience, among[: _place(message, among)])
    reasons = Reasons(audience.organization, audience.use_case, route)
    return found.annotate(send_address=address_in(route.contact_field), send_language=reasons.language())


def _place(message: "Message | Route", among: "Sequence[Message | Route]") -> int:
    """Return the place of a message among others; several may be equal in all that matters to an audience."""
    same = [i for i, one in enumerate(among) if one is message]
    return same[0] if same else list(among).index(message)


def _can_reach(audience: Audience, message: "Message | Route") -> Q:
    return Q(lookups.Exact(skip_reason(audience, Route.of(message)), Value("")))


def _passed_on(
    people: QuerySet[Any, Any], audience: Audience, earlier: "Sequence[Message | Route]"
) -> QuerySet[Any, Any]:
    """Keep the contacts that none of the earlier messages can reach."""
    for one in earlier:
        people = people.filter(~_can_reach(audience, one))
    return people
