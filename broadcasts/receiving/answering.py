"""Send the answers to keywords, each once at most, through the channel that the reply came to."""

import logging
import time
from collections.abc import Iterator
from datetime import timedelta

from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from broadcasts import consenting, tracking
from broadcasts.models import AutoReply, Channel, Contact, Inbound, Keyword, Medium, Organization, Suppression
from broadcasts.models.callbacks import COUNTED
from broadcasts.queue import DUE_AT_ONCE, enqueue, queue_is_full
from broadcasts.transports import Envelope, Outcome, TransportError

from .answer_texts import answer_text

log = logging.getLogger(__name__)

ANSWERED = frozenset({Medium.SMS, Medium.WHATSAPP})  # in mail a link does what keywords do here
MOST_A_DAY = 3  # answers to one keyword for one address: the other one may be a robot too
MOST_AN_HOUR = 1_000  # answers of a channel: each costs money, and replies can be forged
TOO_MANY = "The channel had too many answers within an hour."
SECONDS = 10  # that one task sends answers; the next round enqueues another one
CLAIM = timedelta(seconds=60)  # longer than a task sends, with the last request
AGAIN = timedelta(seconds=30)
AT_LAST = timedelta(minutes=5)  # after which no answer is sent: the FCC's limit for a confirmation
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def ask_for(reply: Inbound, keyword: Keyword) -> None:
    """Have a reply answered by the next round, unless its address had many such answers today."""
    assert reply.channel is not None
    digest = consenting.hash_of(reply.address)
    if digest is None or reply.channel.medium not in ANSWERED:
        return
    answers = AutoReply.objects.filter(channel=reply.channel)
    today = answers.filter(address_hash=digest, created__gt=Now() - DAY, keyword=keyword)
    if today.count() < MOST_A_DAY:
        answer = AutoReply(inbound=reply, channel=reply.channel, address_hash=digest, keyword=keyword)
        if answers.filter(COUNTED, created__gt=Now() - HOUR)[:MOST_AN_HOUR].count() == MOST_AN_HOUR:
            answer.due_at, answer.error = None, TOO_MANY
        answer.save()


def enqueue_answers() -> None:
    """Enqueue one task for each channel that has answers due and that no worker sends from."""
    due = AutoReply.objects.filter(_unclaimed("channel__"), due_at__lte=Now())
    for pk in list(due.order_by("channel").values_list("channel", flat=True).distinct()[:DUE_AT_ONCE]):
        if queue_is_full():
            return
        enqueue("send_answers", pk)


def send_answers(channel_id: int) -> None:
    """Send the answers of a channel that are due, for some seconds; of several concurrent calls only one does.

    A worker that is killed leaves the answers in its hands unsent.
    """
    mine = Channel.objects.filter(pk=channel_id)
    if not mine.filter(_unclaimed()).transition(answering_until=Now() + CLAIM):
        return
    try:
        _send_due(mine.get())
    finally:
        mine.update(answering_until=None)


def _unclaimed(to: str = "") -> Q:
    """Return the condition that no worker sends answers of a channel, at the path `to`."""
    return Q(**{f"{to}answering_until": None}) | Q(**{f"{to}answering_until__lte": Now()})


def _send_due(channel: Channel) -> None:
    due = AutoReply.objects.filter(channel=channel, due_at__lte=Now())
    late = due.filter(created__lt=Now() - AT_LAST)
    late.filter(error="").update(due_at=None, error="It could not be sent in time.")
    late.update(due_at=None)
    taken: dict[str, AutoReply] = {}  # by the keys of their envelopes, until their outcome is known
    try:
        with channel.transport() as transport:
            for envelope, outcome in transport.send(_claimed(due, taken), until=time.monotonic() + SECONDS):
                _record(taken.pop(envelope.key), outcome)
                if isinstance(outcome, TransportError) and outcome.account:
                    due.update(due_at=Now() + AGAIN)  # it would refuse the others alike
    except TransportError as error:
        log.warning("Answers of channel %s could not be sent: %s", channel.uuid, error)
        due.update(due_at=Now() + AGAIN, error=str(error))
    # None of these was handed over: the time was over, or the account was refused.
    AutoReply.objects.filter(pk__in=[answer.pk for answer in taken.values()]).update(sent_at=None, due_at=Now())


def _claimed(due: QuerySet[AutoReply], taken: dict[str, AutoReply]) -> Iterator[Envelope]:
    """Yield the envelopes of answers that are due, each with its `sent_at` committed, and add them to `taken`."""
    for pk in list(due.order_by("due_at", "pk").values_list("pk", flat=True)[:MOST_AN_HOUR]):
        mine = AutoReply.objects.filter(pk=pk)
        if not mine.filter(due_at__lte=Now()).transition(due_at=None, sent_at=Now()):
            continue
        answer = mine.select_related("inbound__contact__organization", "channel__organization").get()
        if refusal := _refusal(answer):
            mine.update(sent_at=None, error=refusal)
            continue
        envelope = _envelope(answer)
        taken[envelope.key] = answer
        yield envelope


def _record(answer: AutoReply, outcome: Outcome) -> None:
    if not isinstance(outcome, TransportError):
        tracking.pass_over(answer.channel, outcome.provider_id)
        return
    log.warning("Answer %s could not be sent: %s", answer.pk, outcome)
    mine = AutoReply.objects.filter(pk=answer.pk)
    words = str(outcome).replace(answer.inbound.address, "(address)")
    if outcome.handed_over:  # it may have left
        mine.update(error=words)
    else:
        again = None if outcome.permanent else Now() + AGAIN
        mine.update(error=words, sent_at=None, due_at=again)


def _refusal(answer: AutoReply) -> str:
    """Return why an answer is not to be sent any more; "" if it is."""
    organization, contact = answer.channel.organization, answer.inbound.contact
    if organization.status != Organization.Status.ACTIVE or not answer.channel.is_active:
        return "The organization is suspended, or the channel is off."
    if contact and contact.status == Contact.Status.BLOCKED:
        return "The contact is blocked."
    listed = Suppression.objects.for_organization(organization).filter(
        medium=answer.channel.medium, address_hash=answer.address_hash, use_case=""
    )
    if hard := listed.exclude(reason__in=[Suppression.Cause.STOP, Suppression.Cause.UNSUBSCRIBE]).first():
        return f"The address is on the suppression list: {hard.get_reason_display().lower()}."
    return ""


def _envelope(answer: AutoReply) -> Envelope:
    contact, organization = answer.inbound.contact, answer.channel.organization
    language = contact.reading_language if contact else organization.primary_language
    text = answer_text(organization, answer.keyword, language)
    return Envelope(f"answer-{answer.pk}", answer.inbound.address, answer.channel.from_address, text=text)
