"""How many facts each message has by minute and by group of recipients: what reports read.

They stay when the deliveries and events they were counted from are deleted.
"""

from django.db import models

from broadcasts import formats

from .base import OrganizationQuerySet
from .fields import VocabularyField
from .messages import Message

GAUGED = ("sent", "failed", "bounced", "complained")  # the facts whose shares gauges judge


class Device(models.TextChoices):
    """On what a recipient opened or clicked."""

    DESKTOP = "desktop", "Desktop"
    PHONE = "phone", "Phone"
    TABLET = "tablet", "Tablet"


class MinuteCount(models.Model):
    """The number of deliveries of a message for which a fact was set in one minute."""

    organization_path = "message__broadcast__organization"

    message = models.ForeignKey(Message, models.CASCADE, related_name="minute_counts", db_index=False)
    fact = models.CharField(max_length=12)  # one of FACTS, or "sent"
    minute = models.DateTimeField()  # its beginning
    count = models.PositiveIntegerField(default=0)

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        constraints = [
            # Tracking adds to one row; a report reads all of a message in order.
            models.UniqueConstraint(fields=["message", "fact", "minute"], name="minute_count_once"),
        ]
        indexes = [
            # Gauges sum the last days of a channel that has had very many messages.
            models.Index(fields=["minute"], name="minute_count_lately", condition=models.Q(fact__in=GAUGED)),
        ]

    def __str__(self) -> str:
        return f"{formats.number(self.count)} {self.fact} at {formats.moment(self.minute)}"


class GroupCount(models.Model):
    """The number of deliveries of a message with a fact or an outcome, by language, receiving domain or device class.

    Recipients of whom the value is not known have no row, and domains that would name a person lose theirs, so a
    dimension may sum up to less than the fact. Skipped ones are counted by the reason, failed, unknown and bounced ones
    by their error without what is a recipient's own. What machines did is counted each time, by the rule that told it.
    """

    class Dimension(models.TextChoices):
        LANGUAGE = "language", "Language"
        DOMAIN = "domain", "Receiving domain"
        DEVICE = "device", "Device class"
        REASON = "reason", "Reason of skipping"
        ERROR = "error", "Reason of failure"
        RULE = "rule", "Rule that told a machine"

    organization_path = "message__broadcast__organization"

    message = models.ForeignKey(Message, models.CASCADE, related_name="group_counts", db_index=False)
    fact = models.CharField(max_length=12)  # one of FACTS, or "sent", "failed", "unknown", "skipped"
    dimension = VocabularyField(max_length=10, choices=Dimension)
    value = models.CharField(max_length=255)
    count = models.PositiveIntegerField(default=0)
    example = models.BigIntegerField(null=True, editable=False)  # the id of a delivery with this error

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        constraints = [
            # Tracking adds to one row; a report reads all of a message and fact.
            models.UniqueConstraint(fields=["message", "fact", "dimension", "value"], name="group_count_once"),
        ]

    def __str__(self) -> str:
        return f"{formats.number(self.count)} {self.fact} with {self.dimension} {self.value}"
