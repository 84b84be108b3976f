"""The card beside each step: how many people, through which channels, when."""

from dataclasses import replace
from typing import Any

from django.db.models.functions import Left
from django.http import HttpRequest
from django.urls import reverse

from broadcasts import audience, formats
from broadcasts.audience import Audience, Estimate, Route
from broadcasts.exceptions import BroadcastsError
from broadcasts.models import Broadcast, Message, MessageTranslation
from broadcasts.sending import hours

from .access import Access
from .broadcast_views import counts_slowly
from .compose_stamps import digest
from .promises import nobody, reasons

COUNTED = ("use_case", *Broadcast.WHO, "channel_policy", "base_language", "scheduled_at", "local_time", "expires_at")
SHOWN = 80  # characters of what a message says


def card(
    request: HttpRequest, broadcast: Broadcast, found: Estimate | None = None, *, is_counted: bool = False
) -> dict[str, Any]:
    """Return what the card tells of a broadcast.

    Where an organization has so many contacts that counting takes long, the script of the page asks for the number,
    with `is_counted`; `counted_for` tells it whether the number that it has may have changed.
    """
    messages = list(broadcast.messages.select_related("channel", "template"))
    is_large = counts_slowly(broadcast)
    through = "-".join(str(message.channel_id) for message in messages)
    return {
        "people": people(broadcast, found) if is_counted or found or not is_large else None,
        "counted_for": f"{digest(broadcast, COUNTED)}-{through}" if is_large else "",
        "count_url": reverse("admin:broadcasts_broadcast_card", args=[broadcast.pk]),
        "channels": channels(broadcast, messages),
        "says": says(messages),
        "when": when_words(broadcast),
        "user": request.user,
        "may_write": Access.of(request).may("write", broadcast.organization_id),
        "test_url": reverse("admin:broadcasts_broadcast_test_to_me", args=[broadcast.pk]),
    }


def people(broadcast: Broadcast, found: Estimate | None) -> dict[str, Any]:
    """Return how many people get it, and how many do not by reason; or why that cannot be told."""
    try:
        ways = audience.routes_of(broadcast)
        if found is None or not all(one.languages for one in ways):
            found = audience.estimate(Audience.of(broadcast), [written(one) for one in ways])
    except BroadcastsError as error:
        return {"error": str(error)}
    left_out = reasons(found)
    return {
        "matched": found.matched,
        "number": found.will_receive,
        "reasons": left_out,
        "skipped": sum(n for _, _, n in left_out),
        "nobody": nobody(found),
    }


def written(route: Route) -> Route:
    """Return the route of a message; one without content yet counts as if all languages were written."""
    return replace(route, languages=route.languages or None)


def channels(broadcast: Broadcast, messages: list[Message]) -> list[str]:
    """Return through which channels it goes, in their order; the default one stands for none."""
    named = [message.channel or broadcast.organization.default_channel(message.medium) for message in messages]
    return [f"through {channel}" if channel else "no channel yet" for channel in named]


def says(messages: list[Message]) -> str:
    """Return the beginning of what the first message says: its subject, or its text."""
    rows = MessageTranslation.objects.filter(message__in=[one.pk for one in messages[:1]]).order_by("position", "pk")
    for subject, text in rows.values_list("subject", Left("text", SHOWN))[:1]:
        if subject or text:
            return subject or text
    template = messages[0].template if messages else None
    return f"The template “{template}”" if template else ""


def when_words(broadcast: Broadcast) -> str:
    """Return when a broadcast is sent, in words."""
    at, zone = broadcast.own_time, broadcast.organization.zone
    if at is None:
        return "As soon as you send it"
    words = formats.planned(at, zone)
    if not broadcast.local_time:
        return words
    first = formats.moment(hours.earliest_start(broadcast, at), zone)
    return f"{words}, by each recipient's own clock; the first copies leave at {first}"
