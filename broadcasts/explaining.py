"""Explain in one sentence why a contact did, or did not, get a broadcast.

The answer comes from the delivery log; for a contact without a delivery, from the conditions that choose recipients.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import Any

from django.db.models import Count, F, Max
from django.utils import timezone

from broadcasts import audience, chains, formats, stats
from broadcasts.audience import Audience, Match, MatchNode, Route
from broadcasts.exceptions import InvalidInput
from broadcasts.models import (
    FACTS,
    Broadcast,
    ConsentChange,
    ConsentState,
    Contact,
    Delivery,
    Reason,
    SoftBounce,
)
from broadcasts.sending import hours

STRONGEST = ("sent", "unknown", "pending", "failed", "cancelled", "skipped")  # of several copies
CANCELLED = "Not sent: the broadcast was cancelled before its turn."
NEVER_BEGAN = "Not sent: the broadcast was cancelled before it began."
COUNTED = {"pending": "is about to be sent", "unknown": "may have been sent"}  # by a frequency cap, beside what was
NAMED = 5  # messages that a frequency cap counted
PAGE = 50


VERDICTS = (
    "A status of the deliveries, the strongest of several; without any: would_receive, would_be_skipped, matched "
    "(by a broadcast that says nothing yet), not_matched, not_yet, joined_later, changed_since, log_deleted, "
    "unreadable."
)


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """The answer: a verdict, a sentence, and the evidence for both.

    verdict: one of VERDICTS; reason: the skip reason of a skipped delivery.
    rule: the nearest rule that excludes a contact that the audience does not match.
    """

    contact: Contact
    broadcast: Broadcast
    verdict: str
    sentence: str
    reason: str = ""
    rule: str = ""
    deliveries: list[Delivery] = field(default_factory=list)
    match: Match | None = None

    def lines(self) -> list[tuple[int, MatchNode]]:
        """Return the tree of the audience as (depth, node); empty if the log has the answer."""
        return list(self.match.tree.lines()) if self.match else []


def explain(contact: Contact, broadcast: Broadcast) -> Explanation:
    """Explain why a contact did or did not get a broadcast, or whether it would get one that has not started."""
    messages = list(broadcast.messages.values_list("pk", flat=True))
    by_name = len(messages) > 1
    deliveries = list(
        Delivery.objects.filter(contact=contact, message__in=messages)
        .select_related("contact", "message__channel", "message__broadcast")
        .with_replaced_by()
        .order_by("message__position", "pk")
    )
    if deliveries:
        return _of_log(contact, broadcast, deliveries, by_name)
    if broadcast.status in Broadcast.STARTED and broadcast.log_is_gone():
        numbers = stats.counts([broadcast])[broadcast.pk]
        sentence = (
            "Nobody can tell any more for one person: the log has been deleted. In all: "
            f"{formats.number(numbers['contacts'])} in the audience, {formats.number(numbers['sent'])} sent, "
            f"{formats.number(numbers['skipped'])} left out."
        )
        return Explanation(contact=contact, broadcast=broadcast, verdict="log_deleted", sentence=sentence)
    wanted = Audience.of(broadcast)
    try:
        match = audience.match_contact(wanted, contact)
    except InvalidInput as error:
        sentence = f"Nobody can tell: the audience cannot be read. {error}"
        return Explanation(contact=contact, broadcast=broadcast, verdict="unreadable", sentence=sentence)
    if not match.matched:
        return _of_rule(contact, broadcast, match)
    if broadcast.status in Broadcast.STARTED:
        return _of_time(contact, broadcast, match)
    return _foretold(contact, broadcast, wanted, match)


def history(contact: Contact, before: int | None = None) -> tuple[list[tuple[Broadcast, list[Delivery]]], int | None]:
    """Return ([(broadcast, its deliveries to the contact)], newest first; `before` of the next page, or None)."""
    rows = Delivery.objects.filter(contact=contact).select_related("message__broadcast", "message__channel")
    page = list((rows.filter(pk__lt=before) if before else rows).order_by("-pk")[: PAGE + 1])
    told: dict[Broadcast, list[Delivery]] = {}
    for delivery in page[:PAGE]:
        told.setdefault(delivery.message.broadcast, []).append(delivery)
    return list(told.items()), page[PAGE - 1].pk if len(page) > PAGE else None


def story(delivery: Delivery, zone: tzinfo | None = None) -> str:
    """Describe the outcome of one delivery."""
    status = Delivery.Status
    match delivery.status:
        case status.SENT:
            at = sorted((moment, fact) for fact in FACTS if (moment := getattr(delivery, f"{fact}_at")))
            facts = [f"{fact} {when(moment, zone)}" for moment, fact in at]
            return f"Sent {when(delivery.sent_at, zone)}{'; ' + ', '.join(facts) if facts else ''}."
        case status.SKIPPED:
            return f"Not sent: {_label(delivery.reason)}."
        case status.FAILED:
            return f"Could not be sent after {_tries(delivery)}: {delivery.error or 'no reason was given'}"
        case status.UNKNOWN:
            return "Handed over, but the answer was lost: nobody can tell whether it arrived."
        case status.CANCELLED:
            return CANCELLED
    return _waits(delivery, zone)


def when(moment: datetime | None, zone: tzinfo | None = None) -> str:
    """Return a moment as text with its time zone."""
    return formats.moment(moment, zone or timezone.get_current_timezone()) if moment else "at an unknown time"


def _waits(delivery: Delivery, zone: tzinfo | None) -> str:
    match delivery.message.broadcast.status:
        case Broadcast.Status.CANCELLED:  # its deliveries are not updated yet
            return CANCELLED
        case Broadcast.Status.PAUSED:
            return "Waiting: the broadcast is paused."
    if delivery.due_at is None or delivery.due_at <= timezone.now():
        return "Waiting for its turn."
    if not delivery.attempts:
        return f"Waiting until {when(delivery.due_at, zone)}. {delivery.error}".strip()
    why = f": {delivery.error}" if delivery.error else "."
    return f"To be tried again {when(delivery.due_at, zone)}, after {_tries(delivery)}{why}"


def _tries(delivery: Delivery) -> str:
    return "1 try" if delivery.attempts <= 1 else f"{delivery.attempts} tries"


def _label(reason: str) -> str:
    label = str(Reason(reason).label) if reason in Reason.values else reason
    return f"{label[:1].lower()}{label[1:]}"


def _of_log(contact: Contact, broadcast: Broadcast, deliveries: list[Any], by_name: bool) -> Explanation:
    sentences = []
    channels = {delivery.pk: delivery.message.channel for delivery in deliveries}
    for delivery in deliveries:
        sentence = story(delivery, broadcast.organization.zone)
        if delivery.status == Delivery.Status.SKIPPED:
            route = Route(channel=delivery.message.channel, base_language=broadcast.base_language)
            at = max(delivery.created, delivery.due_at or delivery.created)
            sentence += _because(Grounds(contact, broadcast, route, at), delivery.reason)
        if after := chains.follows(delivery, channels, broadcast.organization.zone):
            sentence = f"{chains.sentence(sentence)} {after}"
        by = f"{delivery.message.channel}: " if by_name else ""
        sentences.append(f"{by}{sentence}")
    strongest = min(deliveries, key=lambda one: STRONGEST.index(one.status))
    return Explanation(
        contact=contact,
        broadcast=broadcast,
        verdict=strongest.status,
        sentence=" ".join(sentences),
        reason=strongest.reason,
        deliveries=deliveries,
    )


def _of_rule(contact: Contact, broadcast: Broadcast, match: Match) -> Explanation:
    rule, plainly = match.rule(), match.plainly()
    sentence = f"Not in the audience. {plainly[:1].upper()}{plainly[1:]}." if plainly else "Not in the audience."
    settled = broadcast.expanded_at or broadcast.started_at
    if broadcast.status in Broadcast.STARTED and settled and contact.created > settled:
        zone = broadcast.organization.zone
        sentence = f"Added {when(contact.created, zone)}, after the recipients were settled. {sentence}"
    return Explanation(
        contact=contact, broadcast=broadcast, verdict="not_matched", sentence=sentence, rule=rule, match=match
    )


def _of_time(contact: Contact, broadcast: Broadcast, match: Match) -> Explanation:
    """Explain why a contact that the audience matches now has no delivery."""
    zone = broadcast.organization.zone
    settled = broadcast.expanded_at or broadcast.started_at
    if not broadcast.has_begun:
        verdict, sentence = "cancelled", NEVER_BEGAN
    elif broadcast.expanded_at is None and contact.pk > broadcast.expanded_to:
        verdict, sentence = "not_yet", "In the audience; the recipients are still being written down."
    elif broadcast.status == Broadcast.Status.CANCELLED and contact.pk > broadcast.expanded_to:
        verdict, sentence = "cancelled", CANCELLED
    elif settled and contact.created > settled:
        verdict = "joined_later"
        sentence = (
            f"Not sent: added {when(contact.created, zone)}, after the recipients were settled {when(settled, zone)}."
        )
    else:
        verdict = "changed_since"
        sentence = (
            f"Not sent: in the audience now, and not when the recipients were settled {when(settled, zone)}; "
            "something has changed since."
        )
    return Explanation(contact=contact, broadcast=broadcast, verdict=verdict, sentence=sentence, match=match)


def _foretold(contact: Contact, broadcast: Broadcast, wanted: Audience, match: Match) -> Explanation:
    """Explain what a broadcast that has not started will do with a matched contact, by the query of its start."""
    routes = audience.routes_of(broadcast)
    send_time = hours.local_send_time(broadcast, contact)
    received: list[str] = []
    skipped: list[tuple[str, str]] = []
    for route in routes:
        rows = audience.recipients(wanted, route, routes).filter(pk=contact.pk)
        for reason, address, language in rows.values_list("skip_reason", "send_address", "send_language"):
            reason = audience.reason_after(wanted, contact, reason, len(received))
            if reason:
                grounds = Grounds(contact, broadcast, route, timezone.now(), match)
                skipped.append((reason, f"{_label(reason)}.{_because(grounds, reason)}"))
            else:
                received.append(f"by {route.name or 'e-mail'} at {address}{f', in {language}' if language else ''}")
    if received:
        if further := _further(contact, broadcast, wanted, routes):
            received[-1] += f"; if that fails, {further}"
        due = f", not before {when(send_time, broadcast.organization.zone)}" if send_time else ""
        verdict, reason, sentence = "would_receive", "", f"Would receive it {' and '.join(received)}{due}."
    elif skipped:
        verdict, reason = "would_be_skipped", skipped[0][0]
        sentence = f"Would not receive it: {' '.join(dict.fromkeys(text for _, text in skipped))}"
    else:
        verdict, reason, sentence = "matched", "", "In the audience of a broadcast that says nothing yet."
    return Explanation(
        contact=contact, broadcast=broadcast, verdict=verdict, sentence=sentence, reason=reason, match=match
    )


def _further(contact: Contact, broadcast: Broadcast, wanted: Audience, routes: list[Route]) -> str:
    """Say by which channels a matched contact could get a fallback copy, in their order."""
    if not broadcast.falls_back:
        return ""
    rows = [(one, audience.recipients(wanted, one).filter(pk=contact.pk, skip_reason="").first()) for one in routes]
    reached = [f"by {route.name or 'e-mail'} at {person.send_address}" for route, person in rows if person]
    return ", then ".join(reached[1:])


def _because(grounds: "Grounds", reason: str) -> str:
    text = grounds.of(reason)
    return f" {text[:1].upper()}{text[1:]}." if text else ""


@dataclass(frozen=True)
class Grounds:
    """The evidence for a skip reason of a contact, as far as it is still on record.

    The delivery was checked between `at` and `until`; the exact time is not recorded.
    """

    contact: Contact
    broadcast: Broadcast
    route: Route
    at: datetime
    match: Match | None = None

    def of(self, reason: str) -> str:
        match reason:
            case Reason.EXCLUDED:
                return "; ".join(self._exclusions())
            case Reason.BLOCKED if self.contact.status != Contact.Status.ACTIVE:
                return f"the contact is {self.contact.get_status_display().lower()}"
            case Reason.NO_ADDRESS:
                return f"the contact has no {self._field_name()}" if not self._address() else ""
            case Reason.INVALID_ADDRESS:
                return f"“{self._address()}” has letters before its @ that few mail servers take"
            case Reason.FREQUENCY_CAP:
                return self._counted()
            case Reason.NO_CONSENT:
                return self._consent(ConsentState.UNKNOWN, ConsentState.PENDING)
            case Reason.NO_TRANSLATION:
                return f"it is written in {', '.join(self.route.languages or ()) or 'no language'} only"
            case Reason.NO_TEMPLATE:
                return "it has no approved template, and they have not written to the channel within 24 hours"
            case Reason.EXPIRED if self.broadcast.expires_at:
                ends = "expired" if self.broadcast.expires_at <= timezone.now() else "expires"
                return f"it {ends} {self._when(self.broadcast.expires_at)}, before their turn"
        return self._refusal(reason)

    @property
    def until(self) -> datetime:
        return self.broadcast.completed_at or timezone.now()

    def _when(self, moment: datetime | None) -> str:
        return when(moment, self.broadcast.organization.zone)

    def _field_name(self) -> str:
        return str(Contact._meta.get_field(self.route.contact_field).verbose_name)  # type: ignore[union-attr]

    def _address(self) -> str:
        return self.contact.address_in(self.route.contact_field)

    def _kind(self) -> str:
        return f"{self.broadcast.get_use_case_display().lower()} by {self.route.medium}"

    def _exclusions(self) -> Iterator[str]:
        wanted = Audience.of(self.broadcast)
        match = self.match or audience.match_contact(wanted, self.contact)
        for node in match.excluded.children:
            if node.holds and node.path == "excluded_broadcasts":
                copies = wanted.excluded_copies().filter(contact=self.contact).select_related("message__broadcast")
                copy = copies.order_by(F("sent_at").desc(nulls_last=True)).first()
                if copy and copy.sent_at:
                    yield f"“{copy.message.broadcast}” was sent {self._when(copy.sent_at)}"
                elif copy:
                    yield f"“{copy.message.broadcast}” may have reached them: its outcome is unknown"
            elif node.holds:
                yield f"they are in the {node.name}"

    def _refusal(self, reason: str) -> str:
        """Describe the suppressions behind a reason, or the withdrawn consent."""
        noes = audience.suppressions(self.broadcast, self.route, self.contact, reason)
        told = [
            f"{no.get_reason_display().lower()}, on the suppression list since {self._when(no.created)}"
            + (f" until {self._when(no.expires_at)}" if no.expires_at else "")
            + (f" ({no.source})" if no.source else "")
            for no in noes.filter(created__lte=self.until).order_by("pk")[:NAMED]
        ]
        if not told and reason == Reason.UNSUBSCRIBED:
            return self._consent(ConsentState.WITHDRAWN)
        if not told and reason == Reason.BOUNCED:
            return self._soft_bounces()
        return "; ".join(told)

    def _soft_bounces(self) -> str:
        """Describe the soft bounces behind a suppression that has ended since."""
        rows = SoftBounce.objects.for_organization(self.broadcast.organization).filter(medium=self.route.medium)
        known = rows.filter(address_hash=self.contact.email_hash, at__lte=self.until)
        found = known.aggregate(n=Count("pk"), last=Max("at"))
        if not found["n"]:
            return ""
        bounces = f"{formats.number(found['n'])} soft bounce{'' if found['n'] == 1 else 's'}"
        return f"{bounces}, the last one {self._when(found['last'])}; that suppression has ended since"

    def _consent(self, *states: str) -> str:
        """Describe which of these states the consent had then, and its state now if it differs."""
        asked = {"medium": self.route.medium, "use_case": self.broadcast.use_case}
        now = self.contact.consents.filter(**asked).first()
        changes = self.contact.consent_changes.filter(**asked).order_by("-pk")
        then = changes.filter(state__in=states, created__lte=self.until).first()
        if now and now.state in states:
            said = self._said(now.get_state_display(), then, now.modified)
            return f"the consent to {self._kind()} is {said}"
        if then:
            told = f"the consent to {self._kind()} was {self._said(then.get_state_display(), then, then.created)}"
        elif ConsentState.UNKNOWN in states:
            told = f"this person {'had not been' if now else 'was never'} asked for {self._kind()}"
        else:
            told = f"what was said of {self._kind()} then is no longer on record" if now else ""
        if now is None:
            return told
        latest = changes.filter(state=now.state).first()
        return f"{told}; now it is {self._said(now.get_state_display(), latest, now.modified)}"

    def _said(self, label: str, change: ConsentChange | None, otherwise: datetime) -> str:
        source = f" ({change.source})" if change and change.source else ""
        return f"“{label.lower()}” since {self._when(change.created if change else otherwise)}{source}"

    def _counted(self) -> str:
        organization = self.broadcast.organization
        if organization.frequency_cap is None:
            return ""
        lately = (
            audience.counted(self.broadcast, self.contact, self.at, self.until)
            .select_related("message__broadcast")
            .order_by(F("sent_at").asc(nulls_last=True), "pk")[: min(NAMED, organization.frequency_cap)]
        )
        counted = ", ".join(
            f"“{one.message.broadcast}” {COUNTED.get(one.status) or self._when(one.sent_at)}" for one in lately
        )
        limit = f"at most {organization.frequency_cap} in {organization.frequency_cap_days} days"
        return f"{limit}; counted: {counted}" if counted else limit
