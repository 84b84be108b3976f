"""Links that are mailed to one person's own address."""

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
    """A link for one person, and the errand to mail it.

      due (due_at) --mailed--> sent (sent_at)
        ^     +-- refused for good, too late, not wanted any more --> dropped (error)
        +-- tried again --+

    It opens what it is for while it is fresh and the address is still the person's.
    """

    class Purpose(models.TextChoices):
        CONFIRM = "confirm", "To confirm a consent"
        DATA = "data", "To one's own data"

    LIFETIMES = {Purpose.CONFIRM: timedelta(days=7), Purpose.DATA: timedelta(hours=1)}

    organization_path = "organization"

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="+", db_index=False)
    # Null once the person is gone: the link leads nowhere then, and still counts against bombing the address.
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
            # Every round asks what has yet to be mailed.
            models.Index(fields=["due_at"], name="personal_link_due", condition=models.Q(due_at__isnull=False)),
            # How often an address was written to within a day.
            models.Index(fields=["organization", "address_hash", "created"], name="personal_link_address"),
        ]

    def __str__(self) -> str:
        return f"{self.get_purpose_display()}: {self.contact}"
