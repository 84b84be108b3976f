"""Mailboxes that reports about mail, and replies to it, arrive in."""

from typing import Any

from django.db import models
from django.db.models.functions import Now

from .base import Base
from .channels import Channel
from .fields import EncryptedJSONField, VocabularyField
from .organizations import Organization


class Mailbox(Base):
    """An IMAP mailbox that is read for bounces, complaints and replies to the mail of a channel.

    due (due_at) --claimed (lease_until, token)--> read --> due again after `minutes`; a dead worker's lease runs out
      ^                                              +-- refused or broken: last_error, due again, ever later --+

    `token` is a fencing token: a worker that was only suspended writes no more.
    """

    class Security(models.TextChoices):
        TLS = "tls", "TLS from the start"
        STARTTLS = "starttls", "STARTTLS"
        NONE = "none", "None: nothing is encrypted"

    class SignIn(models.TextChoices):
        PASSWORD = "password", "Password"
        OAUTH2 = "oauth2", "OAuth 2"

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="mailboxes")
    name = models.CharField(max_length=255)
    # Its copies are found first; those of the organization's other channels by their keys as well.
    channel = models.ForeignKey(Channel, models.CASCADE, related_name="mailboxes")
    host = models.CharField(max_length=253)
    port = models.PositiveIntegerField(null=True, blank=True, help_text="Blank: 993 with TLS, else 143.")
    security = VocabularyField(max_length=8, choices=Security, default=Security.TLS)
    username = models.CharField(max_length=320)
    sign_in = VocabularyField(max_length=8, choices=SignIn, default=SignIn.PASSWORD)
    # Of OAuth 2: token_url, client_id and scope; secrets: password, or client_secret and refresh_token.
    settings = models.JSONField(default=dict, blank=True)
    secrets = EncryptedJSONField(default=dict, blank=True, editable=False)
    folder = models.CharField(max_length=255, default="INBOX")
    kept_in = models.CharField(
        max_length=255, blank=True, help_text="The folder that mail is moved to once it is taken in; blank: deleted."
    )
    minutes = models.PositiveSmallIntegerField(default=1, help_text="Between two looks into it.")
    is_active = models.BooleanField(default=True)
    due_at = models.DateTimeField(null=True, db_default=Now(), editable=False)
    lease_until = models.DateTimeField(null=True, editable=False)
    token = models.PositiveIntegerField(default=0, editable=False)
    checked_at = models.DateTimeField(null=True, editable=False)  # when it was read last without an error
    taken = models.PositiveBigIntegerField(default=0, editable=False)  # mails since it was made
    failures = models.PositiveSmallIntegerField(default=0, editable=False)  # one after the other
    last_error = models.TextField(blank=True, editable=False)

    class Meta:
        verbose_name_plural = "mailboxes"
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "host", "username", "folder"],
                name="mailbox_once",
                violation_error_message="This folder of this mailbox is read already.",
            ),
        ]
        indexes = [
            # Every round asks whether any is due.
            models.Index(fields=["due_at"], name="mailbox_due", condition=models.Q(is_active=True)),
        ]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self.channel_id and not self.organization_id:
            self.organization_id = self.channel.organization_id
        super().save(*args, **kwargs)
