"""The delivery log, and the batches it is sent in."""

from collections.abc import Iterable
from typing import Any

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from .base import OrganizationQuerySet
from .channels import Channel
from .contacts import Contact
from .fields import VocabularyField
from .messages import Message


class Reason(models.TextChoices):
    """Why somebody the audience matched gets no copy; the first that applies is the one stored."""

    EXCLUDED = "excluded", "In an excluded segment or broadcast"
    BLOCKED = "blocked", "Contact is blocked or archived"
    NO_ADDRESS = "no_address", "No address for this channel"
    INVALID_ADDRESS = "invalid_address", "The address cannot be sent to"
    DUPLICATE = "duplicate", "Another contact has the same address"
    BOUNCED = "bounced", "The address bounced before"
    COMPLAINED = "complained", "Complained before"
    SUPPRESSED = "suppressed", "On the suppression list"
    UNSUBSCRIBED = "unsubscribed", "Unsubscribed"
    NO_CONSENT = "no_consent", "Did not consent"
    FREQUENCY_CAP = "frequency_cap", "Got enough messages lately"
    NO_TRANSLATION = "no_translation", "No content in a language that fits"
    EXPIRED = "expired", "The broadcast had expired"


OUTCOMES = ("skipped", "sent", "failed", "unknown", "cancelled")


class Batch(models.Model):
    """Up to BATCH_SIZE deliveries of one message that one worker sends under a lease; it holds the counters.

      READY --claim--> LEASED --all rows answered--> DONE
        ^                |
        +-- given back, or the lease ran out (recover) --+

    Of an expansion it is a range of delivery ids (`first_id`..`last_id`); a gathered batch (retries and
    deferrals that came due) has none and its rows point at it. `started_through` is the id of the last row
    of this batch whose window was begun; it is committed before the provider is called, so that after a
    crash rows above it are safe and those at or below it, still pending and not deferred, are `unknown`.
    `token` fences: it grows with every claim and recovery, and whoever holds an older one writes nothing.

    What is pending is never stored: it is the total less all outcomes, so rows may move between batches.
    """

    class State(models.TextChoices):
        READY = "ready", "Ready"
        LEASED = "leased", "Leased"
        DONE = "done", "Done"

    organization_path = "message__broadcast__organization"

    message = models.ForeignKey(Message, models.CASCADE, related_name="batches")  # its index: sums over a message
    state = VocabularyField(max_length=6, choices=State, default=State.READY)
    first_id = models.BigIntegerField(null=True)
    last_id = models.BigIntegerField(null=True)
    started_through = models.BigIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)  # on the database's clock
    owner = models.CharField(max_length=100, blank=True)
    token = models.PositiveIntegerField(default=0)
    created = models.DateTimeField(auto_now_add=True)

    total = models.PositiveIntegerField(default=0)  # rows born in it; a gathered batch has none
    skipped = models.IntegerField(default=0)
    sent = models.IntegerField(default=0)
    failed = models.IntegerField(default=0)
    unknown = models.IntegerField(default=0)
    cancelled = models.IntegerField(default=0)
    delivered = models.IntegerField(default=0)
    bounced = models.IntegerField(default=0)
    opened = models.IntegerField(default=0)
    clicked = models.IntegerField(default=0)
    played = models.IntegerField(default=0)
    replied = models.IntegerField(default=0)
    complained = models.IntegerField(default=0)
    unsubscribed = models.IntegerField(default=0)

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "batches"
        indexes = [
            # Pumps claim what is ready, recovery takes what is leased too long; done ones leave the index.
            models.Index(fields=["state", "message"], name="batch_at_work", condition=~Q(state="done")),
        ]

    def __str__(self) -> str:
        return f"batch {self.pk}"

    def deliveries(self) -> models.QuerySet["Delivery"]:
        """The rows of this batch: its range less those that were gathered elsewhere, or those gathered here."""
        if self.first_id is None:
            return Delivery.objects.filter(batch=self)
        return Delivery.objects.in_range(self.message_id, self.first_id, self.last_id)


class DeliveryQuerySet(OrganizationQuerySet["Delivery"]):
    def in_range(self, message_id: int, first: Any, last: Any) -> "DeliveryQuerySet":
        """Rows of an expansion's range of ids that were not gathered elsewhere."""
        # An expression, or SQLite reads and sorts all of the message by its index, for each window of a hundred.
        rows = self.alias(of=F("message_id") + 0).filter(of=message_id, id__gte=first, id__lte=last)
        return rows.filter(batch=None)

    def of(self, contacts: Iterable[Contact]) -> "DeliveryQuerySet":
        """All copies that went to these people, also those of contacts that were merged into them."""
        pks = [contact.pk for contact in contacts]
        return self.filter(Q(contact__in=pks) | Q(merged_into__in=pks))

    def due(self) -> "DeliveryQuerySet":
        """Retries and deferrals whose time has come, by the database's clock."""
        return self.filter(status=Delivery.Status.PENDING, due_at__lte=Now())


