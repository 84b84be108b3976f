"""Test sends: the real content through the real channel, to a few addresses, without deliveries or counts."""

from collections.abc import Iterable, Sequence
from uuid import uuid4

from broadcasts import audience, consenting, designing, links, rendering
from broadcasts.audience import Route
from broadcasts.exceptions import InvalidInput, NotReady, RenderError
from broadcasts.mediums import SENT_TO, email_key
from broadcasts.models import AuditEntry, Broadcast, Channel, Contact, Message, MessageTranslation, User
from broadcasts.transports import Transport, TransportError

from . import readiness
from .expansion import channel_for, refuse_suspended

MOST = 10  # addresses
MARK = "[Test] "  # before the subject

Told = dict[str, str]  # {address: words}


def send_test(
    broadcast: Broadcast,
    addresses: list[str],
    by: User | None = None,
    *,
    message: Message | None = None,
    languages: Sequence[str] = (),
    person: Contact | None = None,
) -> list[tuple[str, str]]:
    """Send a message to at most 10 addresses; return (address, error) of each, "" if all is well.

    An address that was sent a test has an error too if staff should correct something of the channel.

    message: one of the broadcast; without it the first.
    languages: each address gets one test in each of them; without any, one in the language of the person.
    person: whose values fill the content; without it the contact with that address, or else any contact.

    The subject is marked. Suppressed addresses are refused, except that the marketing opt-outs of `by` do not stop
    tests to their own address. Raises InvalidInput or NotReady.
    """
    _check_addresses(addresses, broadcast)
    message = _message(broadcast, message)
    _check_languages(message.translations.all(), languages)
    readiness.check_content(broadcast)
    designing.refresh(message)
    return _try(broadcast, message, list(message.translations.all()), addresses, by, languages, person)


def send_template_test(
    message: Message,
    translations: Sequence[MessageTranslation],
    addresses: list[str],
    by: User | None = None,
    *,
    languages: Sequence[str] = (),
    person: Contact | None = None,
) -> list[tuple[str, str]]:
    """Send what a template says through the organization's default channel of its medium; else as `send_test`.

    message: one of the template, not saved, with its layout and syntax.
    translations: its content in each language, not saved; their HTML is made here.
    """
    _check_addresses(addresses, message.broadcast)
    _check_languages(translations, languages)
    for one in translations:
        designing.apply(message, one)
    if not translations or any(one.is_blank for one in translations):
        raise NotReady(readiness.BLANK)
    return _try(message.broadcast, message, translations, addresses, by, languages, person)


def _try(
    broadcast: Broadcast,
    message: Message,
    translations: Sequence[MessageTranslation],
    addresses: list[str],
    by: User | None,
    languages: Sequence[str],
    person: Contact | None,
) -> list[tuple[str, str]]:
    """Send the tests that may be sent; return (address, error) of each."""
    channel = channel_for(message)
    route = Route(
        channel=channel,
        languages=[one.language for one in translations],
        base_language=broadcast.base_language,
        is_template=message.has_provider_template,
    )
    people = [(address, _contact(address, channel)) for address in _cleaned(addresses, channel)]
    refused = {address: why for address, known in people if (why := _refusal(broadcast, route, address, known, by))}
    allowed = [
        (address, person or known or _example(address, channel)) for address, known in people if address not in refused
    ]
    failed, flaws = _deliver(message, translations, channel, allowed, languages) if allowed else ({}, {})
    errors = refused | failed
    sent = sum(address not in errors for address, _ in people)
    tested = broadcast if broadcast.pk else message.template or broadcast
    AuditEntry.write(tested, "test", organization=broadcast.organization, user=by, sent=sent, refused=len(refused))
    told = {address: f"A test was sent to {address}. {flaw}" for address, flaw in flaws.items()}
    told |= {address: f"No test was sent to {address}: {why}" for address, why in errors.items()}
    return [(address, told.get(address, "")) for address, _ in people]


