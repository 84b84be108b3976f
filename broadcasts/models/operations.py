"""Rows that keep the house: imports, repeated requests, signs of life, who did what."""

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from .base import Base, OrganizationQuerySet
from .organizations import Organization


class ImportJob(Base):
    """One import of contacts: what it read, what came of each row, and how far it is."""

    class Status(models.TextChoices):
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        STOPPED = "stopped", "Stopped"
        FAILED = "failed", "Failed"

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="imports")
    filename = models.CharField(max_length=255)
    mapping = models.JSONField(default=dict, blank=True)
    dry_run = models.BooleanField(default=False)
    status = models.CharField(max_length=8, choices=Status, default=Status.RUNNING)
    rows = models.PositiveIntegerField(default=0)
    created_count = models.PositiveIntegerField("created contacts", default=0)
    updated_count = models.PositiveIntegerField("updated contacts", default=0)
    unchanged_count = models.PositiveIntegerField("unchanged contacts", default=0)
    invalid_count = models.PositiveIntegerField("invalid rows", default=0)
    error_file = models.CharField(max_length=500, blank=True)
    error_message = models.TextField(blank=True)
    finished_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.filename} ({self.get_status_display()})"


class IdempotencyKey(models.Model):
    """The first answer to a POST, so that the same key does nothing twice within 24 hours."""

    organization_path = "organization"

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="+", db_index=False)
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64)  # of method, path and body
    status_code = models.PositiveSmallIntegerField(null=True)  # null: the first request is still at work
    body = models.JSONField(null=True)
    created = models.DateTimeField(db_default=Now(), db_index=True, editable=False)  # `prune` deletes old ones

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organization", "key"], name="idempotency_key_once")]

    def __str__(self) -> str:
        return self.key


class Heartbeat(models.Model):
    """The sign of life of one host, written by a task there, so that it proves the whole way through the queue."""

    name = models.CharField(max_length=100)  # the cluster's: hosts that share a queue share it
    host = models.CharField(max_length=255, blank=True)
    enqueued_at = models.DateTimeField()
    beaten_at = models.DateTimeField()  # on the database's clock

    class Meta:
        constraints = [
            # A beat is written by the host that ran it; supervisor and readiness read those of a cluster.
            models.UniqueConstraint(fields=["name", "host"], name="heartbeat_once"),
        ]

    def __str__(self) -> str:
        return f"{self.name} on {self.host}" if self.host else self.name


class AuditEntry(models.Model):
    """Who did what to which row; append only."""

    organization_path = "organization"

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="audit", db_index=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    actor = models.CharField(max_length=255, blank=True, help_text="Kept when the user is gone.")
    act = models.CharField(max_length=50)
    model = models.CharField(max_length=50)
    object_id = models.BigIntegerField(null=True)
    label = models.CharField(max_length=255, blank=True)
    detail = models.JSONField(default=dict)
    created = models.DateTimeField(db_default=Now(), editable=False)

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "audit entries"
        indexes = [
            # The list of one organization, newest first.
            models.Index(fields=["organization", "-id"], name="audit_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.actor} {self.act} {self.label}"

    @classmethod
    def write(cls, row: models.Model, act: str, *, organization: Organization, user=None, **detail: object) -> None:
        """Add an entry about a row."""
        cls.objects.create(
            organization=organization,
            user=user if user is not None and user.pk else None,
            actor=str(user or "system")[:255],
            act=act,
            model=row._meta.model_name,
            object_id=row.pk,
            label=str(row)[:255],
            detail=detail,
        )
