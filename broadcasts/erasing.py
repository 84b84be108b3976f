"""Forget a person: the deliveries stay in the log without an address, the suppressions by their hash."""

from django.db import transaction

from broadcasts.models import Contact, Delivery


@transaction.atomic
def erase(contact: Contact, *, source: str) -> None:
    """Delete a contact and blank the addresses in its deliveries."""
    Delivery.objects.filter(contact=contact).update(address="")
    contact.delete()
