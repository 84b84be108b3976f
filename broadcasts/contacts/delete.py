"""Delete a contact, so that nobody else gets more for it, and it itself no more when it is imported again."""

from django.db import transaction

from broadcasts import consenting, sending
from broadcasts.models import Broadcast, Consent, ConsentState, Contact, Suppression

NOBODY = {"not": {"all_users": True}}


@transaction.atomic
def delete(contact: Contact) -> None:
    """Delete a contact; its deliveries stay in the log, and each no outlives it by its address."""
    held = Contact.objects.select_for_update(of=("self",)).select_related("organization").filter(pk=contact.pk).first()
    if held is None:
        return
    sending.hold_expansions(held.organization_id)  # or one that read the contact made a row of somebody who is gone
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
    """Name a contact no more in a broadcast, which is held; its query is to be saved.

    A retarget that names nobody is of everybody its broadcast went to, so one of nobody says so.
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