def _check_addresses(addresses: list[str], broadcast: Broadcast) -> None:
    if not 1 <= len(addresses) <= MOST:
        raise InvalidInput({"addresses": f"Give 1 to {MOST} addresses."})
    refuse_suspended(broadcast.organization)


def _message(broadcast: Broadcast, chosen: Message | None) -> Message:
    rows = broadcast.messages.select_related("channel", "broadcast__organization").prefetch_related("translations")
    message = (rows.filter(pk=chosen.pk) if chosen else rows).first()
    if message is None:
        raise NotReady(readiness.NO_MESSAGE)
    return message


def _check_languages(translations: Iterable[MessageTranslation], languages: Sequence[str]) -> None:
    offered = [one.language for one in translations]
    if missing := [language for language in languages if language not in offered]:
        has = ", ".join(offered) or "none"
        raise InvalidInput({"languages": f"There is no content in {', '.join(missing)}; there is: {has}."})


def _cleaned(addresses: list[str], channel: Channel) -> list[str]:
    scheme = SENT_TO[channel.contact_field].scheme
    given = [address if address.startswith(f"{scheme}:") else f"{scheme}:{address}" for address in addresses]
    return [address.partition(":")[2] for address in audience.validate_addresses(given, channel.organization)]


def _contact(address: str, channel: Channel) -> Contact | None:
    field = SENT_TO[channel.contact_field]
    return (
        Contact.objects.for_organization(channel.organization).filter(**{field.key: field.normalise(address)}).first()
    )


def _example(address: str, channel: Channel) -> Contact:
    contacts = Contact.objects.for_organization(channel.organization)
    example = contacts.order_by("id").first() or Contact(full_name="Test Person")
    setattr(example, channel.contact_field, address)
    return example


def _refusal(broadcast: Broadcast, route: Route, address: str, known: Contact | None, by: User | None) -> str:
    """Return why a test may not be sent to an address; "" if it may."""
    field = SENT_TO[route.contact_field]
    digest = consenting.hash_of(address) or ""
    is_own = by is not None and field.name == "email" and field.normalise(address) == email_key(by.email)
    why = audience.refusal(broadcast, route, digest, known, is_own=is_own)
    return f"{why[0].lower()}{why[1:]}." if why else ""


def _deliver(
    message: Message,
    translations: Sequence[MessageTranslation],
    channel: Channel,
    people: list[tuple[str, Contact]],
    languages: Sequence[str],
) -> tuple[Told, Told]:
    """Send the message to each address; return {address: error}, and {address: flaw} of those that were sent it."""
    _mark(message, translations)
    compiled = rendering.CompiledMessage(message, rendering.Tracking.of_test(message), translations)
    errors: Told = {}
    flaws: Told = {}
    with channel.transport() as transport:
        for address, contact in people:
            for wanted in languages or [compiled.language_for(contact.language)]:
                recipient = rendering.Recipient(links.delivery_token(links.TEST_SEND), address, wanted, contact)
                try:
                    if flaw := _hand_over(transport, compiled, recipient):
                        flaws[address] = flaw
                except (RenderError, TransportError) as error:
                    where = f" (in {wanted})" if len(languages) > 1 else ""
                    errors.setdefault(address, f"{error}{where}")
    return errors, flaws


def _hand_over(transport: Transport, compiled: rendering.CompiledMessage, recipient: rendering.Recipient) -> str:
    """Send one copy; return what staff should correct though it was accepted."""
    envelope = compiled.envelope(recipient)
    envelope.key = f"test_{uuid4().hex}"  # a receiver that de-duplicates takes each test
    return transport.deliver(envelope).flaw


def _mark(message: Message, translations: Iterable[MessageTranslation]) -> None:
    """Mark the subjects of a message, which is not saved after this, as those of a test."""
    organization = message.broadcast.organization
    organization.default_subject = MARK + (organization.default_subject or message.broadcast.name)
    for one in translations:
        if one.subject.strip():
            one.subject = MARK + one.subject
