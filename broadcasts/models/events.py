"""Reports of providers and links about deliveries."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from broadcasts import formats

from .base import Base, OrganizationQuerySet
from .channels import Channel
from .contacts import Contact
from .deliveries import Delivery, ProviderRef
from .fields import VocabularyField
from .messages import Message
from .organizations import Organization


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

    References are written when the next window starts, so a fast provider may report before. `tracking` applies the
    fact when the reference is written; `retention` deletes facts whose reference never came.
    """

    organization_path = "channel__organization"

    channel = models.ForeignKey(Channel, models.CASCADE, related_name="+", db_index=False)
    provider_id = models.CharField(max_length=ProviderRef.LONGEST)
    created = models.DateTimeField(db_default=Now(), editable=False)
    type = VocabularyField(max_length=12, choices=DeliveryEvent.Type)
    at = models.DateTimeField()
    machine = models.BooleanField(default=False)
    detail = models.JSONField(default=dict)

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        indexes = [
            # A window that writes references looks up the facts that came before them.
            models.Index(fields=["channel", "provider_id"], name="early_fact_claimed"),
        ]

    def __str__(self) -> str:
        return f"{self.type} of {self.provider_id}"


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


class Inbound(Base):
    """A reply."""

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="inbound")
    channel = models.ForeignKey(Channel, models.SET_NULL, null=True, related_name="inbound")
    contact = models.ForeignKey(Contact, models.SET_NULL, null=True, related_name="inbound")
    delivery = models.ForeignKey(Delivery, models.SET_NULL, null=True, related_name="replies", db_constraint=False)
    address = models.CharField(max_length=320, blank=True)  # whom it comes from, also where no contact has it
    at = models.DateTimeField(null=True)  # when the provider says that it was written
    text = models.TextField(blank=True)
    payload = models.JSONField(default=dict)
    provider_id = models.CharField(max_length=255, blank=True, editable=False)  # the reply's own

    class Meta:
        verbose_name_plural = "inbound"
        constraints = [
            # A provider that calls twice is heard once.
            models.UniqueConstraint(
                fields=["channel", "provider_id"], name="inbound_once", condition=~Q(provider_id="")
            ),
        ]

    def __str__(self) -> str:
        return self.text[:60]
