"""Test sends: the real content through the real channel, to a few addresses, counted nowhere."""

from dataclasses import replace

from broadcasts import audience, links, rendering
from broadcasts.audience import Outlet
from broadcasts.exceptions import InvalidInput, NotReady, RenderError
from broadcasts.mediums import ADDRESS_FIELDS, address_hash, email_key
from broadcasts.models import AuditEntry, Broadcast, Channel, Contact, Message, User
from broadcasts.transports import TransportError

from . import readiness
from .expansion import channel_for, refuse_suspended

MOST = 10


def send_test(broadcast: Broadcast, addresses: list[str], by: User | None = None) -> list[tuple[str, str]]:
    """Send the first message to addresses, at most 10; return each with its error, "" where it was taken.

    A contact of that address lends its attributes and language; otherwise any contact does. Whoever must not be
    written to is not: of opt-outs only those of `by` from marketing are no hindrance to a test to themselves.
    """
    if not 1 <= len(addresses) <= MOST:
        raise InvalidInput({"addresses": f"Give 1 to {MOST} addresses."})
    refuse_suspended(broadcast.organization)
    message = broadcast.messages.select_related("channel", "broadcast__organization").first()
    if message is None:
        raise NotReady(readiness.NO_MESSAGE)
    readiness.check(broadcast)
    channel = channel_for(message)
    outlet = replace(Outlet.of(message), channel=channel)
    people = [(address, _contact(address, channel)) for address in _cleaned(addresses, channel)]
    refused = {address: why for address, known in people if (why := _refusal(broadcast, outlet, address, known, by))}
    allowed = [(address, known or _example(address, channel)) for address, known in people if address not in refused]
    errors = refused | (_deliver(message, channel, allowed) if allowed else {})
    sent = sum(address not in errors for address, _ in people)
    AuditEntry.write(broadcast, "test", organization=broadcast.organization, user=by, sent=sent, refused=len(refused))
    told = {address: f"No test was sent to {address}: {why}" for address, why in errors.items()}
    return [(address, told.get(address, "")) for address, _ in people]


def _cleaned(addresses: list[str], channel: Channel) -> list[str]:
    scheme = ADDRESS_FIELDS[channel.contact_field].scheme
    given = [address if address.startswith(f"{scheme}:") else f"{scheme}:{address}" for address in addresses]
    return [address.partition(":")[2] for address in audience.validate_addresses(given, channel.organization)]


def _contact(address: str, channel: Channel) -> Contact | None:
    field = ADDRESS_FIELDS[channel.contact_field]
    return (
        Contact.objects.for_organization(channel.organization).filter(**{field.key: field.normalise(address)}).first()
    )


def _example(address: str, channel: Channel) -> Contact:
    contacts = Contact.objects.for_organization(channel.organization)
    example = contacts.order_by("id").first() or Contact(full_name="Test Person")
    setattr(example, channel.contact_field, address)
    return example


def _refusal(broadcast: Broadcast, outlet: Outlet, address: str, known: Contact | None, by: User | None) -> str:
    """Say why a test must not go to an address, "" when it may."""
    field = ADDRESS_FIELDS[outlet.contact_field]
    key = field.normalise(address)
    digest = address_hash(key) or ""
    is_own = by is not None and field.name == "email" and key == email_key(by.email)
    why = audience.refusal(broadcast, outlet, digest, known, is_own=is_own)
    return f"{why[0].lower()}{why[1:]}." if why else ""


def _deliver(message: Message, channel: Channel, people: list[tuple[str, Contact]]) -> dict[str, str]:
    """Hand the message over for each; returns the errors, by address."""
    compiled = rendering.compile_message(message)
    errors = {}
    with channel.transport() as transport:
        for address, contact in people:
            language = compiled.language_for(contact.language)
            recipient = rendering.Recipient(links.delivery_token(0), address, language, contact)
            try:
                transport.deliver(compiled.envelope(recipient))
            except (RenderError, TransportError) as error:
                errors[address] = str(error)
    return errors
