"""Reports of providers and links about deliveries."""

from django.db import models
from django.db.models.functions import Now

from broadcasts import formats

from .base import Base, OrganizationQuerySet
from .channels import Channel
from .deliveries import Delivery, ProviderRef
from .fields import VocabularyField
from .messages import Message


class DeliveryEvent(models.Model):
    """A fact about a delivery; append only."""

    organization_path = "delivery__message__broadcast__organization"

    class Type(models.TextChoices):
        SENT = "sent", "Sent"
        FAILED = "failed", "Failed"
        DELIVERED = "delivered", "Delivered"
        BOUNCED = "bounced", "Bounced"
        OPENED = "opened", "Opened"
        CLICKED = "clicked", "Clicked"
        PLAYED = "played", "Played"
        REPLIED = "replied", "Replied"
        COMPLAINED = "complained", "Complained"
        UNSUBSCRIBED = "unsubscribed", "Unsubscribed"

    delivery = models.ForeignKey(Delivery, models.CASCADE, related_name="events", db_constraint=False)  # its timeline
    created = models.DateTimeField(db_default=Now(), editable=False)
    type = VocabularyField(max_length=12, choices=Type)
    at = models.DateTimeField()
    machine = models.BooleanField(default=False, help_text="Told by a scanner or proxy, not by the person.")
    link = models.ForeignKey("broadcasts.Link", models.SET_NULL, null=True, db_constraint=False)
    detail = models.JSONField(default=dict)

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        verbose_name = "delivery event"

    def __str__(self) -> str:
        return f"{self.type} at {formats.moment(self.at)}"


class EarlyFact(models.Model):
    """A fact about a provider's id for which there is no ProviderRef yet.

    References are written when the next window starts, so a fast provider may report before. The fact is tried again
    with growing delay (`due_at`) until the reference is there; `retention` deletes facts whose reference never came.
    """

    organization_path = "channel__organization"

    channel = models.ForeignKey(Channel, models.CASCADE, related_name="+")  # its index: to make room for newer ones
    provider_id = models.CharField(max_length=ProviderRef.LONGEST)
    created = models.DateTimeField(db_default=Now(), editable=False)
    due_at = models.DateTimeField(db_default=Now(), editable=False)
    type = VocabularyField(max_length=12, choices=DeliveryEvent.Type)
    at = models.DateTimeField()
    machine = models.BooleanField(default=False)
    detail = models.JSONField(default=dict)

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        indexes = [
            # Every round asks which facts are due.
            models.Index(fields=["due_at"], name="early_fact_due"),
        ]

    def __str__(self) -> str:
        return f"{self.type} of {self.provider_id}"


class Hit(models.Model):
    """A fetch of a tracked link, of the picture that measures opens, or of the hidden link, until it is judged.

    due (due_at) --judged--> a DeliveryEvent by a person or by a machine; deleted, with the network address

    The verdict waits until what the same copy's other links were asked for in the same moment is known, so that facts
    are set once.
    """

    organization_path = "delivery__message__broadcast__organization"

    class Kind(models.TextChoices):
        OPEN = "open", "Picture"
        CLICK = "click", "Link"
        HIDDEN = "hidden", "Hidden link"

    delivery = models.ForeignKey(Delivery, models.CASCADE, related_name="+", db_constraint=False, db_index=False)
    link = models.ForeignKey(
        "broadcasts.Link", models.CASCADE, null=True, related_name="+", db_constraint=False, db_index=False
    )
    kind = VocabularyField(max_length=6, choices=Kind)
    at = models.DateTimeField(db_default=Now(), editable=False)
    due_at = models.DateTimeField(editable=False)  # when it is judged
    ip_address = models.GenericIPAddressField(null=True)
    user_agent = models.CharField(max_length=255, blank=True)
    is_head = models.BooleanField(default=False)  # asked for the headers only
    is_prefetch = models.BooleanField(default=False)  # said to be fetched ahead

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        indexes = [
            # Workers take what is due, and every round asks whether anything is.
            models.Index(fields=["due_at"], name="hit_due"),
            # The verdict looks at the other hits of a copy; pruning deletes those of a copy.
            models.Index(fields=["delivery"], name="hit_of_delivery"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} at {formats.moment(self.at)}"


class Link(Base):
    """One URL in one message with its click counters, which `tallying` increments, so that events are never counted."""

    organization_path = "message__broadcast__organization"

    message = models.ForeignKey(Message, models.CASCADE, related_name="links", db_index=False)
    url = models.TextField()
    digest = models.CharField(max_length=32, editable=False)  # of the URL, which may be too long for an index
    clicks = models.PositiveIntegerField(default=0, editable=False)  # of people, each time
    people = models.PositiveIntegerField(default=0, editable=False)  # who clicked it, each counted once
    machine_clicks = models.PositiveIntegerField(default=0, editable=False)  # of scanners and proxies

    class Meta:
        constraints = [models.UniqueConstraint(fields=["message", "digest"], name="link_once")]

    def __str__(self) -> str:
        return self.url
