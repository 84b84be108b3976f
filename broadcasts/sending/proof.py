"""Test sends: the real content through the real channel, to a few addresses, counted nowhere."""

from collections.abc import Callable

from broadcasts import audience, links, rendering
from broadcasts.exceptions import InvalidInput, NotReady, RenderError
from broadcasts.models import AuditEntry, Broadcast, Channel, Contact, Message, User, email_key, phone_key, whatsapp_key
from broadcasts.transports import TransportError

MOST = 10


def send_test(broadcast: Broadcast, addresses: list[str], by: User | None = None) -> list[tuple[str, str]]:
    """Send the first message to addresses, at most 10; return each with its error, "" where it was taken.

    A contact of that address lends its attributes and language; otherwise any contact does.
    """
    if not 1 <= len(addresses) <= MOST:
        raise InvalidInput({"addresses": f"Give 1 to {MOST} addresses."})
    message = broadcast.messages.select_related("channel", "broadcast__organization").first()
    if message is None:
        raise NotReady("It has no message yet: write a subject and a body first.")
    channel = message.channel = message.channel or broadcast.organization.default_channel("email")
    if channel is None:
        raise NotReady("There is no channel to send through: add an e-mail channel to the organization first.")
    normalised = [_clean(address, channel) for address in addresses]
    results = _deliver(message, channel, [(address, _contact(address, channel)) for address in normalised])
    AuditEntry.write(broadcast, "test", organization=broadcast.organization, user=by, sent=len(results))
    return results


SCHEMES = {"email": "mailto", "sms": "tel", "whatsapp": "whatsapp"}


def _clean(address: str, channel: Channel) -> str:
    scheme = SCHEMES.get(channel.medium, "ext")
    given = address if address.startswith(f"{scheme}:") else f"{scheme}:{address}"
    return audience.validate_addresses([given], channel.organization)[0].partition(":")[2]


KEYS: dict[str, tuple[str, Callable[[str], str | None]]] = {
    "email": ("email_key", email_key),
    "phone": ("phone_key", phone_key),
    "whatsapp_id": ("whatsapp_key", whatsapp_key),
}


def _contact(address: str, channel: Channel) -> Contact:
    contacts = Contact.objects.for_organization(channel.organization)
    column, key = KEYS[channel.contact_field]
    if known := contacts.filter(**{column: key(address)}).first():
        return known
    example = contacts.order_by("id").first() or Contact(full_name="Test Person")
    setattr(example, channel.contact_field, address)
    return example


def _deliver(message: Message, channel: Channel, people: list[tuple[str, Contact]]) -> list[tuple[str, str]]:
    program = rendering.compile_message(message)
    results = []
    with channel.transport() as transport:
        for address, contact in people:
            language = program.language_for(contact.language)
            recipient = rendering.Recipient(links.delivery_token(0), address, language, contact)
            try:
                transport.deliver(program.envelope(recipient))
                results.append((address, ""))
            except (RenderError, TransportError) as error:
                results.append((address, str(error)))
    return results
