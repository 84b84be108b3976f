"""Which facts the channels report: an engagement whose fact no channel reports is marked and not offered."""

from collections.abc import Collection, Mapping

from broadcasts.models import TRACKED, Broadcast, Channel, Engagement, Organization, reported_by
from broadcasts.transports import TRANSPORTS, transport_class

NOT_YET = "not measured yet"
MARK = f" ({NOT_YET})"

Reported = Mapping[str, frozenset[str]]  # the facts that channels report, by their kind


def measured(broadcast: Broadcast) -> list[Engagement]:
    """Return the engagements whose facts the channels of a broadcast report."""
    reports = broadcast.reports
    return [one for one in Engagement if not one.fact or one.fact in reports]


def why_not(broadcast: Broadcast, engagement: str) -> str:
    """Return why a broadcast cannot be filtered by an engagement; "" if it can."""
    asked, accepted = Engagement(engagement), measured(broadcast)
    if asked in accepted:
        return ""
    channels = [message.channel for message in broadcast.messages.all() if message.channel]
    named = " and ".join(dict.fromkeys(f"“{one}” ({one.get_kind_display()})" for one in channels)) or "no channel"
    told = "does" if len(channels) < 2 else "do"
    return (
        f"“{asked.label}” is not measured: {named} {told} not report “{asked.fact}”. "
        f"Choose one of: {', '.join(accepted)}."
    )


def reported_in(organization: Organization | None) -> Reported:
    """Return the facts that an organization's channels report, by kind; of all kinds if it has none or is None."""
    rows = Channel.objects.none() if organization is None else Channel.objects.for_organization(organization)
    found: dict[str, frozenset[str]] = {}
    for kind, *switches in rows.values_list("kind", *TRACKED.values()).distinct().order_by("kind"):
        found[kind] = found.get(kind, frozenset()) | reported_by(kind, **dict(zip(TRACKED, switches, strict=True)))
    return found or {kind: reported_by(kind, **dict.fromkeys(TRACKED, True)) for kind in TRANSPORTS}


def is_measured(engagement: str, reported: Reported) -> bool:
    """Return whether a channel reports the fact of an engagement."""
    fact = Engagement(engagement).fact
    return not fact or any(fact in facts for facts in reported.values())


def engagements(reported: Reported) -> list[tuple[str, str]]:
    """Return (engagement, label) of every engagement; labels mark those that no channel measures."""
    return [(one.value, f"{one.label}{'' if is_measured(one, reported) else MARK}") for one in Engagement]


def note(reported: Reported) -> str:
    """Return a note on the facts that none or only some kinds of channels report; "" if all report all."""
    labels = {kind: transport_class(kind).label for kind in reported}
    by_kinds: dict[tuple[str, ...], list[str]] = {}
    for fact in dict.fromkeys(one.fact for one in Engagement if one.fact):
        by_kinds.setdefault(tuple(kind for kind in labels if fact in reported[kind]), []).append(fact)
    told = []
    for reporting, facts in by_kinds.items():
        listed = ", ".join(facts)
        if not reporting:
            told.append(f"{NOT_YET.capitalize()}: {listed}. {_named(labels.values())} not report them.")
        elif len(reporting) < len(labels):
            silent = [label for kind, label in labels.items() if kind not in reporting]
            only = ", ".join(labels[kind] for kind in reporting)
            told.append(f"Measured on {only} only: {listed}. {_named(silent)} not report them.")
    return " ".join(told)


def _named(labels: Collection[str]) -> str:
    return f"{' and '.join(labels)} {'does' if len(labels) == 1 else 'do'}"
