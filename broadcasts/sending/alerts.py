"""Mail staff why servers refuse a channel's mail by policy, and what to do; `consenting.alerting` notes the causes."""

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from broadcasts.database import tidy_name
from broadcasts.models import Channel

from .notices import mail_staff, notify_once


def due_alerts() -> QuerySet[Channel, int]:
    """Return the ids of channels with refusals that staff are to be mailed about."""
    return Channel.objects.filter(alert_due_at__lte=Now()).values_list("pk", flat=True)


def mail_alerts(channel_id: int) -> None:
    """Mail the organization's admins each cause once a day, also when called concurrently."""
    notify_once(Channel.objects.filter(pk=channel_id), _mail, due="alert_due_at", since="last_error_at")


def _mail(channel: Channel) -> None:
    new = {cause: told["text"] for cause, told in channel.alerts.items() if not told["mailed"]}
    name = tidy_name(channel.name)
    words = [
        f"Receiving servers refuse mail of the channel “{name}” of {channel.organization} by their policy.",
        *new.values(),
        "The people concerned stay as they are: the mail was refused because of how it was sent. "
        "Each cause is mailed once a day at most.",
    ]
    mail_staff(channel, None, f"Mail of “{name}” is refused by policy" if new else "", words)
    with transaction.atomic():
        held = Channel.objects.select_for_update(of=("self",), no_key=True).get(pk=channel.pk)
        alerts = {
            cause: {**told, "mailed": told["mailed"] or told["text"] == new.get(cause)}
            for cause, told in held.alerts.items()
        }
        Channel.objects.filter(pk=channel.pk).update(alerts=alerts)
