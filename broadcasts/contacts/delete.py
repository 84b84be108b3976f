"""Delete a contact: no audience grows by it, and its opt-outs hold when it is imported again."""

from django.db import transaction

from broadcasts import consenting, sending
from broadcasts.models import Broadcast, Consent, ConsentState, Contact, Suppression

NOBODY = {"not": {"all_users": True}}


@transaction.atomic
def delete(contact: Contact) -> None:
    """Delete a contact; its deliveries stay in the log, and its withdrawals stay as suppressions of its addresses."""
    held = Contact.objects.select_for_update(of=("self",)).select_related("organization").filter(pk=contact.pk).first()
    if held is None:
        return
    sending.hold_expansions(held.organization_id)  # a running one may have read the contact already
    for consent in Consent.objects.filter(contact=held, state=ConsentState.WITHDRAWN):
        address = consenting.address_of(held, consent.medium)
        place = (held.organization, consent.medium, address)
        consenting.suppress(*place, Suppression.Cause.UNSUBSCRIBE, consent.use_case, "no of a deleted contact")
    chosen = Broadcast.objects.filter(retarget_of__isnull=False, contacts=held)
    for broadcast in chosen.select_for_update(of=("self",), no_key=True).order_by("pk"):
        take_out(broadcast, held)
        broadcast.save(update_fields=["query"])
    held.delete()


def take_out(broadcast: Broadcast, contact: Contact) -> None:
    """Remove a contact from a locked broadcast; the caller saves `query`.

    A retarget without any audience field means all recipients of its broadcast, so an emptied one gets a query that
    matches no contact.
    """
    broadcast.contacts.remove(contact)
    if broadcast.retarget_of_id and not _names_anybody(broadcast):
        broadcast.query = NOBODY


def _names_anybody(broadcast: Broadcast) -> bool:
    return bool(
        broadcast.send_to_all
        or broadcast.addresses
        or broadcast.query
        or broadcast.activity_id
        or broadcast.segments.exists()
        or broadcast.contacts.exists()
    )
