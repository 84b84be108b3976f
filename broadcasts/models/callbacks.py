"""What providers call: their calls until they are applied, the replies in them, and our answers to keywords."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from .base import Base, OrganizationQuerySet
from .broadcasts import Broadcast
from .channels import Channel
from .contacts import Contact
from .deliveries import Delivery
from .fields import VocabularyField
from .keywords import Keyword
from .organizations import Organization


class StoredCall(models.Model):
    """A verified call of a provider, stored in one insert and deleted once it is applied.

    due (due_at) --applied--> deleted
      ^     +-- too many attempts --> given up (no due_at), until `retention` deletes it
      +-- some of it failed: tried again, ever later --+
    """

    organization_path = "channel__organization"

    channel = models.ForeignKey(Channel, models.CASCADE, related_name="+", db_index=False)
    created = models.DateTimeField(db_default=Now(), editable=False)
    due_at = models.DateTimeField(null=True, db_default=Now(), editable=False)
    attempts = models.PositiveSmallIntegerField(default=0)
    error = models.TextField(blank=True)
    method = models.CharField(max_length=4)
    url = models.TextField()
    headers = models.JSONField(default=dict)  # those that are needed to parse it
    body = models.BinaryField()
    # The channels that its events and replies are for, by the accounts that these name: {account: channel id}.
    accounts = models.JSONField(default=dict)
    things = models.PositiveIntegerField()  # how many events and replies it tells
    left = models.JSONField(null=True)  # the numbers of those that have yet to be applied; null: all

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        indexes = [
            # Workers take what is due, and every round asks whether anything is.
            models.Index(fields=["due_at"], name="stored_call_due", condition=Q(due_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"call {self.pk} for {self.channel}"


class Inbound(Base):
    """A reply."""

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="inbound", db_index=False)
    channel = models.ForeignKey(Channel, models.SET_NULL, null=True, related_name="inbound", db_index=False)
    contact = models.ForeignKey(Contact, models.SET_NULL, null=True, related_name="inbound")
    delivery = models.ForeignKey(Delivery, models.SET_NULL, null=True, related_name="replies", db_constraint=False)
    # Of the copy that it answers; it stays when retention deletes that copy.
    broadcast = models.ForeignKey(Broadcast, models.SET_NULL, null=True, related_name="replies", db_index=False)
    address = models.CharField(max_length=320, blank=True)  # whom it comes from, also where no contact has it
    at = models.DateTimeField(null=True)  # when the provider says that it was written
    text = models.TextField(blank=True)
    payload = models.JSONField(default=dict)
    provider_id = models.CharField(max_length=255, blank=True, editable=False)  # the reply's own

    class Meta:
        verbose_name = "reply"
        verbose_name_plural = "inbox"
        constraints = [
            # A provider that calls twice is heard once.
            models.UniqueConstraint(
                fields=["channel", "provider_id"], name="inbound_once", condition=~Q(provider_id="")
            ),
        ]
        indexes = [
            # Who wrote to a channel lately: the skip reason `no_template`, for each contact of a window or a chunk.
            models.Index(fields=["channel", "contact", "created"], name="inbound_lately"),
            # The inbox, newest first: of one organization, and for superusers of all; each also between two dates.
            models.Index(fields=["organization", "created", "id"], name="inbound_of_organization"),
            models.Index(fields=["created", "id"], name="inbound_newest"),
            # The inbox of one channel.
            models.Index(fields=["channel", "created", "id"], name="inbound_of_channel"),
            # The replies from one address, by API, and those that erasing a person deletes. The address is first, or
            # SQLite would take this index for the inbox and sort all of an organization's replies.
            models.Index(fields=["address", "organization"], name="inbound_of_address"),
            # The replies to one broadcast; most have none.
            models.Index(
                fields=["broadcast", "created", "id"], name="inbound_of_broadcast", condition=Q(broadcast__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return self.text[:60]


COUNTED = Q(due_at__isnull=False) | Q(sent_at__isnull=False)  # of answers: those that were sent, or will be


class AutoReply(models.Model):
    """The answer to a reply with a keyword, and the errand to send it.

      due (due_at) --handed over--> sent (sent_at)
        ^     +-- refused for good, or too late --> dropped (error)
        +-- refused for now --+

    It is handed over once at most: `sent_at` is committed first, and taken back only if the provider refused it.
    """

    organization_path = "channel__organization"

    inbound = models.OneToOneField(Inbound, models.CASCADE, related_name="answer")
    channel = models.ForeignKey(Channel, models.CASCADE, related_name="+", db_index=False)
    address_hash = models.CharField(max_length=32)
    keyword = VocabularyField(max_length=5, choices=Keyword)
    created = models.DateTimeField(db_default=Now(), editable=False)
    due_at = models.DateTimeField(null=True, db_default=Now())
    sent_at = models.DateTimeField(null=True)
    error = models.TextField(blank=True)

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        indexes = [
            # Every round asks what has yet to be sent.
            models.Index(fields=["due_at"], name="answer_due", condition=Q(due_at__isnull=False)),
            # How often an address was answered within a day.
            models.Index(fields=["channel", "address_hash", "created"], name="answer_address"),
            # Whether a channel sent its most answers within an hour.
            models.Index(fields=["channel", "created"], name="answer_hour", condition=COUNTED),
        ]

    def __str__(self) -> str:
        return f"{self.get_keyword_display()}: answer {self.pk}"
