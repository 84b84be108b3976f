"""Mail personal links, each once, through the organization's own channel; failures are retried."""

import logging
from datetime import timedelta
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, formataddr, make_msgid

from django.db.models.functions import Now
from django.template.loader import render_to_string
from django.utils import timezone

from broadcasts import consenting, links
from broadcasts.exceptions import RenderError
from broadcasts.models import (
    Channel,
    Consent,
    ConsentState,
    Contact,
    Medium,
    Organization,
    PersonalLink,
    Suppression,
)
from broadcasts.queue import enqueue_due
from broadcasts.rendering.mime import clean_address, one_line
from broadcasts.rendering.return_path import return_path
from broadcasts.rendering.signing import sign_mail
from broadcasts.transports import Envelope, TransportError

from .requests import unreachable_because
from .texts import TEXTS

log = logging.getLogger(__name__)

Purpose = PersonalLink.Purpose
AGAIN = timedelta(minutes=5)
AT_LAST = timedelta(hours=12)  # after which a link is not mailed any more
POLICY = SMTP.clone(cte_type="7bit")
URLS = {Purpose.CONFIRM: links.confirm_url, Purpose.DATA: links.data_url}


def enqueue_waiting() -> None:
    """Enqueue the links whose task was lost or whose retry time has passed; called in the supervisor's round."""
    enqueue_due("mail_link", PersonalLink.objects.due())


def mail_link(link_id: int) -> None:
    """Mail a link that is due; of several concurrent calls only one does."""
    rows = PersonalLink.objects.filter(pk=link_id)
    if not rows.due().transition(due_at=Now() + AGAIN):
        return
    link = rows.select_related("organization", "contact").get()
    mine = rows.filter(due_at=link.due_at)
    channel = link.organization.default_channel(Medium.EMAIL)
    if refusal := _refusal(link, channel):
        mine.update(due_at=None, error=refusal)
        return
    assert link.contact is not None and channel is not None
    try:
        envelope = _envelope(link, link.contact, channel)
        with channel.transport() as transport:
            transport.deliver(envelope)
    except RenderError as error:
        mine.update(due_at=None, error=str(error))
    except TransportError as error:
        _failed(link, link.contact, error)
    else:
        mine.update(due_at=None, sent_at=Now(), error="")


def _refusal(link: PersonalLink, channel: Channel | None) -> str:
    """Return why a link is not to be mailed any more; "" if it is."""
    contact = link.contact
    if contact is None or contact.email_hash != link.address_hash:
        return "The person is gone, or has another address."
    if link.organization.status != Organization.Status.ACTIVE:
        return "The organization is suspended."
    if link.created < timezone.now() - min(AT_LAST, PersonalLink.LIFETIMES[Purpose(link.purpose)]):
        return link.error or "It could not be mailed in time."
    if channel is None:
        return "There is no e-mail channel."
    if link.purpose == Purpose.CONFIRM:
        asked = Consent.objects.filter(
            contact=contact, medium=Medium.EMAIL, use_case=link.use_case, state=ConsentState.PENDING
        )
        if not asked.exists():
            return "The answer is known by now."
    return unreachable_because(contact)


def _failed(link: PersonalLink, contact: Contact, error: TransportError) -> None:
    log.warning("Personal link %s could not be mailed: %s", link.pk, error)
    given_up = error.permanent and not error.account
    mine = PersonalLink.objects.filter(pk=link.pk, due_at=link.due_at)
    words = str(error).replace(contact.email, "(address)")  # the error outlives the contact
    mine.update(error=words, **({"due_at": None} if given_up else {}))
    if error.bounced:
        cause = Suppression.Cause.HARD_BOUNCE
        consenting.suppress(link.organization, Medium.EMAIL, contact.email, cause, source="bounced: personal link")


def _envelope(link: PersonalLink, contact: Contact, channel: Channel) -> Envelope:
    organization, purpose = link.organization, Purpose(link.purpose)
    sender, address = clean_address(channel.from_address), clean_address(contact.email)
    language = contact.reading_language
    subject, context = _content(link, organization, language)
    subject, token = one_line(subject), links.personal_token(link.pk)
    context |= {"url": URLS[purpose](token), "organization": organization}
    mail = EmailMessage(policy=POLICY)
    mail["From"] = formataddr((one_line(channel.from_name or organization.name), sender))
    mail["To"] = address
    if channel.reply_to:
        mail["Reply-To"] = clean_address(channel.reply_to)
    mail["Subject"] = subject
    mail["Date"] = format_datetime(timezone.now())
    mail["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2])  # without the token, which opens the page
    mail["Auto-Submitted"] = "auto-generated"
    text = render_to_string("mail/personal_link.txt", context).strip() + "\n"
    mail.set_content(text)
    mail.add_alternative(render_to_string("mail/personal_link.html", {**context, "subject": subject}), subtype="html")
    bounces_to = return_path(sender, {**channel.settings, "verp": False})[0]
    return Envelope(token, address, bounces_to, subject, text, mime=sign_mail(channel, mail.as_bytes()))


def _content(link: PersonalLink, organization: Organization, language: str) -> tuple[str, dict[str, object]]:
    spoken = consenting.spoken(language)
    words = {name: text.format(organization=organization.name) for name, text in TEXTS[spoken][link.purpose].items()}
    wording = ""
    if link.purpose == Purpose.CONFIRM:
        wording = consenting.wording(organization, language, Medium.EMAIL, link.use_case)
    return words["subject"], {"language": spoken, "words": words, "wording": wording}
