"""Tell staff what the gauges have done: in the audit at once, and by mail once a day at most."""

from datetime import timedelta

from django.db.models.functions import Now
from django.utils import timezone

from broadcasts.models import AuditEntry, Channel
from broadcasts.queue import enqueue
from broadcasts.sending.notices import mail_staff, notify_once

ACTS = ("slow", "slow domain", "hold warm-up")
APART = timedelta(days=1)  # mails about one channel


def tell(channel: Channel, act: str, why: str) -> None:
    """Write what was done into the audit, and have staff mailed unless they were lately."""
    is_told = _was_told(channel)
    AuditEntry.write(channel, act, organization=channel.organization, reason=why)
    if not is_told:
        Channel.objects.filter(pk=channel.pk).update(notice_due_at=Now())
        enqueue("notify_channel", channel.pk)


def _was_told(channel: Channel) -> bool:
    """Tell whether staff were mailed about the channel within a day, as far as the newest entries of the audit say."""
    newest = AuditEntry.objects.for_organization(channel.organization_id).order_by("-id")[: AuditEntry.RECENT]
    since = timezone.now() - APART
    return any(
        (one.model, one.object_id) == ("channel", channel.pk) and one.act in ACTS and one.created > since
        for one in newest
    )


def notify(channel_id: int) -> None:
    """Mail the admins of a channel's organization what its gauges have done, once, also when called concurrently."""
    notify_once(Channel.objects.filter(pk=channel_id), _mail)


def _mail(channel: Channel) -> None:
    """Mail what holds now, which may be more, or less, than when the mail came due."""
    words = [channel.slowed_why] if channel.is_slowed else []
    words += [channel.slowed_domains[name]["why"] for name in channel.slow_domains]
    if channel.ramp.get("held_on") == timezone.localdate(timezone=channel.organization.zone).isoformat():
        words.append("Its warm-up allows tomorrow what it allows today, since the share of complaints or bounces rose.")
    what = "sends more slowly" if channel.is_slowed or channel.slow_domains else "warms up more slowly"
    subject = f"“{channel}” {what}" if words else ""
    mail_staff(channel, None, subject, [f"“{channel}” of {channel.organization} {what}.", *words])
