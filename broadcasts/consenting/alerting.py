"""Tell staff once a day that servers refuse a channel's mail by policy: the sender has to mend it, not the person."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db.models.functions import Now
from django.utils import timezone

from broadcasts.models import Channel
from broadcasts.queue import enqueue

QUIET = timedelta(days=1)  # after which the same cause is told again
MOST = 20  # causes of one channel within that time: codes come from anybody's server

AUTHENTICATION = (
    "Sign the mail: the domain of its From address needs SPF, a DKIM key and a DMARC record that agree. "
    "The page of the sending domain says what to write where."
)
NAME = "Give the mail server's address a name in the DNS (PTR) that leads back to the same address."
ADVICE = {
    **dict.fromkeys(("7.5", "7.9", "7.20", "7.21", "7.22", "7.23", "7.24", "7.26", "7.27"), AUTHENTICATION),
    **dict.fromkeys(("7.30", "7.32", "7.40", "7.509", "7.515"), AUTHENTICATION),
    "7.25": NAME,
    "7.28": "Send more slowly: set a lower rate for this receiving domain on the channel's page.",
    **dict.fromkeys(("7.10", "7.29"), "Have your mail server use TLS when it hands mail to other servers."),
}
OTHERWISE = (
    "Read its words: often the content, the rate or the reputation of the server's address is what it does not like. "
    "Look the address up in the block list that it names, and ask the receiving side's postmaster to let it through."
)


def alert(channel_id: int, causes: Mapping[str, Mapping[str, str]]) -> None:
    """Note refusals by policy on a channel, {code: report}, and have staff mailed about those that are new today.

    It locks the channel, after all deliveries and batches.
    """
    now = timezone.now()
    rows = Channel.objects.filter(pk=channel_id)
    known = rows.values_list("alerts", flat=True).first()
    if known is None or not _new(known, causes, now):
        return
    channel = rows.select_for_update(of=("self",), no_key=True).first()
    if channel is None or not (new := _new(channel.alerts, causes, now)):
        return
    fresh = {cause: one for cause, one in channel.alerts.items() if not _is_over(one, now)}
    told = {cause: {"at": now.isoformat(), "text": _words(report), "mailed": False} for cause, report in new.items()}
    last = next(reversed(told.values()))
    rows.update(alerts={**fresh, **told}, alert_due_at=Now(), last_error=last["text"], last_error_at=Now())
    enqueue("notify_alerts", channel_id)


def _new(
    known: Mapping[str, Any], causes: Mapping[str, Mapping[str, str]], now: datetime
) -> dict[str, Mapping[str, str]]:
    recent = {cause for cause, one in known.items() if not _is_over(one, now)}
    new = {cause: report for cause, report in causes.items() if cause not in recent}
    return dict(list(new.items())[: max(0, MOST - len(recent))])


def _is_over(told: Mapping[str, Any], now: datetime) -> bool:
    return datetime.fromisoformat(told["at"]) <= now - QUIET


def _words(report: Mapping[str, str]) -> str:
    """Say what was refused, by whom, and what to do."""
    code = report.get("code", "")
    by = f" by {report['reporter']}" if report.get("reporter") else ""
    words = f": “{report['words']}”" if report.get("words") else ""
    advice = next((text for suffix, text in ADVICE.items() if code.endswith(f".{suffix}")), OTHERWISE)
    return f"Mail was refused{by} for a reason of policy{f' ({code})' if code else ''}{words}. {advice}"
