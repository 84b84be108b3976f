"""Which events an organization's own programs are told, what is noted for them, and the calls that tell it."""

from typing import ClassVar

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower, Now
from django.utils import timezone

from broadcasts.transports.fields import check_url

from .base import Base, OrganizationQuerySet, uuid7
from .broadcasts import Broadcast
from .events import DeliveryEvent
from .fields import EncryptedJSONField, VocabularyField
from .organizations import Organization

# {type: label}; the first ones are those of the delivery log.
EVENT_TYPES: dict[str, str] = {
    **{str(value): str(label) for value, label in DeliveryEvent.Type.choices},
    "broadcast.scheduled": "Broadcast scheduled",
    "broadcast.unscheduled": "Broadcast unscheduled",
    "broadcast.started": "Broadcast started",
    "broadcast.paused": "Broadcast paused",
    "broadcast.resumed": "Broadcast resumed",
    "broadcast.cancelled": "Broadcast cancelled",
    "broadcast.failed": "Broadcast not sent",
    "broadcast.finished": "Broadcast finished",
    "consent.changed": "Consent changed",
}
MOST_SUBSCRIPTIONS = 20  # of an organization: each costs calls of its own
EXAMPLE_URL = "https://example.org/events"


class EventSubscription(Base):
    """A URL of an organization that events of some types are posted to, in calls that are signed.

    Its calls are made by the worker that claims it, under a lease; `token` is a fencing token. `due_at` is when there
    is something to call next, None for nothing: whoever adds a call sets it to now in the same transaction.
    """

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="event_subscriptions", db_index=False)
    name = models.CharField(max_length=255)
    url = models.CharField("URL", max_length=2000, help_text=f"Events are posted there, such as {EXAMPLE_URL}.")
    types = models.JSONField("events", default=list)
    is_active = models.BooleanField(
        "active", default=True, help_text="While it is off, nothing is called, and new events are not kept for it."
    )
    # `signing_secret`, and `previous_secret`, by which calls are signed too until `previous_until`.
    secrets = EncryptedJSONField(default=dict, editable=False)
    previous_until = models.DateTimeField(null=True, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", editable=False
    )
    failing_since = models.DateTimeField(null=True, editable=False)  # no call has succeeded since
    failures = models.PositiveIntegerField(default=0, editable=False)  # in a row
    last_error = models.TextField(blank=True, editable=False)
    last_error_at = models.DateTimeField(null=True, editable=False)
    last_success_at = models.DateTimeField(null=True, editable=False)
    stopped_because = models.TextField(blank=True, editable=False)  # it was switched off by itself
    notice_due_at = models.DateTimeField(null=True, editable=False)  # when staff are to be mailed that
    due_at = models.DateTimeField(null=True, editable=False)
    backoff_until = models.DateTimeField(null=True, editable=False)  # after several failures, or as it asked for
    lease_until = models.DateTimeField(null=True, editable=False)
    token = models.PositiveIntegerField(default=0, editable=False)
    # The calls from `replay_after` (excluded) to `replay_through` are still to be made again; None: no replay.
    replay_after = models.BigIntegerField(null=True, editable=False)
    replay_through = models.BigIntegerField(null=True, editable=False)

    class Meta:
        constraints = [
            # Also finds the subscriptions of an organization, whose types are read every few seconds.
            models.UniqueConstraint(
                "organization",
                Lower("name"),
                name="event_subscription_name_ci",
                violation_error_message="There is an event subscription of this name already.",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        try:
            check_url(self.url, EXAMPLE_URL)
        except ValidationError as error:
            raise ValidationError({"url": error.messages}) from None
        self.types = clean_types(self.types)
        if self.pk is None and self.organization_id:
            held = EventSubscription.objects.for_organization(self.organization_id).count()
            if held >= MOST_SUBSCRIPTIONS:
                raise ValidationError(f"An organization has {MOST_SUBSCRIPTIONS} event subscriptions at most.")

    @property
    def signing_secrets(self) -> list[str]:
        """The secrets that calls are signed with now, the newest first."""
        known = self.secrets or {}
        is_kept = self.previous_until is not None and self.previous_until > timezone.now()
        found = [known.get("signing_secret"), known.get("previous_secret") if is_kept else None]
        return [secret for secret in found if secret]

    @classmethod
    def due(cls) -> Q:
        """Return the condition that there is something to call now, or that its worker died."""
        free = Q(lease_until=None, due_at__lte=Now()) | Q(lease_until__lt=Now())
        rested = Q(backoff_until=None) | Q(backoff_until__lte=Now())
        return free & rested & cls.in_use()

    @classmethod
    def in_use(cls) -> Q:
        """Return the condition that its URL may be called."""
        return Q(is_active=True, organization__status=Organization.Status.ACTIVE)


def clean_types(value: object) -> list[str]:
    """Return types of events in the order of the vocabulary; raises ValidationError keyed `types`."""
    accepted = ", ".join(EVENT_TYPES)
    if not isinstance(value, list) or not value:
        raise ValidationError({"types": f"Name at least one event, as a list of: {accepted}."})
    if unknown := [str(one) for one in value if not isinstance(one, str) or one not in EVENT_TYPES]:
        raise ValidationError({"types": f"{', '.join(unknown)[:200]}: unknown; accepted: {accepted}."})
    return [one for one in EVENT_TYPES if one in value]


class EventNote(models.Model):
    """Events of one broadcast (or of none), noted in the transaction of the facts, until calls are made of them.

    `items` is [[type, milliseconds since 1970, [delivery ids], id of a row that tells more or 0, 1 if it is the first
    of its kind about the delivery]]; each delivery of an item is one event. Notes hold ids only, no personal data.
    """

    organization_path = "organization"

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="+", db_index=False)
    uuid = models.UUIDField(default=uuid7, editable=False)
    broadcast = models.ForeignKey(
        Broadcast, models.DO_NOTHING, null=True, related_name="+", db_constraint=False, db_index=False
    )
    items = models.JSONField()

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        indexes = [
            # Workers take the notes of one organization after the other, in their order.
            models.Index(fields=["organization", "id"], name="event_note_next"),
        ]

    def __str__(self) -> str:
        return f"note {self.pk}"


class EventCall(Base):
    """One call of a subscription's URL with up to 100 events of one broadcast, and what became of it: its log.

      waiting --2xx--> succeeded
        ^  +-- anything else: tried again, ever later --> failed (after days)

    The calls of one subscription and broadcast are made one after the other, by id. `events` is [[id of the event,
    type, milliseconds since 1970, delivery id or 0, id of a row that tells more or 0, 1 if it is the first]]: the body
    is made of the rows each time, so that it names nobody who was erased meanwhile.
    """

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        SUCCEEDED = "succeeded", "Succeeded"
        FAILED = "failed", "Given up"

    class Cause(models.TextChoices):
        EVENT = "event", "Events"
        REPLAY = "replay", "Sent again"
        TEST = "test", "Test"

    organization_path = "subscription__organization"
    ENDED: ClassVar = (State.SUCCEEDED, State.FAILED)

    subscription = models.ForeignKey(EventSubscription, models.CASCADE, related_name="calls", db_index=False)
    broadcast = models.ForeignKey(
        Broadcast, models.DO_NOTHING, null=True, related_name="+", db_constraint=False, db_index=False
    )
    cause = VocabularyField(max_length=6, choices=Cause, default=Cause.EVENT)
    state = VocabularyField(max_length=9, choices=State, default=State.WAITING)
    types = models.TextField()  # those of its events, as “,sent,failed,”
    events = models.JSONField()
    size = models.PositiveSmallIntegerField("number of events")
    attempts = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(null=True, db_default=Now())
    tried_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    # Of the last attempt.
    status_code = models.PositiveSmallIntegerField(null=True)
    duration_ms = models.PositiveIntegerField("duration", null=True)
    answer = models.TextField(blank=True)  # its first bytes
    error = models.TextField(blank=True)

    class Meta:
        verbose_name = "event call"
        indexes = [
            # A worker looks for the first waiting call of each broadcast, and for the one after it.
            models.Index(
                fields=["subscription", "broadcast", "id"], name="event_call_next", condition=Q(state="waiting")
            ),
            # The log of a subscription, newest first; a replay reads it from an id on.
            models.Index(fields=["subscription", "-id"], name="event_call_log"),
            # `prune` deletes old ones.
            models.Index(fields=["created"], name="event_call_created"),
        ]

    def __str__(self) -> str:
        return f"call {self.pk} ({self.get_state_display()})"

    @property
    def identity(self) -> str:
        """The `webhook-id`, the same at every attempt."""
        return f"msg_{self.uuid.hex}"

    @property
    def type_names(self) -> list[str]:
        return self.types.strip(",").split(",")

    @classmethod
    def having(cls, type: str) -> Q:
        """Return the condition that one of its events is of a type."""
        return Q(types__contains=f",{type},")
