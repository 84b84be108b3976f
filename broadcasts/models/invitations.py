"""Invitations to become a member of an organization."""

from datetime import timedelta

from django.db import models
from django.db.models.functions import Lower, Now
from django.utils import timezone

from .base import Base, OrganizationQuerySet
from .fields import VocabularyField
from .organizations import Organization, Role


class InvitationQuerySet(OrganizationQuerySet["Invitation"]):
    def open(self) -> "InvitationQuerySet":
        """Return the invitations that can still be accepted."""
        return self.filter(status=Invitation.Status.OPEN, expires_at__gt=Now())

    def due(self) -> "InvitationQuerySet":
        """Return the invitations whose mail is due, by the database's clock."""
        return self.open().filter(due_at__lte=Now())


class Invitation(Base):
    """An invitation of the owner of an e-mail address to become a member; it also is the queue entry of its mail.

    ```
    open --accepted by the owner of the address--> accepted
      +---- withdrawn, or replaced by a newer one --> withdrawn
      +---- after `expires_at` it stays open, but cannot be accepted
    ```
    The link contains the signed id, so no secret is stored. `due_at` is set until the mail is sent or fails for good;
    `error` is the reason of the last failure.
    """

    class Status(models.TextChoices):
        OPEN = "open", "Open"
        ACCEPTED = "accepted", "Accepted"
        WITHDRAWN = "withdrawn", "Withdrawn"

    LIFETIME = timedelta(days=7)

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="invitations", db_index=False)
    email = models.EmailField("e-mail", max_length=254)
    role = VocabularyField(max_length=10, choices=Role, default=Role.VIEWER)
    status = VocabularyField(max_length=9, choices=Status, default=Status.OPEN)
    # CASCADE, because an invitation is valid only as long as its inviter has an account.
    invited_by = models.ForeignKey("broadcasts.User", models.CASCADE, related_name="+")
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField("accepted or withdrawn", null=True)
    due_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField("mailed", null=True)
    error = models.TextField(blank=True)

    objects = InvitationQuerySet.as_manager()  # type: ignore[misc]  # more than Base promises

    class Meta:
        constraints = [
            models.UniqueConstraint(
                "organization", Lower("email"), condition=models.Q(status="open"), name="invitation_open_once"
            ),
        ]
        indexes = [
            # The list of one organization, newest first.
            models.Index(fields=["organization", "-id"], name="invitation_newest"),
            # Every round of the supervisor reads the invitations whose mail is due.
            models.Index(fields=["due_at"], name="invitation_due", condition=models.Q(due_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.email} ({self.get_role_display()} of {self.organization})"

    @property
    def is_open(self) -> bool:
        return self.status == self.Status.OPEN and self.expires_at > timezone.now()
