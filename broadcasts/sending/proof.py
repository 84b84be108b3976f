"""Test sends: the real content through the real channel, to a few addresses, counted nowhere."""

from broadcasts import audience, links, rendering
from broadcasts.exceptions import InvalidInput, NotReady, RenderError
from broadcasts.models import AuditEntry, Broadcast, Contact, Message, User
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
    message.channel = message.channel or broadcast.organization.default_channel("email")
    if message.channel is None:
        raise NotReady("There is no channel to send through: add an e-mail channel to the organization first.")
    normalised = [_clean(address, message) for address in addresses]
    results = _deliver(message, [(address, _contact(broadcast, address)) for address in normalised])
    AuditEntry.write(broadcast, "test", organization=broadcast.organization, user=by, sent=len(results))
    return results


def _clean(address: str, message: Message) -> str:
    listed = audience.validate_addresses([address], message.broadcast.organization) if ":" in address else [address]
    address = listed[0].partition(":")[2] if ":" in listed[0] else listed[0]
    if message.channel.medium == "email":
        audience.validate_addresses([f"mailto:{address}"], message.broadcast.organization)
    return address


def _contact(broadcast: Broadcast, address: str) -> Contact:
    contacts = Contact.objects.for_organization(broadcast.organization)
    known = contacts.filter(email__iexact=address).first()
    if known:
        return known
    example = contacts.order_by("id").first() or Contact(full_name="Test Person")
    example.email = address
    return example


def _deliver(message: Message, people: list[tuple[str, Contact]]) -> list[tuple[str, str]]:
    program = rendering.compile_message(message)
    results = []
    with message.channel.transport() as transport:
        for address, contact in people:
            language = program.language_for(contact.language)
            recipient = rendering.Recipient(links.delivery_token(0), address, language, contact)
            try:
                transport.deliver(program.envelope(recipient))
                results.append((address, ""))
            except (RenderError, TransportError) as error:
                results.append((address, str(error)))
    return results
