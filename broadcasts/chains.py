"""What the log says of a person's copies on several channels: which one replaced which, and why none did."""

from datetime import tzinfo
from typing import Any

from django.utils import timezone

from broadcasts import audience, formats
from broadcasts.models import Broadcast, Channel, Delivery, Reason

Status = Delivery.Status


def has_chain(delivery: Delivery) -> bool:
    """Tell whether a copy is of a broadcast that falls back, and of a person that is not erased."""
    return delivery.message.broadcast.falls_back and delivery.contact_id is not None


def chain(delivery: Delivery) -> list[Any]:
    """Return the copies of the same person by a broadcast that falls back, the first one first."""
    if not has_chain(delivery):
        return []
    rows = Delivery.objects.filter(message__broadcast=delivery.message.broadcast, contact=delivery.contact_id)
    rows = rows.select_related("message__channel", "message__broadcast__organization").with_replaced_by()
    return list(rows.order_by("message__position", "pk"))


def follows(delivery: Any, channels: dict[int, Channel | None], zone: tzinfo) -> str:
    """Say what followed a copy: the one that replaced it, the moment of the next one, or why there is none.

    `delivery` comes from `with_replaced_by`; `channels` has the channel of each copy of the person by its id.
    """
    if not delivery.message.broadcast.falls_back:
        return ""
    if delivery.replaced_by:
        return replaced(delivery, channels.get(delivery.replaced_by))
    return takes_over(delivery, zone) or _nothing(delivery)


def replaced(delivery: Delivery, to: Channel | None) -> str:
    """Say why the copy of a delivery on the next channel was made."""
    broadcast = delivery.message.broadcast
    by, then = f"by {delivery.message.channel}", f"so it was sent by {to or 'the next channel'}"
    if delivery.status == Status.SKIPPED:
        return f"Left out on {delivery.message.channel}, {then}."
    if delivery.status == Status.FAILED:
        return f"It failed on {delivery.message.channel}, {then}."
    if delivery.bounced_at:
        return f"It bounced after it was sent {by}, {then}."
    if delivery.status == Status.SENT and broadcast.fallback_fact:
        late = "; later it was" if getattr(delivery, f"{broadcast.fallback_fact}_at") else ""
        return f"Not {broadcast.fallback_fact} {by} within {broadcast.fallback_minutes} min, {then}{late}."
    return f"Nobody could tell whether it left {by}, {then}."


def takes_over(delivery: Delivery, zone: tzinfo) -> str:
    """Say when the next channel takes over from a copy; "" if it does not wait for that."""
    broadcast = delivery.message.broadcast
    if delivery.fallback_at is None or broadcast.status not in Broadcast.STOPPABLE:
        return ""
    if delivery.fallback_at <= timezone.now():
        return "The next channel takes over."
    moment = formats.moment(delivery.fallback_at, zone)
    return f"The next channel takes over {moment} unless it is {broadcast.fallback_fact}."


def _nothing(delivery: Delivery) -> str:
    """Say why no further channel took over from a copy that failed, as things are now; "" if none was needed."""
    if delivery.status != Status.FAILED and not delivery.bounced_at:
        return ""
    told = []
    for message in delivery.message.next_in_service().select_related("channel").prefetch_related("translations"):
        message.broadcast = delivery.message.broadcast
        rows = audience.fallback_recipients(message, Delivery.objects.filter(pk=delivery.pk))
        reason = rows.values_list("skip_reason", flat=True).first()
        if reason:
            label = str(Reason(reason).label) if reason in Reason.values else reason
            told.append(f"{message.channel}: {label[:1].lower()}{label[1:]}")
    return f"No further channel could take over ({'; '.join(told)})." if told else ""


def sentence(text: str) -> str:
    """Return a text that ends as a sentence, such as a provider's error."""
    return text if text.endswith((".", "!", "?")) else f"{text}."
