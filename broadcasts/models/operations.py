"""Imports, idempotency keys, heartbeats, API throttling and the audit log."""

from pathlib import Path

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from broadcasts.database import waiting_at_most

from .base import Base, OrganizationQuerySet
from .fields import VocabularyField
from .organizations import Organization


class ImportJob(Base):
    """An import, with its options, progress and counts of rows.

    ```
    uploaded --start--> waiting --claimed--> running --end of the file--> done
       |                   |                  |   +----- by an error ---> failed
       +-------------------+------ stop ------+--> stopped
    ```
    An upload is imported in slices: a worker claims the import under a lease, and commits each chunk of rows together
    with the counts and the line it reached. After a worker has died, the next one continues from that line. `token` is
    a fencing token: a worker that was only suspended can write no more. A command runs its import without a lease.
    """

    class Kind(models.TextChoices):
        CONTACTS = "contacts", "Contacts"
        ATTENDANCES = "attendances", "Attendances"
        SUPPRESSIONS = "suppressions", "Suppressions"

    class Format(models.TextChoices):
        CSV = "csv", "CSV"
        JSON_LINES = "jsonl", "JSON lines"

    class Status(models.TextChoices):
        UPLOADED = "uploaded", "Uploaded, not started"
        WAITING = "waiting", "Waiting"
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        STOPPED = "stopped", "Stopped"
        FAILED = "failed", "Failed"

    AT_WORK = frozenset({Status.WAITING, Status.RUNNING})
    STOPPABLE = AT_WORK | {Status.UPLOADED}
    FINISHED = frozenset({Status.DONE, Status.STOPPED, Status.FAILED})
    REHEARSED = frozenset({Status.DONE, Status.STOPPED})

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="imports")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    kind = VocabularyField(max_length=20, choices=Kind, default=Kind.CONTACTS)
    format = VocabularyField(max_length=5, choices=Format, default=Format.CSV)
    filename = models.CharField(max_length=255)
    source = models.CharField(max_length=255, blank=True, help_text="The kept upload; none of a command, or pruned.")
    mapping = models.JSONField(default=dict, blank=True)
    # segment, delimiter, encoding, types, consent, create, defaults
    options = models.JSONField(default=dict, blank=True)
    dry_run = models.BooleanField(default=False)
    rehearsal = models.OneToOneField(
        "self", models.SET_NULL, null=True, related_name="performance", help_text="The dry run that this one follows."
    )
    status = VocabularyField(max_length=8, choices=Status, default=Status.RUNNING)
    stop_asked = models.BooleanField(default=False)
    rows = models.PositiveIntegerField(default=0)
    created_count = models.PositiveIntegerField("new", default=0)
    updated_count = models.PositiveIntegerField("changed", default=0)
    unchanged_count = models.PositiveIntegerField("unchanged", default=0)
    invalid_count = models.PositiveIntegerField("invalid rows", default=0)
    suppressed_count = models.PositiveIntegerField(
        "suppressed", default=0, help_text="Of the rows taken: whose person has an address that must not be reached."
    )
    bytes_total = models.BigIntegerField(null=True)  # null if it is read from a pipe
    bytes_read = models.BigIntegerField(default=0)
    # Addresses that were taken and are worth a look: {"role": how many, "disposable": how many}.
    warnings = models.JSONField(default=dict, editable=False)
    line = models.PositiveIntegerField(default=0)  # the last one whose row is committed
    error_file = models.CharField(max_length=500, blank=True)
    error_bytes = models.BigIntegerField(default=0)  # committed size of the error file; bytes beyond it are cut off
    error_message = models.TextField(blank=True)
    lease_until = models.DateTimeField(null=True)
    token = models.PositiveIntegerField(default=0)
    tries = models.PositiveSmallIntegerField(default=0)  # claims since a chunk was last committed
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "import"
        indexes = [
            # The supervisor looks every second for imports that wait or whose worker died.
            models.Index(
                fields=["modified"], name="import_at_work", condition=models.Q(status__in=["waiting", "running"])
            ),
        ]

    def __str__(self) -> str:
        return f"{self.filename} ({self.get_status_display()})"

    @property
    def progress(self) -> float | None:
        """The share of the file that is read, from 0 to 1; None if its size is unknown."""
        if self.status == self.Status.DONE:
            return 1.0
        return min(1.0, self.bytes_read / self.bytes_total) if self.bytes_total else None

    @property
    def is_rehearsed(self) -> bool:
        """Whether it is a dry run that can be followed by the import itself."""
        return self.dry_run and self.status in self.REHEARSED

    @classmethod
    def unread(cls) -> models.Q:
        """Return the condition for finished imports whose upload is not read again; a dry run may still be followed."""
        may_be_followed = models.Q(dry_run=True, status__in=cls.REHEARSED, performance=None)
        return models.Q(status__in=cls.FINISHED) & ~may_be_followed

    def discard_upload(self) -> None:
        """Delete the upload if nothing reads it again.

        The file is deleted first: if the process dies in between, `prune` finds the row.
        """
        if self.source and ImportJob.objects.filter(ImportJob.unread(), pk=self.pk).exists():
            self.source_path.unlink(missing_ok=True)
            ImportJob.objects.filter(pk=self.pk).update(source="")
            self.source = ""

    def file(self, suffix: str) -> Path:
        """Return the path of a file that belongs to this import."""
        return settings.DATA_DIR / "imports" / f"{self.uuid}.{suffix}"

    @property
    def source_path(self) -> Path:
        return settings.DATA_DIR / "imports" / self.source


