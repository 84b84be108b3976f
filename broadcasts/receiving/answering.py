"""Send the answers to keywords, each once at most, through the channel that the reply came to."""

import logging
from datetime import timedelta

from django.db.models.functions import Now
from django.utils import timezone

from broadcasts import consenting
from broadcasts.models import AutoReply, Contact, Inbound, Keyword, Medium, Organization, Suppression
from broadcasts.queue import enqueue
from broadcasts.transports import Envelope, TransportError

from .answer_texts import TEXTS

log = logging.getLogger(__name__)

ANSWERED = frozenset({Medium.SMS, Medium.WHATSAPP})  # in mail a link does what keywords do here
MOST_A_DAY = 3  # answers to one keyword for one address: the other one may be a robot too
AGAIN = timedelta(seconds=30)
AT_LAST = timedelta(minutes=5)  # after which no answer is sent: the FCC's limit for a confirmation
DAY = timedelta(days=1)


def ask_for(reply: Inbound, keyword: Keyword) -> None:
    """Have a reply answered, unless its address had many such answers today."""
    assert reply.channel is not None
    digest = consenting.hash_of(reply.address)
    if digest is None or reply.channel.medium not in ANSWERED:
        return
    today = AutoReply.objects.filter(
        channel=reply.channel, address_hash=digest, created__gt=Now() - DAY, keyword=keyword
    )
    if today.count() < MOST_A_DAY:
        answer = AutoReply(inbound=reply, channel=reply.channel, address_hash=digest, keyword=keyword)
        answer.save()
        enqueue("send_answer", answer.pk)


def send_answer(answer_id: int) -> None:
    """Send an answer that is due; of several concurrent calls only one does, and a killed one leaves it unsent."""
    mine = AutoReply.objects.filter(pk=answer_id)
    if not mine.filter(due_at__lte=Now()).transition(due_at=None, sent_at=Now()):
        return
    answer = mine.select_related("inbound__contact__organization", "channel__organization").get()
    if refusal := _refusal(answer):
        mine.update(sent_at=None, error=refusal)
        return
    try:
        with answer.channel.transport() as transport:
            transport.deliver(_envelope(answer))
    except TransportError as error:
        log.warning("Answer %s could not be sent: %s", answer.pk, error)
        words = str(error).replace(answer.inbound.address, "(address)")
        if error.handed_over:  # it may have left
            mine.update(error=words)
        else:
            again = None if error.permanent else Now() + AGAIN
            mine.update(error=words, sent_at=None, due_at=again)


def _refusal(answer: AutoReply) -> str:
    """Return why an answer is not to be sent any more; "" if it is."""
    organization, contact = answer.channel.organization, answer.inbound.contact
    if organization.status != Organization.Status.ACTIVE or not answer.channel.is_active:
        return "The organization is suspended, or the channel is off."
    if answer.created < timezone.now() - AT_LAST:
        return answer.error or "It could not be sent in time."
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
    language = consenting.spoken(contact.reading_language if contact else organization.primary_language)
    text = TEXTS[language][answer.keyword].format(organization=organization.name)
    return Envelope(f"answer-{answer.pk}", answer.inbound.address, answer.channel.from_address, text=text)
