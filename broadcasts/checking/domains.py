"""Whether the DNS lets receivers trust the domain that mail comes from, by what the last inspection stored."""

from broadcasts import inspecting
from broadcasts.mediums import Medium, email_domain
from broadcasts.models import Channel, SendingDomain

from .draft import Draft
from .hosts import FREE_MAIL, is_reserved
from .lines import Detail, Line, ok, stop, warning

DOMAIN = "broadcasts_sendingdomain_change"
LOOKED_AT = frozenset({"spf", "dkim", "dmarc", "mx"})


def domain(draft: Draft) -> Line | None:
    """Ask whether SPF, DKIM, DMARC and MX of each domain are as large providers want them; the DNS is not asked now."""
    senders = _senders(draft)
    if not senders:
        return None
    rows = {
        row.name: row for row in SendingDomain.objects.filter(organization=draft.organization, name__in=list(senders))
    }
    for name in senders.keys() - rows.keys():
        inspecting.know(senders[name])
    stops, warnings = [], []
    for name, channel in senders.items():
        row = rows.get(name)
        if row is None or row.checked_at is None:
            warnings.append(_detail(row, f"{name} has not been checked yet. That takes a worker a minute."))
            continue
        for one in inspecting.findings(row):
            if one.subject not in LOOKED_AT or (one.subject == "dkim" and not _is_ours(channel)):
                continue
            if one.level == "stop":
                stops.append(_detail(row, one.text))
            elif one.level == "warning" and not _is_of_unused_key(row, one):
                warnings.append(_detail(row, one.text))
    if stops:
        words = "Receivers refuse mail of this domain. Mend its DNS."
        return stop("domain", words, detail=(*stops, *warnings))
    if warnings:
        words = "The DNS of the sender's domain lacks what large providers ask for."
        return warning("domain", words, detail=tuple(warnings))
    return ok("domain", f"The DNS of {' and '.join(senders)} has what large providers ask for.")


def _senders(draft: Draft) -> dict[str, Channel]:
    """Return a channel for each domain that mail comes from.

    Without those of free mail, of which `sender` tells, and those for examples, from which no real mail comes.
    """
    found: dict[str, Channel] = {}
    for message in draft.messages:
        channel = message.channel
        if channel and message.medium == Medium.EMAIL and channel.transport_class.carries_mail:
            name = email_domain(channel.from_address)
            if name and name not in FREE_MAIL and not is_reserved(name):
                found.setdefault(name, channel)
    return found


def _is_ours(channel: Channel) -> bool:
    """Tell whether it is for us to sign: a service that composes mail again signs it itself."""
    return channel.transport_class.sends_as_composed(channel.settings)


def _is_of_unused_key(row: SendingDomain, one: inspecting.Finding) -> bool:
    """Tell whether a finding is about a key that need not be published, since another one signs."""
    others = [other for other in inspecting.findings(row) if other.subject == "dkim" and other.key != one.key]
    return bool(one.key) and any(other.level == "good" for other in others)


def _detail(row: SendingDomain | None, words: str) -> Detail:
    return Detail(words, address=(DOMAIN, row.pk, "") if row else None)
