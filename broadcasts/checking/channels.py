"""Whether the channels can send, and as whom; templates that providers have to approve; the channel policy."""

from django.utils import timezone

from broadcasts import formats, rendering
from broadcasts.languages import language_name
from broadcasts.mediums import Medium, ascii_domain
from broadcasts.models import Channel, Message, Organization
from broadcasts.sending import readiness

from .draft import Draft, place_in_words
from .hosts import FREE_MAIL
from .lines import Detail, Level, Line, ok, stop, warning

CHANNEL = "broadcasts_channel_change"
LATELY_SECONDS = 24 * 3600  # a failure that long ago says nothing any more, if the channel works


def organization(draft: Draft) -> Line | None:
    """Ask whether the organization may send at all."""
    if draft.organization.status == Organization.Status.ACTIVE:
        return None
    words = f"{draft.organization} is suspended: nothing can be sent until the operator lifts that."
    return stop("organization", words)


def channel(draft: Draft) -> Line | None:
    """Ask whether each channel is there, switched on, and working."""
    if not draft.messages:
        return None
    stops, warnings, kinds = [], [], []
    for message in draft.messages:
        if message.channel is None:
            missing = f"There is no {Medium(message.medium).noun} channel. An admin can add one under Channels."
            stops.append(Detail(missing, message))
        elif not message.channel.is_active:
            off = f"“{message.channel}” is switched off. Switch it on, or choose another channel."
            stops.append(Detail(off, message, address=_page(message.channel)))
        elif trouble := _trouble(message.channel):
            kind, words = trouble
            warnings.append(Detail(words, message, address=_page(message.channel)))
            kinds.append(f"{message.channel.pk} {kind}")
    if stops:
        return stop("channel", "A channel cannot send.", step="what", message=stops[0].message, detail=tuple(stops))
    if warnings:
        words = "A channel has trouble. The broadcast would wait until it works."
        stable = f"{sorted(set(kinds))}"  # its words change with each try
        return warning("channel", words, message=warnings[0].message, detail=tuple(warnings), stable=stable)
    names = " and ".join(dict.fromkeys(f"“{message.channel}”" for message in draft.messages))
    return ok("channel", f"{names} can send.")


def _page(channel: Channel) -> tuple[str, int, str]:
    return CHANNEL, channel.pk, ""


def _trouble(channel: Channel) -> tuple[str, str] | None:
    """Return what is wrong with an active channel now, as (kind, words)."""
    now, zone = timezone.now(), channel.organization.zone
    if channel.backoff_until and channel.backoff_until > now:
        at = formats.moment(channel.backoff_until, zone)
        return "waits", f"“{channel}” did not work and is tried again at {at}: {channel.last_error}"
    if channel.health == Channel.Health.FAILING:
        return "failing", f"“{channel}” failed when it was last used: {channel.last_error}"
    failed = channel.last_error_at
    if channel.last_error and failed and (now - failed).total_seconds() < LATELY_SECONDS:
        return "failed", f"“{channel}” works, but failed at {formats.moment(failed, zone)}: {channel.last_error}"
    return None


def sender(draft: Draft) -> Line | None:
    """Ask whom mail comes from: an address on a domain of the organization's own."""
    senders = {
        message.channel.pk: message
        for message in draft.messages
        if message.channel and message.medium == Medium.EMAIL and message.channel.transport_class.carries_mail
    }
    if not senders:
        return None
    stops, free = [], []
    for message in senders.values():
        assert message.channel is not None
        address, found = message.channel.from_address, message.channel
        domain = ascii_domain(address.rpartition("@")[2]) if "@" in address else ""
        if not domain:
            stops.append(Detail(f"“{found}” has no address that its mail comes from.", address=_page(found)))
        elif domain in FREE_MAIL:
            free.append(Detail(f"“{found}” sends as {address}", address=_page(found)))
    if stops:
        return stop("sender", "Mail needs the address that it comes from. Set it in the channel.", detail=tuple(stops))
    if free:
        words = "Mail from a free-mail address goes to spam or is refused. Use an address of your own domain."
        return warning("sender", words, detail=tuple(free))
    addresses = [message.channel.from_address for message in senders.values() if message.channel]
    return ok("sender", f"Mail comes from {' and '.join(dict.fromkeys(addresses))}.")


def template(draft: Draft) -> Line | None:
    """Ask whether the provider has approved its templates, and whether their parameters are filled in."""
    if not any(message.has_provider_template or message.parameters for message in draft.messages):
        return None
    found = [
        _unready(path, words, message)
        for message in draft.messages
        for path, words in rendering.unready(message).items()
    ]
    if found:
        words = "The provider's template cannot be sent like this. Mend it, or choose another template."
        return stop("template", words, step="what", message=found[0].message, detail=tuple(found))
    if not any(message.has_provider_template for message in draft.messages):
        return None
    return ok("template", "The provider has approved the template, and its parameters are filled in.", step="what")


def _unready(path: str, words: str, message: Message) -> Detail:
    """Name the language that a path is about, and link to it."""
    language = path.split(".")[1] if path.startswith("translations.") else ""
    said = place_in_words(path, words)
    return Detail(f"{language_name(language)}: {said}" if language else said, message, language)


def policy(draft: Draft) -> Line | None:
    """Say which of several channels a person gets it on, and whether copies can fall back."""
    if len(draft.messages) < 2 and not draft.broadcast.falls_back:
        return None
    lacking = readiness.missing(draft.broadcast) if draft.broadcast.falls_back else {}
    wrong = [words for name, words in lacking.items() if name in ("channel_policy", "fallback_fact")]
    if wrong:
        return Line("policy", Level.STOP, wrong[0], step="what")
    return ok("policy", f"Of its channels, each person gets: {draft.broadcast.get_channel_policy_display().lower()}.")
