"""How much of the mail may bounce, by what became of the organization's mail lately."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from django.db.models import Exists, OuterRef, Sum
from django.utils import timezone

from broadcasts import audience, formats
from broadcasts.audience import Audience
from broadcasts.models import Batch, Delivery, Medium, Organization, SoftBounce

from .draft import Draft
from .lines import Line, coarse, ok, warning
from .people import People

LATELY = timedelta(days=90)
ENOUGH = 200  # mails that were sent lately, before they tell anything


def projected_bounces(draft: Draft, counted: People) -> Line | None:
    """Project the share of the mail that will bounce, and ask whether it is more than slows a channel.

    People whose mail came back lately count whole; of those who never got mail from the organization as many as of all
    its mail lately, when it was first sent to them.
    """
    mails = {i: message for i, message in enumerate(draft.messages) if message.medium == Medium.EMAIL}
    share = bounced_lately(draft.organization) if mails else None
    if share is None:
        return None
    wanted = replace(Audience.of(draft.broadcast), of_all=True)
    rows = [audience.receivers(wanted, message, draft.messages) for message in mails.values()]
    number = sum(counted.zones[i].total() for i in mails)
    soft = sum(_came_back(one, draft.organization) for one in rows)
    fresh = sum(_never_mailed(one) for one in rows)
    if not number:
        return None
    projected = (soft + fresh * share) / number
    about = f"About {formats.percent(projected)} of {formats.number(number)} mails may bounce"
    why = f"{formats.number(fresh)} go to people who never got mail from you, of which {formats.percent(share)} "
    why += f"bounced lately, and {formats.number(soft)} to addresses from which mail came back."
    if projected * 100 <= float(draft.organization.bounces_slow):
        return ok("projected_bounces", f"{about}: {why}", step="who")
    return warning(
        "projected_bounces",
        f"{about}: {why} Large providers refuse mail of senders that bounce so much: send to those first who opened "
        "your mail, or have the list checked.",
        step="who",
        stable=f"{coarse(round(projected * 1000))} of {coarse(number)}",
    )


def bounced_lately(organization: Organization) -> float | None:
    """Return the share of the organization's mail that bounced lately, by the counters; None if that is too little."""
    since = timezone.now() - LATELY
    batches = Batch.objects.filter(
        message__broadcast__organization=organization,
        message__broadcast__started_at__gte=since,
        message__channel__medium=Medium.EMAIL,
    )
    sums = batches.aggregate(sent=Sum("sent", default=0), bounced=Sum("bounced", default=0))
    return sums["bounced"] / sums["sent"] if sums["sent"] >= ENOUGH else None


def _came_back(rows: Any, organization: Organization) -> int:
    since = timezone.now() - timedelta(days=organization.soft_bounce_days)
    lately = SoftBounce.objects.filter(organization=organization, medium=Medium.EMAIL, at__gte=since)
    return rows.filter(email_hash__in=lately.values("address_hash")).order_by().count()


def _never_mailed(rows: Any) -> int:
    sent = Delivery.objects.filter(contact=OuterRef("pk"), sent_at__isnull=False)
    return rows.filter(~Exists(sent.filter(message__channel__medium=Medium.EMAIL))).order_by().count()
