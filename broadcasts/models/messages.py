from django.db import models

from broadcasts.mediums import Medium
from broadcasts.transports import TRANSPORTS

from .base import Base, OrganizationQuerySet
from .broadcasts import Broadcast
from .channels import Channel, reported_by
from .facts import OWN_FACTS, TRACKED
from .fields import VocabularyField
from .layouts import Layout
from .organizations import UseCase
from .templates import Content, Syntax, Template


class Message(Base):
    """The content of a broadcast on one channel."""

    organization_path = "broadcast__organization"

    broadcast = models.ForeignKey(Broadcast, models.CASCADE, related_name="messages", db_index=False)
    channel = models.ForeignKey(Channel, models.PROTECT, null=True, blank=True, related_name="messages")
    position = models.PositiveSmallIntegerField(default=0, help_text="The order of preference.")
    template = models.ForeignKey(Template, models.PROTECT, null=True, blank=True, related_name="+")
    syntax = VocabularyField(max_length=12, choices=Syntax, default=Syntax.LIQUID)
    layout = models.ForeignKey(Layout, models.SET_NULL, null=True, blank=True, related_name="messages")
    parameters = models.JSONField(default=dict, blank=True)
    error = models.TextField(blank=True, editable=False)
    # What a segment of an SMS cost when it was started, and of which currency.
    segment_price = models.DecimalField(max_digits=10, decimal_places=6, null=True, editable=False)
    currency = models.CharField(max_length=3, blank=True, default="", editable=False)
    checksum = models.CharField(max_length=64, blank=True, editable=False)  # of the content frozen at start
    extra = models.JSONField(default=dict, editable=False)  # what another API must give back; no copy takes it over
    # Whether its opens and clicks are measured by links of our own, as it was when it was started; None: not started.
    track_opens = models.BooleanField(null=True, editable=False)
    track_clicks = models.BooleanField(null=True, editable=False)
    yielded_at = models.DateTimeField(null=True, editable=False)  # when a worker last left it for another's sake

    class Meta:
        ordering = ["position", "id"]
        constraints = [models.UniqueConstraint(fields=["broadcast", "position"], name="message_position")]

    def __str__(self) -> str:
        return f"{self.broadcast} on {self.channel or 'no channel'}"

    @property
    def medium(self) -> str:
        """The medium of its channel, or of its template if it has no channel yet."""
        source = self.channel or self.template
        return source.medium if source else Medium.EMAIL

    @property
    def reports(self) -> frozenset[str]:
        """The facts that its channel reports, and those that our own links measure."""
        return (reported_by(self.channel.kind) if self.channel else OWN_FACTS) | self.tracked

    @classmethod
    def reporting(cls, fact: str, to: str = "") -> models.Q:
        """Return the clause for messages, at the path `to`, that report a fact, of those that were started."""
        kinds = [kind for kind in TRANSPORTS if fact in reported_by(kind)]
        clause = models.Q(**{f"{to}channel__kind__in": kinds})
        return clause | models.Q(**{f"{to}{TRACKED[fact]}": True}) if fact in TRACKED else clause

    @property
    def tracked(self) -> frozenset[str]:
        """The facts that our own links measure: as it was started, or as it would be now."""
        return frozenset(fact for fact, name in TRACKED.items() if self._is_tracked(name))

    def _is_tracked(self, name: str) -> bool:
        """Tell whether a fact is measured, by the name of its switch, which three models have."""
        if (started := getattr(self, name)) is not None:
            return started
        if self.channel is None or not self.channel.transport_class.carries_mail:
            return False
        broadcast = self.broadcast
        if (chosen := getattr(broadcast, name)) is not None:
            return chosen
        return getattr(self.channel, name) and (
            broadcast.use_case == UseCase.MARKETING or broadcast.organization.track_general
        )

    def take_template(self, syntax: str = "") -> None:
        """Replace all translations by those of its template, with its layout, and its syntax unless one is given."""
        assert self.template is not None
        self.syntax = syntax or self.template.syntax
        self.layout = self.template.layout
        self.save(update_fields=["syntax", "layout", "modified"])
        self.translations.all().delete()
        for one in self.template.usable():
            place = {"language": one.language, "tag": one.tag, "position": one.position}
            self.translations.create(**place, **one.content())

    def next_ones(self) -> OrganizationQuerySet["Message"]:
        """Return the broadcast's messages after this one, in the order of preference."""
        return Message.objects.filter(broadcast=self.broadcast_id, position__gt=self.position)

    def next_in_service(self) -> OrganizationQuerySet["Message"]:
        """Return those of `next_ones` whose channel is active: others would keep a copy waiting for ever."""
        return self.next_ones().filter(channel__is_active=True)

    @property
    def has_provider_template(self) -> bool:
        """Whether it uses a template that the provider stores, so that it needs no text."""
        return self.template is not None and self.template.channel_id is not None

    def translation(self, language: str):
        """Return the translation of exactly this language, or None."""
        return next((one for one in self.translations.all() if one.language == language), None)


class MessageTranslation(Content, Base):
    """The content of a message in one language; frozen when the broadcast starts."""

    organization_path = "message__broadcast__organization"

    message = models.ForeignKey(Message, models.CASCADE, related_name="translations", db_index=False)

    class Meta:
        ordering = ["position", "id"]
        constraints = [models.UniqueConstraint(fields=["message", "language"], name="message_language")]

    def __str__(self) -> str:
        return f"{self.message} ({self.language})"
