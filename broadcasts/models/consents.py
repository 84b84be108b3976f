"""Suppressions, consents, and the history of consents with its evidence."""

from typing import Any

from django.db import models
from django.db.models.functions import Now

from broadcasts.mediums import Medium

from .base import Base, OrganizationQuerySet
from .contacts import Contact
from .deliveries import Reason
from .fields import VocabularyField
from .organizations import Organization, UseCase

APPEND_ONLY = "The history of consents is append only: write what is true now as a new change."


class Suppression(Base):
    """An address that must not be sent to on a medium.

    It is identified by the address's hash, so it still works after the address was erased.
    """

    class Cause(models.TextChoices):
        HARD_BOUNCE = "hard_bounce", "Hard bounce"
        SOFT_BOUNCE = "soft_bounce", "Soft bounces"
        COMPLAINT = "complaint", "Complaint"
        UNSUBSCRIBE = "unsubscribe", "Unsubscribed"
        STOP = "stop", "Said STOP"
        MANUAL = "manual", "By staff"
        IMPORT = "import", "Imported"
        ERASED = "erased", "Erased"

    SKIP_REASONS = {
        Cause.HARD_BOUNCE: Reason.BOUNCED,
        Cause.SOFT_BOUNCE: Reason.BOUNCED,
        Cause.COMPLAINT: Reason.COMPLAINED,
        Cause.UNSUBSCRIBE: Reason.UNSUBSCRIBED,
        Cause.STOP: Reason.SUPPRESSED,
        Cause.MANUAL: Reason.SUPPRESSED,
        Cause.IMPORT: Reason.SUPPRESSED,
        Cause.ERASED: Reason.SUPPRESSED,
    }

    # These stop marketing only; all others stop every use case.
    MARKETING_ONLY = frozenset({Cause.COMPLAINT, Cause.UNSUBSCRIBE})

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="suppressions", db_index=False)
    medium = VocabularyField(max_length=10, choices=Medium, default=Medium.EMAIL)
    address_hash = models.CharField(max_length=32, editable=False)
    address = models.CharField(max_length=320, blank=True)
    reason = VocabularyField(max_length=12, choices=Cause, default=Cause.MANUAL)
    use_case = VocabularyField(
        max_length=10, choices=UseCase, blank=True, help_text="Blank: everything; marketing: only marketing."
    )
    source = models.CharField(max_length=255, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True, help_text="When it is lifted by itself; blank: never.")
    # The delivery whose report made it, as far as that is known, and what the report said: code, words, reporter, at.
    delivery = models.BigIntegerField(null=True, editable=False)
    report = models.JSONField(null=True, editable=False)

    class Meta:
        constraints = [
            # Estimate, expansion and windows read whether an address is suppressed, and for which reason.
            models.UniqueConstraint(
                fields=["organization", "medium", "address_hash", "reason"],
                name="suppression_once",
                violation_error_message="This address is suppressed for this reason already.",
            ),
        ]
        indexes = [
            # The list of one organization, newest first.
            models.Index(fields=["organization", "-id"], name="suppression_newest"),
            # Every round lifts those that have expired.
            models.Index(
                fields=["expires_at"], name="suppression_expires", condition=models.Q(expires_at__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.address or self.address_hash}: {self.get_reason_display()}"

    @classmethod
    def stops(cls, reason: str) -> str:
        """Return the default use case of a suppression for a reason; "" means all use cases."""
        return UseCase.MARKETING if reason in cls.MARKETING_ONLY else ""


class SoftBounce(models.Model):
    """A mail that came back, or was refused, for a reason that may pass, such as a full mailbox.

    So many of them within the organization's window suppress the address for a time; the rows older than that are
    deleted. The address is known by its hash, so that erasing has nothing to do here.
    """

    organization_path = "organization"

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="+", db_index=False)
    medium = VocabularyField(max_length=10, choices=Medium, default=Medium.EMAIL)
    address_hash = models.CharField(max_length=32)
    delivery = models.BigIntegerField(unique=True)  # a copy counts once
    at = models.DateTimeField()

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        indexes = [
            # How many an address has within the window.
            models.Index(fields=["organization", "medium", "address_hash", "at"], name="soft_bounce_of_address"),
            # `prune` deletes the oldest.
            models.Index(fields=["at"], name="soft_bounce_oldest"),
        ]

    def __str__(self) -> str:
        return f"soft bounce of {self.address_hash}"


class ConsentState(models.TextChoices):
    UNKNOWN = "unknown", "Unknown"
    PENDING = "pending", "Asked, not confirmed"
    GRANTED = "granted", "Granted"
    WITHDRAWN = "withdrawn", "Withdrawn"


class Consent(Base):
    """The current consent of a contact for a medium and use case."""

    organization_path = "contact__organization"

    contact = models.ForeignKey(Contact, models.CASCADE, related_name="consents", db_index=False)
    medium = VocabularyField(max_length=10, choices=Medium)
    use_case = VocabularyField(max_length=10, choices=UseCase)
    state = VocabularyField(max_length=9, choices=ConsentState, default=ConsentState.UNKNOWN)

    class Meta:
        constraints = [
            # Estimate, expansion and windows read the state for one contact, medium and use case.
            models.UniqueConstraint(fields=["contact", "medium", "use_case"], name="consent_once"),
        ]

    def __str__(self) -> str:
        return f"{self.contact}: {self.use_case} by {self.medium} {self.state}"


class ConsentChangeQuerySet(OrganizationQuerySet["ConsentChange"]):
    def update(self, **changes: object) -> int:
        if set(changes) - {"contact", "contact_id"}:
            raise TypeError(f"{APPEND_ONLY} Only the contact changes, when two rows of a person become one.")
        return super().update(**changes)

    def delete(self) -> tuple[int, dict[str, int]]:
        raise TypeError(APPEND_ONLY)


class ConsentChange(models.Model):
    """One change of a consent, with its evidence; append only, and deleted only with the contact."""

    organization_path = "contact__organization"

    contact = models.ForeignKey(Contact, models.CASCADE, related_name="consent_changes")
    medium = VocabularyField(max_length=10, choices=Medium)
    use_case = VocabularyField(max_length=10, choices=UseCase)
    state = VocabularyField(max_length=9, choices=ConsentState)
    source = models.CharField(max_length=255, blank=True)
    evidence = models.JSONField(default=dict, blank=True, help_text="Time, form, wording, network address.")
    created = models.DateTimeField(db_default=Now(), editable=False)

    objects = ConsentChangeQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.contact}: {self.use_case} by {self.medium} {self.state}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise TypeError(APPEND_ONLY)
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        raise TypeError(APPEND_ONLY)