class Delivery(models.Model):
    """One recipient of one message: the row of the delivery log.

      pending -> sent | failed | unknown | cancelled | skipped (expired, opted out before its turn)
         ^          |                 unknown -> sent | failed (told by the provider or by staff)
         +----------+ transient error: attempts + 1, due_at        | pending (staff resend)
      skipped (born so, with a reason)        sent -> bounced is a fact on the row, not a status

    That a pending row is claimed or already handed over is told by its batch. The foreign keys carry no
    constraint in the database: checked ones more than halve the speed of expansion (`doctor` proves them).
    """

    class Status(models.TextChoices):
        PENDING = "pending", "Pending"
        SENT = "sent", "Sent"
        FAILED = "failed", "Failed"
        UNKNOWN = "unknown", "Unknown"
        CANCELLED = "cancelled", "Cancelled"
        SKIPPED = "skipped", "Skipped"

    organization_path = "message__broadcast__organization"

    message = models.ForeignKey(Message, models.CASCADE, related_name="deliveries", db_constraint=False, db_index=False)
    # Its index: "why did, or did not, this person get it?"
    contact = models.ForeignKey(Contact, models.SET_NULL, null=True, related_name="deliveries", db_constraint=False)
    batch = models.ForeignKey(
        Batch, models.SET_NULL, null=True, related_name="gathered", db_constraint=False, db_index=False
    )
    # The delivery on another channel that this one is the fallback for: set when a message waited in vain for that
    # one to be delivered, so that reports count the person once and the log leads from one to the other.
    replaces = models.BigIntegerField(null=True, editable=False)
    # Whose second copy of the message it is, since contacts were merged: a no to it is one of that contact's.
    merged_into = models.BigIntegerField(null=True, editable=False)
    created = models.DateTimeField(db_default=Now(), editable=False)
    address = models.CharField(max_length=320, blank=True)  # the contact's when it was made, then when its turn came
    language = models.CharField(max_length=35, blank=True)
    status = VocabularyField(max_length=9, choices=Status, default=Status.PENDING)
    reason = VocabularyField(max_length=16, choices=Reason, blank=True)
    error = models.TextField(blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(null=True)

    sent_at = models.DateTimeField(null=True)
    delivered_at = models.DateTimeField(null=True)
    bounced_at = models.DateTimeField(null=True)
    opened_at = models.DateTimeField(null=True)
    clicked_at = models.DateTimeField(null=True)
    played_at = models.DateTimeField(null=True)
    replied_at = models.DateTimeField(null=True)
    complained_at = models.DateTimeField(null=True)
    unsubscribed_at = models.DateTimeField(null=True)

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "deliveries"
        constraints = [
            # No recipient twice, whatever is expanded again; and the log of one message reads by it.
            models.UniqueConstraint(fields=["message", "contact"], name="delivery_once"),
        ]
        indexes = [
            # The supervisor gathers what of a message came due, and pages tell when the first and the last do.
            models.Index(fields=["message", "due_at"], name="delivery_waiting", condition=Q(due_at__isnull=False)),
            # A person's data, its erasing and the next merge take in its second copies.
            models.Index(fields=["merged_into"], name="delivery_merged", condition=Q(merged_into__isnull=False)),
            # A gathered batch reads its rows.
            models.Index(fields=["batch", "id"], name="delivery_gathered", condition=Q(batch__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.address or 'no address'}: {self.get_status_display()}"


def count(**changes: int) -> dict[str, object]:
    """Turn {counter: n} into an UPDATE that adds."""
    return {name: F(name) + n for name, n in changes.items() if n}


class ProviderRef(models.Model):
    """A provider's id of a delivery, unique within its channel; insert only, as delivery updates must stay cheap.

    Each channel has ids of its own: what is told to one channel can never concern another's deliveries.
    """

    LONGEST = 255  # characters; `tracking` cuts longer ids, wherever they come from

    organization_path = "channel__organization"

    channel = models.ForeignKey(
        Channel, models.CASCADE, related_name="provider_refs", db_constraint=False, db_index=False
    )
    delivery = models.ForeignKey(Delivery, models.CASCADE, related_name="provider_refs", db_constraint=False)
    provider_id = models.CharField(max_length=LONGEST)

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        constraints = [
            # A callback looks its delivery up.
            models.UniqueConstraint(fields=["channel", "provider_id"], name="provider_ref_once"),
        ]

    def __str__(self) -> str:
        return self.provider_id
