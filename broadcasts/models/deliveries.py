"""The delivery log, and the batches it is sent in."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import models
from django.db.models import Exists, F, OuterRef, Q, Subquery
from django.db.models.functions import Now

from .base import OrganizationQuerySet
from .channels import Channel
from .contacts import Contact
from .facts import FACTS
from .fields import VocabularyField
from .messages import Message


class Reason(models.TextChoices):
    """Why a person whom the audience matched gets no copy; the first reason that applies is stored."""

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
    NO_TEMPLATE = "no_template", "Only a template may be sent: has not written lately"
    EXPIRED = "expired", "The broadcast had expired"


OUTCOMES = ("skipped", "sent", "failed", "unknown", "cancelled")


class Batch(models.Model):
    """Up to BATCH_SIZE deliveries of one message that one worker sends under a lease; it holds the counters.

      READY --claim--> LEASED --all rows answered--> DONE
        ^                |
        +-- given back, or the lease ran out (recover) --+

    A batch of an expansion is a range of delivery ids (`first_id`..`last_id`). A gathered batch, of retries and
    deferrals that are due, has no range; its deliveries refer to it. `started_through` is the id of the last
    delivery whose window was started. It is committed before the provider is called: after a crash, pending
    deliveries above it were not sent, and those at or below it, unless deferred, are `unknown`.
    `token` is a fencing token: every claim and recovery increments it, and a worker with an older one cannot write.

    The number of pending deliveries is not stored: it is the total minus all outcomes, so rows may change batches.
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
    fallbacks = models.IntegerField(default=0)  # of these, copies that replace one on an earlier channel
    # Copies to people who have an earlier one that was not skipped: with them, people would count twice.
    repeats = models.IntegerField(default=0)
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
    segments = models.IntegerField(default=0)  # of SMS, as billed
    # Whether its outcomes are counted by language and domain; rounds do that once it is done.
    is_grouped = models.BooleanField(default=False, db_default=False)

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "batches"
        indexes = [
            # Pumps claim ready batches, recovery finds expired leases; done batches are not in the index.
            models.Index(fields=["state", "message"], name="batch_at_work", condition=~Q(state="done")),
            # Rounds take the done batches whose outcomes have yet to be counted by language and domain.
            models.Index(fields=["message"], name="batch_to_group", condition=Q(state="done", is_grouped=False)),
        ]

    def __str__(self) -> str:
        return f"batch {self.pk}"

    def deliveries(self) -> "DeliveryQuerySet":
        """Return the deliveries of this batch: its range without those gathered elsewhere, or those gathered here."""
        if self.first_id is None:
            return Delivery.objects.filter(batch=self)
        return Delivery.objects.in_range(self.message_id, self.first_id, self.last_id)


class DeliveryQuerySet(OrganizationQuerySet["Delivery"]):
    def in_range(self, message_id: int, first: Any, last: Any) -> "DeliveryQuerySet":
        """Return the deliveries of a message in a range of ids that no other batch has gathered."""
        # As an expression, or SQLite would read and sort all of the message by its index for each window.
        rows = self.alias(of=F("message_id") + 0).filter(of=message_id, id__gte=first, id__lte=last)
        return rows.filter(batch=None)

    def of(self, contacts: Iterable[Contact]) -> "DeliveryQuerySet":
        """Return the deliveries of contacts, including those of contacts that were merged into them."""
        pks = [contact.pk for contact in contacts]
        return self.filter(Q(contact__in=pks) | Q(merged_into__in=pks))

    def standing(self) -> "DeliveryQuerySet":
        """Return the deliveries that no copy on a further channel replaces, unless that one was skipped."""
        later = Delivery.objects.filter(replaces=OuterRef("pk")).exclude(status=Delivery.Status.SKIPPED)
        return self.filter(~Exists(later))

    def with_replaced_by(self) -> "DeliveryQuerySet":
        """Annotate `replaced_by`: the id of the delivery on a further channel that replaced it, or None."""
        later = Delivery.objects.filter(replaces=OuterRef("pk")).order_by("pk").values("pk")
        return self.annotate(replaced_by=Subquery(later[:1]))

    def repeats(self, message: Message) -> "DeliveryQuerySet":
        """Return the fallback copies by a message of people with an earlier copy that was not skipped."""
        messages = list(message.broadcast.messages.values_list("pk", flat=True))
        earlier = Delivery.objects.filter(contact=OuterRef("contact_id"), message__in=messages, pk__lt=OuterRef("pk"))
        return self.filter(Exists(earlier.exclude(status=Delivery.Status.SKIPPED)), replaces__isnull=False)

    def under_way(self) -> "DeliveryQuerySet":
        """Return the deliveries that a worker is handing over: their window was started and is not recorded."""
        held = Batch.objects.filter(state=Batch.State.LEASED, started_through__gte=OuterRef("pk"))
        of_range = held.filter(message=OuterRef("message"), first_id__lte=OuterRef("pk"), last_id__gte=OuterRef("pk"))
        in_hand = Q(Exists(held.filter(pk=OuterRef("batch")))) | Q(Exists(of_range), batch=None)
        return self.filter(in_hand, status=Delivery.Status.PENDING, due_at=None)

    def due(self) -> "DeliveryQuerySet":
        """Return the deliveries whose retry time or deferral has passed, by the database's clock."""
        return self.filter(status=Delivery.Status.PENDING, due_at__lte=Now())


