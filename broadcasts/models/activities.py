"""Activities, the series and places that they share, and their attendances."""

from collections.abc import Iterable
from typing import Any, ClassVar, Self

from django.db import models

from broadcasts.database import tidy_name

from .base import Base
from .contacts import Contact
from .fields import VocabularyField
from .organizations import Organization


class Shared(Base):
    """A name that several activities of an organization have in common."""

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="+", db_index=False)
    name = models.CharField(max_length=255)

    class Meta:
        abstract = True
        constraints = [
            # Rules and writers look rows up by their names.
            models.UniqueConstraint(fields=["organization", "name"], name="%(class)s_name"),
        ]

    def __str__(self) -> str:
        return self.name

    @classmethod
    def named(cls, organization: Organization, names: Iterable[str]) -> dict[str, Self]:
        """Return {name: row}, with new rows for unknown names; blank names are left out."""
        tidy = {name: tidy_name(name) for name in names}
        wanted = set(tidy.values()) - {""}
        rows: Any = cls.objects.for_organization(organization).filter(name__in=wanted)
        found = {row.name: row for row in rows}
        if missing := sorted(wanted - found.keys()):
            fresh = [cls(organization=organization, name=name) for name in missing]
            cls.objects.bulk_create(fresh, ignore_conflicts=True)  # another writer may create them at the same time
            found = {row.name: row for row in rows.all()}
        return {name: found[stored] for name, stored in tidy.items() if stored}


class Series(Shared):
    """What occurrences of a class or course have in common."""

    class Meta(Shared.Meta):
        verbose_name_plural = "series"


class Place(Shared):
    """Where activities take place."""


class Activity(Base):
    """One occurrence of a class, course or event."""

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="activities")
    external_id = models.CharField(max_length=255, null=True, blank=True)
    # What is typed by its name, and has rows of its own: {field: model}.
    SHARED: ClassVar[dict[str, type[Shared]]] = {"series": Series, "place": Place}

    # Both are indexed: audience rules select the activities of a series or a place.
    series = models.ForeignKey(Series, models.RESTRICT, null=True, blank=True, related_name="activities")
    kind = models.CharField(max_length=50, blank=True)
    name = models.CharField(max_length=255)
    starts_at = models.DateTimeField(null=True, blank=True)
    ends_at = models.DateTimeField(null=True, blank=True)
    place = models.ForeignKey(Place, models.RESTRICT, null=True, blank=True, related_name="activities")

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
