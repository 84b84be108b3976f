"""Test sends: the real content through the real channel, to a few addresses, without deliveries or counts."""

from dataclasses import replace
from uuid import uuid4

from broadcasts import audience, consenting, links, rendering
from broadcasts.audience import Route
from broadcasts.exceptions import InvalidInput, NotReady, RenderError
from broadcasts.mediums import SENT_TO, email_key
from broadcasts.models import AuditEntry, Broadcast, Channel, Contact, Message, User
from broadcasts.transports import TransportError

from . import readiness
from .expansion import channel_for, refuse_suspended

MOST = 10


def send_test(broadcast: Broadcast, addresses: list[str], by: User | None = None) -> list[tuple[str, str]]:
    """Send the first message to at most 10 addresses; return (address, error) of each, "" if all is well.

    An address that was sent a test has an error too if staff should correct something of the channel.

    Content is rendered for the contact with that address, or else for any contact. Suppressed addresses are refused,
    except that the marketing opt-outs of `by` do not stop tests to their own address.
    Raises InvalidInput or NotReady.
    """
    if not 1 <= len(addresses) <= MOST:
        raise InvalidInput({"addresses": f"Give 1 to {MOST} addresses."})
    refuse_suspended(broadcast.organization)
    message = broadcast.messages.select_related("channel", "broadcast__organization").first()
    if message is None:
        raise NotReady(readiness.NO_MESSAGE)
    readiness.check_content(broadcast)
    channel = channel_for(message)
    route = replace(Route.of(message), channel=channel)
    people = [(address, _contact(address, channel)) for address in _cleaned(addresses, channel)]
    refused = {address: why for address, known in people if (why := _refusal(broadcast, route, address, known, by))}
    allowed = [(address, known or _example(address, channel)) for address, known in people if address not in refused]
    failed, flaws = _deliver(message, channel, allowed) if allowed else ({}, {})
    errors = refused | failed
    sent = sum(address not in errors for address, _ in people)
    AuditEntry.write(broadcast, "test", organization=broadcast.organization, user=by, sent=sent, refused=len(refused))
    told = {address: f"A test was sent to {address}. {flaw}" for address, flaw in flaws.items()}
    told |= {address: f"No test was sent to {address}: {why}" for address, why in errors.items()}
    return [(address, told.get(address, "")) for address, _ in people]


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
    message: Message, channel: Channel, people: list[tuple[str, Contact]]
) -> tuple[dict[str, str], dict[str, str]]:
    """Send the message to each address; return {address: error}, and {address: flaw} of those that were sent it."""
    compiled = rendering.compile_message(message, rendering.Tracking.of_test(message))
    errors, flaws = {}, {}
    with channel.transport() as transport:
        for address, contact in people:
            language = compiled.language_for(contact.language)
            recipient = rendering.Recipient(links.delivery_token(0), address, language, contact)
            try:
                envelope = compiled.envelope(recipient)
                envelope.key = f"test_{uuid4().hex}"  # a receiver that de-duplicates takes each test
                if flaw := transport.deliver(envelope).flaw:
                    flaws[address] = flaw
            except (RenderError, TransportError) as error:
                errors[address] = str(error)
    return errors, flaws
