"""Links that are mailed to the address of one contact."""

from datetime import timedelta

from django.db import models
from django.db.models.functions import Now

from .base import OrganizationQuerySet
from .contacts import Contact
from .fields import VocabularyField
from .organizations import Organization, UseCase


class PersonalLinkQuerySet(OrganizationQuerySet["PersonalLink"]):
    def due(self) -> "PersonalLinkQuerySet":
        """Return the links whose mail is due, by the database's clock."""
        return self.filter(due_at__lte=Now())


class PersonalLink(models.Model):
    """A link for one contact; it also is the queue entry of its mail.

      due (due_at) --mailed--> sent (sent_at)
        ^     +-- refused for good, too late, not wanted any more --> dropped (error)
        +-- tried again --+

    It is valid for the lifetime of its purpose, while the contact still has the address.
    """

    class Purpose(models.TextChoices):
        CONFIRM = "confirm", "To confirm a consent"
        DATA = "data", "To one's own data"

    LIFETIMES = {Purpose.CONFIRM: timedelta(days=7), Purpose.DATA: timedelta(hours=1)}

    organization_path = "organization"

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="+", db_index=False)
    # Null if the contact was erased: the link is invalid then, but still counts for the limit of mails per address.
    contact = models.ForeignKey(Contact, models.SET_NULL, null=True, related_name="personal_links")
    purpose = VocabularyField(max_length=7, choices=Purpose)
    use_case = VocabularyField(max_length=10, choices=UseCase, blank=True)
    address_hash = models.CharField(max_length=32)
    created = models.DateTimeField(db_default=Now(), editable=False)
    due_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)
    error = models.TextField(blank=True)

    objects = PersonalLinkQuerySet.as_manager()

    class Meta:
        indexes = [
            # Every round of the supervisor reads the links whose mail is due.
            models.Index(fields=["due_at"], name="personal_link_due", condition=models.Q(due_at__isnull=False)),
            # The limit of mails per address counts those of the last day.
            models.Index(fields=["organization", "address_hash", "created"], name="personal_link_address"),
        ]

    def __str__(self) -> str:
        return f"{self.get_purpose_display()}: {self.contact}"
