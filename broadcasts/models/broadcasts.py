from datetime import date, datetime, time

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from .activities import Activity, Attendance
from .base import Base
from .contacts import Contact
from .facts import Engagement
from .fields import VocabularyField
from .organizations import Organization, UseCase
from .segments import Segment


class Broadcast(Base):
    """Messages, an audience and a time; a life from draft to sent.

                        +------------------ send now --------------------+
                        |                                                v
      DRAFT --schedule--> SCHEDULED --due--> SENDING --all done--> SENT
       ^^^                 |  |  |            |  ^ |
       ||+-- unschedule ---+  |  |       pause|  | +-- content broke at start, nothing left --> FAILED
       |+-- too late to start +  |       or   v  | resume                                       (editable and
       |    (with the reason)    |      error PAUSED --cancel--> CANCELLED                       startable
       |                         |    (cancel also from SENDING;  ^  |                           like DRAFT; also
       |                         |     what left stays sent)      |  |                           audience empty
       |                         +-- cancel: it never begins -----+  |                           when due)
       +---------------- reopen: only what never began --------------+

    Sent with an undo window, it is SCHEDULED and not editable until the window ends: `undo_until` is set then, and only
    then.

                       +--- undo, unschedule: with its time as it was ---+
                       v                                                 |
      DRAFT, FAILED or SCHEDULED --send with undo_seconds--> SCHEDULED, undo_until --window over, send now--> SENDING
                                                                 |   |
                    SCHEDULED, at another time <----- schedule --+   +-- cancel --> CANCELLED, never began

    Every arrow is one conditional UPDATE that must change exactly one row; the caller that changes it continues.
    """

    class Status(models.TextChoices):
        DRAFT = "DRAFT", "Draft"
        SCHEDULED = "SCHEDULED", "Scheduled"
        SENDING = "SENDING", "Sending"
        PAUSED = "PAUSED", "Paused"
        SENT = "SENT", "Sent"
        CANCELLED = "CANCELLED", "Cancelled"
        FAILED = "FAILED", "Failed"

    EDITABLE = frozenset({Status.DRAFT, Status.FAILED, Status.SCHEDULED})
    STARTABLE = frozenset({Status.DRAFT, Status.FAILED, Status.SCHEDULED})
    STARTED = frozenset({Status.SENDING, Status.PAUSED, Status.SENT, Status.CANCELLED})
    STOPPABLE = frozenset({Status.SENDING, Status.PAUSED})
    CANCELLABLE = STOPPABLE | {Status.SCHEDULED}
    FINISHED = frozenset({Status.SENT, Status.CANCELLED})
    AT_WORK = frozenset({Status.SCHEDULED, Status.SENDING, Status.PAUSED, Status.CANCELLED})  # until `completed_at`
    NEVER_BEGAN = models.Q(status=Status.CANCELLED, started_at=None)  # cancelled while they were scheduled
    BEGUN = models.Q(status__in=STARTED) & ~NEVER_BEGAN  # those that may have deliveries
    ENDED = models.Q(status__in=FINISHED) & ~NEVER_BEGAN  # those that cannot be reopened
    UNDOABLE = models.Q(status=Status.SCHEDULED, undo_until__isnull=False)  # those within their undo window
    UNLOCKED = models.Q(status__in=EDITABLE, undo_until=None)  # those that can be edited

    # The coarse view that existing clients parse as a strict enum.
    STATES = {
        "DRAFT": (Status.DRAFT, Status.FAILED),
        "SCHEDULED": (Status.SCHEDULED, Status.SENDING, Status.PAUSED),
        "SENT": (Status.SENT, Status.CANCELLED),
    }

    # The audience fields, for drafting, copies, API and admin.
    WHO_LISTS = ("segments", "excluded_segments", "contacts", "excluded_broadcasts")
    WHO = (
        *("send_to_all", "segments", "excluded_segments", "contacts", "addresses"),
        *("activity", "attendance_status", "query", "retarget_of", "retarget_engagement"),
        *("excluded_broadcasts", "excluded_days"),
    )

    class Policy(models.TextChoices):
        FIRST = "first", "The first channel that works"
        EVERY = "every", "Every channel"
        FALLBACK = "fallback", "The next channel when one fails"

    # The facts that the policy FALLBACK can wait for.
    AWAITED = (("delivered", "Delivered"), ("opened", "Opened (read)"))
    FALLBACK_FIELDS = ("fallback_fact", "fallback_minutes", "fallback_unknown")
    LONGEST_FALLBACK = 7 * 24 * 60  # minutes

    class Origin(models.TextChoices):
        RETRY = "retry", "Retry of the failed"
        RETARGET = "retarget", "Retarget"
        DUPLICATE = "duplicate", "Duplicate"
        REPEAT = "repeat", "Repeat"

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="broadcasts", db_index=False)
    name = models.CharField(max_length=255)
    use_case = VocabularyField(max_length=10, choices=UseCase, default=UseCase.GENERAL)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    author_name = models.CharField(max_length=255, blank=True, editable=False)
    status = VocabularyField(max_length=10, choices=Status, default=Status.DRAFT, editable=False)

    # Who: the union of these, then only the retargeted, minus the excluded.
    send_to_all = models.BooleanField("everybody", default=False)
    segments = models.ManyToManyField(Segment, blank=True, related_name="+")
    excluded_segments = models.ManyToManyField(Segment, blank=True, related_name="+")
    contacts = models.ManyToManyField(Contact, blank=True, related_name="+")
    addresses = models.JSONField(
        default=list, blank=True, help_text='Such as ["mailto:joe@example.com", "tel:+250788123123"].'
    )
    activity = models.ForeignKey(Activity, models.PROTECT, null=True, blank=True, related_name="+")
    attendance_status = VocabularyField(max_length=16, choices=Attendance.Status, null=True, blank=True)
    query = models.JSONField(default=dict, blank=True, help_text='Such as {"language": "es"}; {"all_users": true}.')
    retarget_of = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="+")
    retarget_engagement = VocabularyField(max_length=12, choices=Engagement, null=True, blank=True)
    excluded_broadcasts = models.ManyToManyField(
        "self", symmetrical=False, blank=True, related_name="+", help_text="Whoever was sent one of these is left out."
    )
    excluded_days = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(3650)],
        help_text="Only who was sent one of them in so many days; blank: ever.",
    )
    audience_preview = models.JSONField(default=list, editable=False)  # the first 100 addresses

    # When.
    scheduled_at = models.DateTimeField(null=True, blank=True)
    local_time = models.BooleanField(
        "at that clock time in each recipient's zone",
        default=False,
        help_text="The time above, as clocks show it where the organization is. It begins where that comes first and "
        "takes up to a day; people whose local time has already passed get it right away.",
    )
    ignore_quiet_hours = models.BooleanField(
        default=False, help_text="For what cannot wait until morning; never for marketing."
    )
    expires_at = models.DateTimeField(null=True, blank=True)
    # The rule by which a broadcast will be sent again and again, such as every Monday at nine: each time is a child of
    # its own, with the origin REPEAT. None: it is sent once. Copies do not repeat.
    repeat = models.JSONField(null=True, blank=True)
    due_from = models.DateTimeField(null=True, editable=False)  # when to begin: never before it was scheduled
    # The end of the undo window: it is SCHEDULED meanwhile, and due at that moment.
    undo_until = models.DateTimeField(null=True, editable=False)
    started_at = models.DateTimeField(null=True, editable=False)
    completed_at = models.DateTimeField(null=True, editable=False)

    # How.
    base_language = models.CharField(max_length=35, default="en")
    channel_policy = VocabularyField(max_length=8, choices=Policy, default=Policy.FIRST)
    # Of the policy FALLBACK: `fallbacks` tells what they mean for a copy.
    fallback_fact = VocabularyField("fall back unless it is", max_length=12, choices=AWAITED, null=True, blank=True)
    fallback_minutes = models.PositiveIntegerField(
        "fall back after minutes",
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(LONGEST_FALLBACK)],
    )
    fallback_unknown = models.BooleanField("fall back when the outcome is unknown", default=False)
    # Whether opens and clicks of its mail are measured; None: as the channel and the organization say.
    track_opens = models.BooleanField(null=True, blank=True)
    track_clicks = models.BooleanField(null=True, blank=True)
    parent = models.ForeignKey("self", models.SET_NULL, null=True, editable=False, related_name="children")
    origin = VocabularyField(max_length=10, choices=Origin, null=True, editable=False)
    error_message = models.TextField(blank=True, editable=False)
    notice_due_at = models.DateTimeField(null=True, editable=False)  # when staff are notified of `error_message`
    # The number of outcomes when staff resumed it: the failure budget counts later ones only.
    forgiven_sent = models.PositiveIntegerField(default=0, editable=False)
    forgiven_failed = models.PositiveIntegerField(default=0, editable=False)
    resumed_at = models.DateTimeField(null=True, editable=False)  # by staff: gauges count what was reported since
    # The warnings of the check that staff accepted: {name: {"digest": of its words, "by": name, "at": time}}.
    accepted_warnings = models.JSONField(default=dict, editable=False)
    in_archive = models.BooleanField(
        "in the public archive", default=False, help_text="Anybody can read its mail there once it is sent."
    )
    # What another API must give back and the core does not use; no copy takes it over.
    extra = models.JSONField(default=dict, editable=False)

    # Expansion: contacts up to `expanded_to` have their rows; `expanded_at` when all have.
    expanded_to = models.BigIntegerField(default=0, editable=False)
    expanded_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(status="SCHEDULED") | models.Q(scheduled_at__isnull=False),
                name="broadcast_scheduled_has_time",
            ),
        ]
        indexes = [
            # The list of one organization, newest first.
            models.Index(fields=["organization", "-created"], name="broadcast_by_created"),
            # The supervisor looks every second for broadcasts that are due or being sent.
            models.Index(
                fields=["status", "due_from"],
                name="broadcast_at_work",
                condition=models.Q(completed_at=None),
            ),
            # And for notices to staff that are due.
            models.Index(
                fields=["notice_due_at"],
                name="broadcast_notice_due",
                condition=models.Q(notice_due_at__isnull=False),
            ),
            # The public archive, newest first.
            models.Index(
                fields=["organization", "-started_at"],
                name="broadcast_in_archive",
                condition=models.Q(in_archive=True),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def state(self) -> str:
        if self.never_began:
            return "DRAFT"  # nothing of it was sent, and it can be reopened
        return next(state for state, statuses in self.STATES.items() if self.status in statuses)

    @property
    def falls_back(self) -> bool:
        """Whether a copy on the next channel follows one that failed or did not arrive."""
        return self.channel_policy == self.Policy.FALLBACK

    @property
    def is_editable(self) -> bool:
        """Whether it can be edited, as UNLOCKED says it of rows."""
        return self.status in self.EDITABLE and self.undo_until is None

    @property
    def is_undoable(self) -> bool:
        """Whether it is within its undo window, as UNDOABLE says it of rows."""
        return self.status == self.Status.SCHEDULED and self.undo_until is not None

    @property
    def own_time(self) -> datetime | None:
        """The time that it was given; within an undo window the moment of its end is none."""
        return None if self.is_undoable and self.scheduled_at == self.undo_until else self.scheduled_at

    @property
    def has_begun(self) -> bool:
        """Whether its sending has begun, as BEGUN says it of rows."""
        return self.status in self.STARTED and not self.never_began

    @property
    def never_began(self) -> bool:
        """Whether it was cancelled before it began, as NEVER_BEGAN says it of rows."""
        return self.status == self.Status.CANCELLED and self.started_at is None

    @classmethod
    def in_state(cls, state: str) -> models.Q:
        """Return the clause for those whose `state` this is."""
        chosen = models.Q(status__in=cls.STATES[state])
        return chosen | cls.NEVER_BEGAN if state == "DRAFT" else chosen & ~cls.NEVER_BEGAN

    @property
    def reports(self) -> frozenset[str]:
        """The facts that any channel of its messages reports; prefetch `messages__channel` for lists."""
        return frozenset().union(*(message.reports for message in self.messages.all()))

    def log_is_gone(self) -> bool:
        """Whether retention has deleted its deliveries; the counts stay."""
        had = self.messages.filter(batches__total__gt=0)
        return had.exists() and not self.messages.filter(deliveries__isnull=False).exists()

    def clock_of(self, moment: datetime) -> tuple[date, time]:
        """Return the day and clock time of a moment, as `local_time` applies them in each recipient's zone."""
        local = moment.astimezone(self.organization.zone)
        return local.date(), local.time()

    def first_message(self):
        """Return the message that the API's `subject` and `body` refer to, or None."""
        return min(self.messages.all(), key=lambda message: (message.position, message.pk), default=None)
