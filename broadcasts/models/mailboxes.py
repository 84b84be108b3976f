"""Mailboxes that reports about mail, and replies to it, arrive in."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.functions import Now

from broadcasts import formats, transports
from broadcasts.transports.fields import clean_host
from broadcasts.transports.imap import SIGN_INS

from .base import Base
from .channels import Channel
from .configuring import configured, differs
from .fields import EncryptedJSONField, VocabularyField
from .organizations import Organization

LONGEST_MINUTES = 1440
# A stored password would be sent elsewhere, or in clear, where one of these changes.
SECRET_FOR = ("host", "port", "security", "username", "sign_in")


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

    @property
    def settings_form(self) -> type[transports.SettingsForm]:
        """The form of its way to sign in."""
        return SIGN_INS[self.sign_in]

    def configure(self, values: dict[str, Any]) -> None:
        """Check how it is signed in to, and store settings and secrets; its columns are set before.

        A secret that is not given keeps its stored value, unless where it would be sent changes.
        Raises ValidationError keyed `settings`.
        """
        before = Mailbox.objects.filter(pk=self.pk).values(*SECRET_FOR, "settings").first() or {}
        columns = {name: getattr(self, name) for name in SECRET_FOR}
        is_moved = any(differs(columns, before, name) for name in SECRET_FOR) or any(
            differs(values, before.get("settings") or {}, name) for name in self.settings_form.secret_for
        )
        self.settings, self.secrets = configured(self.settings_form, values, self.secrets, is_moved=is_moved)

    def clean(self) -> None:
        errors = {}
        for name in ("name", "username", "folder", "kept_in"):
            if not getattr(self, name).isprintable():
                errors[name] = "Line breaks and control characters are not allowed here."
        try:
            self.host = clean_host(self.host)
        except ValidationError as error:
            errors["host"] = error.messages[0]
        if not 1 <= (self.minutes or 0) <= LONGEST_MINUTES:
            errors["minutes"] = f"Give a number of minutes from 1 to {formats.number(LONGEST_MINUTES)}."
        if self.port is not None and not 1 <= self.port <= 65_535:
            errors["port"] = "Give a port from 1 to 65535, or leave it blank."
        if self.kept_in and self.kept_in.lower() == self.folder.lower():
            errors["kept_in"] = "Mail cannot be kept in the folder that is read; choose another one."
        if self.channel_id and not self.channel.transport_class.reads_mail:
            errors["channel"] = "Choose a channel of the kind e-mail (SMTP)."
        if self.channel_id and self.organization_id and self.channel.organization_id != self.organization_id:
            errors["channel"] = "Choose a channel of the same organization."
        if errors:
            raise ValidationError(errors)