class Delivery(models.Model):
    """One recipient of one message: the row of the delivery log.

      pending -> sent | failed | unknown | cancelled | skipped (expired, opted out before it was sent)
         ^          |                 unknown -> sent | failed (by a report or by staff)
         +----------+ transient error: attempts + 1, due_at        | pending (staff resend)
      skipped (born so, with a reason)        sent -> bounced is a fact on the row, not a status

    Its batch tells whether a pending delivery is claimed or already handed over. The foreign keys have no constraint
    in the database, since that would more than halve the speed of expansion (`doctor` checks them).
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
    # Its index: the deliveries of one contact.
    contact = models.ForeignKey(Contact, models.SET_NULL, null=True, related_name="deliveries", db_constraint=False)
    batch = models.ForeignKey(
        Batch, models.SET_NULL, null=True, related_name="gathered", db_constraint=False, db_index=False
    )
    # The delivery on an earlier channel that this one is the fallback for, so that reports count the person once and
    # the log links the two.
    replaces = models.BigIntegerField(null=True, editable=False)
    # When the next channel takes over, unless something good is reported before; None: nothing is waited for.
    fallback_at = models.DateTimeField(null=True, editable=False)
    # The contact that this second copy belongs to after a merge; an opt-out from it applies to that contact.
    merged_into = models.BigIntegerField(null=True, editable=False)
    created = models.DateTimeField(db_default=Now(), editable=False)
    address = models.CharField(max_length=320, blank=True)  # of the contact at expansion, updated when it is sent
    language = models.CharField(max_length=35, blank=True)
    status = VocabularyField(max_length=9, choices=Status, default=Status.PENDING)
    reason = VocabularyField(max_length=16, choices=Reason, blank=True)
    error = models.TextField(blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(null=True)
    segments = models.PositiveSmallIntegerField(null=True)  # of an SMS that was sent

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
            # No duplicate when an expansion is repeated; the log of one message is read by its index.
            models.UniqueConstraint(fields=["message", "contact"], name="delivery_once"),
        ]
        indexes = [
            # The supervisor gathers due deliveries of a message; pages show when the first and the last are due.
            models.Index(fields=["message", "due_at"], name="delivery_waiting", condition=Q(due_at__isnull=False)),
            # Export, erasing and merging of a contact include its second copies.
            models.Index(fields=["merged_into"], name="delivery_merged", condition=Q(merged_into__isnull=False)),
            # The supervisor takes the copies of a message that are to fall back, and asks whether any still may.
            models.Index(
                fields=["message", "fallback_at"], name="delivery_falls_back", condition=Q(fallback_at__isnull=False)
            ),
            # The log and the supervisor look up the copy that replaced a delivery.
            models.Index(fields=["replaces"], name="delivery_replaced", condition=Q(replaces__isnull=False)),
            # A gathered batch reads its rows.
            models.Index(fields=["batch", "id"], name="delivery_gathered", condition=Q(batch__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.address or 'no address'}: {self.get_status_display()}"

    @property
    def latest(self) -> datetime:
        """The latest of its times: when it was created, sent, or a fact was told."""
        told = [getattr(self, f"{fact}_at") for fact in FACTS]
        return max(one for one in (self.created, self.sent_at, *told) if one)


def count(**changes: int) -> dict[str, object]:
    """Return {counter: F(counter) + n}, the changes of an UPDATE that adds."""
    return {name: F(name) + n for name, n in changes.items() if n}


class ProviderRef(models.Model):
    """A provider's id of a delivery, unique within its channel; in its own table, to keep delivery updates cheap.

    Ids belong to one channel: a callback of one channel can never change deliveries of another.
    """

    LONGEST = 255  # characters; `tracking` cuts longer ids

    organization_path = "channel__organization"

    channel = models.ForeignKey(
        Channel, models.CASCADE, related_name="provider_refs", db_constraint=False, db_index=False
    )
    delivery = models.ForeignKey(Delivery, models.CASCADE, related_name="provider_refs", db_constraint=False)
    provider_id = models.CharField(max_length=LONGEST)

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        constraints = [
            # Callbacks look up their delivery.
            models.UniqueConstraint(fields=["channel", "provider_id"], name="provider_ref_once"),
        ]

    def __str__(self) -> str:
        return self.provider_id


class DeliveryAttempt(models.Model):
    """One attempt to hand a copy over, with the server's final words; append only.

    Attempts that were refused are always kept. Those that were accepted are kept where the channel says so
    (`keeps_answers`), since that is one row for each copy.
    """

    organization_path = "delivery__message__broadcast__organization"

    delivery = models.ForeignKey(Delivery, models.CASCADE, related_name="tries", db_constraint=False)  # its page
    number = models.PositiveSmallIntegerField()
    at = models.DateTimeField(db_default=Now(), editable=False)
    is_accepted = models.BooleanField(default=False)
    words = models.TextField(blank=True)

    objects = OrganizationQuerySet.as_manager()

    def __str__(self) -> str:
        return f"attempt {self.number}: {self.words[:80]}"
