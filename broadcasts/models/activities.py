"""Activities and their attendances."""

from django.db import models

from .base import Base
from .contacts import Contact
from .fields import VocabularyField
from .organizations import Organization


class Activity(Base):
    """One occurrence of a class, course or event."""

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="activities")
    external_id = models.CharField(max_length=255, null=True, blank=True)
    series = models.CharField(max_length=255, blank=True, help_text="What its occurrences have in common.")
    kind = models.CharField(max_length=50, blank=True)
    name = models.CharField(max_length=255)
    starts_at = models.DateTimeField(null=True, blank=True)
    ends_at = models.DateTimeField(null=True, blank=True)
    place = models.CharField(max_length=255, blank=True)

    class Meta:
        verbose_name_plural = "activities"
        constraints = [
            models.UniqueConstraint(fields=["organization", "external_id"], name="activity_external_id"),
            models.CheckConstraint(
                condition=models.Q(starts_at=None)
                | models.Q(ends_at=None)
                | models.Q(ends_at__gte=models.F("starts_at")),
                name="activity_ends_after_start",
                violation_error_message="It cannot end before it starts.",
            ),
        ]
        indexes = [
            # Audience rules select the activities of a series.
            models.Index(fields=["organization", "series"], name="activity_by_series"),
            # Lists of the admin and the API sort by start.
            models.Index(fields=["organization", "starts_at"], name="activity_by_start"),
        ]

    def __str__(self) -> str:
        return self.name

    def save(self, *args, **kwargs) -> None:
        self.external_id = self.external_id or None
        super().save(*args, **kwargs)


class Attendance(Base):
    """A contact's attendance of an activity, with its status."""

    organization_path = "activity__organization"

    class Status(models.TextChoices):
        BOOKED = "booked", "Booked"
        ATTENDED = "attended", "Attended"
        NO_SHOW = "no_show", "Did not come"
        CANCELLED = "cancelled", "Cancelled"
        WAITLISTED = "waitlisted", "On the waiting list"
        LATE_CANCELLED = "late_cancelled", "Cancelled late"
        NOT_REGISTERED = "not_registered", "Not registered"
        RESCHEDULED = "rescheduled", "Rescheduled"

    activity = models.ForeignKey(Activity, models.CASCADE, related_name="attendances", db_index=False)
    contact = models.ForeignKey(Contact, models.CASCADE, related_name="attendances")  # indexed for its history
    status = VocabularyField(max_length=16, choices=Status, default=Status.BOOKED)
    at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            # The audience query reads the contacts of an activity, with their status.
            models.UniqueConstraint(fields=["activity", "contact"], name="attendance_once"),
        ]
        indexes = [
            # Audience rules count the attendances of a series per contact by an index-only scan.
            models.Index(fields=["activity", "status", "contact"], name="attendance_by_status"),
        ]

    def __str__(self) -> str:
        return f"{self.contact}: {self.activity} ({self.get_status_display()})"
