"""The domains that mail comes from, and the keys that sign it (RFC 6376)."""

from django.core.exceptions import ValidationError
from django.db import models

from broadcasts.mediums import ascii_domain

from .base import Base
from .fields import EncryptedJSONField, VocabularyField
from .organizations import Organization


class SendingDomain(Base):
    """A domain that e-mail channels send from, with what its DNS said when it was asked last.

    never asked (checked_at null) --asked--> asked; due (due_at) --claimed, asked--> asked, and due again in a day
    """

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="sending_domains", db_index=False)
    name = models.CharField(max_length=253, help_text="In lower case and IDNA, such as news.example.org.")
    findings = models.JSONField(default=list, editable=False)  # what `inspecting` found, a dict for each subject
    checked_at = models.DateTimeField(null=True, editable=False)  # None: nobody has asked yet
    due_at = models.DateTimeField(null=True, editable=False)  # when it is asked next

    class Meta:
        constraints = [
            # Composing finds the domain of a channel's address; the list of an organization reads it in order.
            models.UniqueConstraint(
                fields=["organization", "name"],
                name="sending_domain_once",
                violation_error_message="This domain is there already.",
            ),
        ]
        indexes = [
            # Every round asks whether any is due.
            models.Index(fields=["due_at"], name="sending_domain_due", condition=models.Q(due_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        name = ascii_domain(self.name.strip().removesuffix("."))
        if not name:
            raise ValidationError({"name": f"“{self.name[:100]}” is not a domain, such as news.example.org."})
        self.name = name


class SigningKey(Base):
    """A key that signs the mail of a domain; its public half stands in the domain's DNS under the selector."""

    class Algorithm(models.TextChoices):
        RSA = "rsa", "RSA, 2048 bits"
        ED25519 = "ed25519", "Ed25519"

    organization_path = "domain__organization"

    domain = models.ForeignKey(SendingDomain, models.CASCADE, related_name="keys", db_index=False)
    selector = models.CharField(max_length=63)
    algorithm = VocabularyField(max_length=7, choices=Algorithm, default=Algorithm.RSA)
    secret = EncryptedJSONField(editable=False)  # {"private": PEM}
    public = models.TextField(editable=False)  # what the record says behind p=
    is_active = models.BooleanField(default=False, help_text="It signs the mail of its domain.")

    class Meta:
        constraints = [
            # Composing reads the keys of a domain.
            models.UniqueConstraint(
                fields=["domain", "selector"],
                name="signing_key_once",
                violation_error_message="This domain has a key under this selector already.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.selector}._domainkey.{self.domain}"