class IdempotencyKey(models.Model):
    """The response to a POST with an Idempotency-Key, returned again to repeated requests for 24 hours.

    If the process of a request dies, its key has no response. Once that request must have ended, another one may
    claim the key; `token` is a fencing token, so that the first one, if it was only slow, stores no response.
    """

    organization_path = "organization"

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="+", db_index=False)
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64)  # of method, path and body
    status_code = models.PositiveSmallIntegerField(null=True)  # null while the first request runs
    body = models.JSONField(null=True)
    token = models.PositiveIntegerField(default=0)  # how many requests claimed it after the first
    # When it was last claimed; `prune` deletes old keys.
    created = models.DateTimeField(db_default=Now(), db_index=True, editable=False)

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organization", "key"], name="idempotency_key_once")]

    def __str__(self) -> str:
        return self.key


class Heartbeat(models.Model):
    """The last heartbeat of a host, written by a task, so that it shows that the queue and its workers work."""

    name = models.CharField(max_length=100)  # of the cluster: hosts with the same queue have the same name
    host = models.CharField(max_length=255, blank=True)
    enqueued_at = models.DateTimeField()
    beaten_at = models.DateTimeField()  # by the database's clock

    class Meta:
        constraints = [
            # The task updates the row of its host; the supervisor and the readiness check read those of a cluster.
            models.UniqueConstraint(fields=["name", "host"], name="heartbeat_once"),
        ]

    def __str__(self) -> str:
        return f"{self.name} on {self.host}" if self.host else self.name


class Allowance(models.Model):
    """The number of requests granted to a client in an hour or minute, in blocks that the web processes use up."""

    name = models.CharField(max_length=40, unique=True)  # such as token:12
    begins = models.PositiveBigIntegerField()  # the hour or minute, in seconds since 1970
    granted = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return self.name

    @staticmethod
    def take(name: str, begins: int, limit: int, *, owed: int, share: int, patience: float) -> int:
        """Grant 1/`share` of what is left of a window's limit, and return it; 0 if nothing is left.

        `owed` requests were already granted without this row. `patience` is the seconds to wait for the row's lock;
        raises DatabaseError after that.
        """
        with waiting_at_most(patience):
            Allowance.objects.bulk_create([Allowance(name=name, begins=begins)], ignore_conflicts=True)
            row = Allowance.objects.select_for_update().get(name=name)
            used = owed + (row.granted if row.begins >= begins else 0)
            granted = max(0, -((used - limit) // share))
            Allowance.objects.filter(pk=row.pk).update(begins=max(row.begins, begins), granted=used + granted)
        return granted


class AuditEntry(models.Model):
    """An audit log entry: who did what to which row; append only.

    An act on an account, such as a sign-in, has one entry per organization of its user. If the user has none (an
    operator, an unknown address), the entry has no organization and only operators see it.
    """

    organization_path = "organization"
    RECENT = 100  # entries of an organization, among which the newest one about a row is looked for
    ACCOUNTS = ("apitoken", "invitation", "member", "user")  # models whose entries are visible to managers only

    organization = models.ForeignKey(Organization, models.CASCADE, null=True, related_name="audit", db_index=False)
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
        """Save an entry about a row."""
        cls.made(row, act, organization=organization, user=user, **detail).save(force_insert=True)

    @classmethod
    def newest_about(cls, row: models.Model, organization_id: int) -> "AuditEntry | None":
        """Return the newest entry about a row; None if the organization has had many others since."""
        newest = cls.objects.for_organization(organization_id).order_by("-id")[: cls.RECENT]
        name = row._meta.model_name
        return next((entry for entry in newest if (entry.model, entry.object_id) == (name, row.pk)), None)

    @classmethod
    def made(
        cls, row: models.Model, act: str, *, organization: Organization | int | None, user=None, **detail: object
    ) -> "AuditEntry":
        """Return an unsaved entry; it names the token that the user acts by, and the token's issuer if another user."""
        actor = str(user or "system")
        if token := getattr(user, "token", None):
            detail = {**detail, "token": token.prefix}
            if token.issued_by_id not in (None, token.user_id):
                detail["issued_by"] = str(token.issued_by)
                actor = f"{actor}, by a token of {token.issued_by}"
        return cls(
            organization_id=organization.pk if isinstance(organization, Organization) else organization,
            user=user if user is not None and user.pk else None,
            actor=actor[:255],
            act=act,
            model=row._meta.model_name or "",
            object_id=row.pk,
            label=str(row)[:255],
            detail=detail,
        )
