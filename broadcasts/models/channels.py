from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.functions import Lower, Now
from django.utils import timezone

from broadcasts import formats, links, mediums, transports
from broadcasts.mediums import EXTERNAL_ID, SENT_TO, Medium, email_domain

from .base import Base, OrganizationQuerySet
from .configuring import configured, differs
from .facts import OWN_FACTS
from .fields import EncryptedJSONField, VocabularyField
from .limits import HELD, allowance, clean_domain_rates, clean_ramp, is_slow
from .organizations import Organization


class Channel(Base):
    """A configured account to send through, with its rate limit and its health."""

    class Health(models.TextChoices):
        UNKNOWN = "unknown", "Not used yet"
        GOOD = "good", "Good"
        FAILING = "failing", "Failing"

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="channels")
    name = models.CharField(max_length=255)
    kind = VocabularyField(max_length=20, choices=transports.choices)
    medium = models.CharField(max_length=10, blank=True, editable=False)  # that of its kind
    settings: models.JSONField = models.JSONField(default=dict, blank=True)
    secrets = EncryptedJSONField(default=dict, blank=True, editable=False)
    from_name = models.CharField(max_length=255, blank=True)
    from_address = models.CharField(max_length=320, blank=True)
    reply_to = models.CharField(max_length=320, blank=True)
    address_field = VocabularyField(
        max_length=20,
        blank=True,
        choices=mediums.address_choices,
        help_text="The contact's field it sends to; blank means what its kind usually uses.",
    )
    track_opens = models.BooleanField(default=True, help_text="Measure who opened its mail, by a small picture in it.")
    track_clicks = models.BooleanField(
        default=True, help_text="Measure what was clicked in its mail: links lead through this server."
    )
    is_active = models.BooleanField(default=True)
    is_default = models.BooleanField("default of its medium", default=False)
    rate = models.PositiveIntegerField(
        null=True, blank=True, help_text="Messages per second at most; blank: what its kind allows."
    )
    burst = models.PositiveIntegerField(null=True, blank=True)
    domain_rates = models.JSONField(
        "rates per receiving domain",
        default=dict,
        blank=True,
        help_text='Messages per second at most, by the domain of the address: {"gmail.com": 20, "*": 100}; '
        "* is for each other domain.",
    )
    ramp = models.JSONField(
        "warm-up",
        default=dict,
        blank=True,
        help_text='Messages per day at most, growing: {"start": 200, "growth": 1.5} allows 200 on the first day, '
        "300 on the second, 450 on the third. It counts from the day it is saved; blank: no warm-up.",
    )
    health = VocabularyField(max_length=10, choices=Health, default=Health.UNKNOWN, editable=False)
    last_error = models.TextField(blank=True, editable=False)
    last_error_at = models.DateTimeField(null=True, editable=False)
    backoff_until = models.DateTimeField(null=True, editable=False)
    backoff_count = models.PositiveIntegerField(default=0, editable=False)
    answering_until = models.DateTimeField(null=True, editable=False)  # the claim of a worker that answers keywords
    resting_until = models.DateTimeField(null=True, editable=False)  # the day's share of its warm-up is used up
    # What the gauges of `gauging` have slowed it to, in messages per second, until when, and why. Without a rate, the
    # moment is when staff lifted it: what was reported since then counts.
    slowed_to = models.PositiveIntegerField(null=True, editable=False)
    slowed_until = models.DateTimeField(null=True, editable=False)
    slowed_why = models.TextField(blank=True, editable=False)
    # The receiving domains that the gauges have slowed: {domain: {"to": messages per second, "until", "why"}}; of those
    # that staff have sped up again {"lifted": when, "forgiven": the numbers at that time}.
    slowed_domains = models.JSONField(default=dict, editable=False)
    notice_due_at = models.DateTimeField(null=True, editable=False)  # when staff are mailed what the gauges have done
    keeps_answers = models.BooleanField(
        "keeps the server's answers",
        default=False,
        help_text="Keep what the mail server said of each accepted copy, such as its queue's id; "
        "what it said of refused ones is always kept.",
    )
    # What servers refused by policy lately, {cause: {"at": when, "text": what staff should know, "mailed": whether they
    # do}}, and when staff are mailed what they were not told yet.
    alerts = models.JSONField(default=dict, editable=False)
    alert_due_at = models.DateTimeField(null=True, editable=False)
    # People whom it may begin to write to in 24 hours, as its provider told; None: not told, or unlimited.
    people_told = models.PositiveIntegerField(null=True, editable=False)
    callback_serial = models.PositiveIntegerField(default=0, editable=False)  # how often its address was changed
    # Up to when the callback address before the present one works too.
    callback_kept_until = models.DateTimeField(null=True, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                "organization",
                Lower("name"),
                name="channel_name_ci",
                violation_error_message="There is a channel of this name already.",
            ),
            models.UniqueConstraint(
                fields=["organization", "medium"],
                condition=models.Q(is_default=True),
                name="channel_one_default",
                violation_error_message="Another channel of this medium is the default already.",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def transport_class(self) -> type[transports.Transport]:
        return transports.transport_class(self.kind)

    @property
    def reports(self) -> frozenset[str]:
        """The facts that this channel reports, with those that our own links measure unless a broadcast says no."""
        return reported_by(self.kind, opened=self.track_opens, clicked=self.track_clicks)

    @property
    def stores_templates(self) -> bool:
        """Whether its provider stores templates."""
        return self.transport_class.stores_templates

    @property
    def top_rate(self) -> int | None:
        """The messages per second at most: its own, or those of its kind; fewer while it is slowed; None: no limit."""
        rate = self.rate or self.transport_class.default_rate
        if self.slowed_to and self.is_slowed:
            return min(rate, self.slowed_to) if rate else self.slowed_to
        return rate

    @property
    def top_burst(self) -> int | None:
        """The messages that may leave at once; None: those of a second, as while it is slowed."""
        if self.is_slowed:
            return None
        return self.burst or (None if self.rate else self.transport_class.default_burst)

    @property
    def is_slowed(self) -> bool:
        """Whether the gauges slow it now."""
        return self.slowed_to is not None and self.slowed_until is not None and self.slowed_until > timezone.now()

    @property
    def slow_domains(self) -> dict[str, float]:
        """The receiving domains that the gauges slow now, with their messages per second."""
        return {name: one["to"] for name, one in self.slowed_domains.items() if is_slow(one, timezone.now())}

    @property
    def limits_domains(self) -> bool:
        """Whether any receiving domain has a rate of its own."""
        return bool(self.domain_rates or self.slow_domains)

    def domain_rate(self, domain: str) -> float:
        """Return the messages per second that a receiving domain gets at most; 0 for no limit."""
        own = self.domain_rates.get(domain) or self.domain_rates.get("*", 0)
        slow = self.slow_domains.get(domain, 0) if self.slowed_domains else 0
        return min(own, slow) if own and slow else own or slow

    @property
    def top_people(self) -> int | None:
        """The people whom it may begin to write to in any 24 hours: its own number, or what its provider told."""
        return self.settings.get("people_a_day") or self.people_told

    @property
    def contact_field(self) -> str:
        own = self.transport_class.address_field or getattr(Medium(self.transport_class.medium).own, "name", "")
        return self.address_field or own

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.medium = self.transport_class.medium
        super().save(*args, **kwargs)

    def transport(self) -> transports.Transport:
        transport = self.transport_class({**self.settings, **(self.secrets or {})})
        transport.callback_url = self.callback_url
        return transport

    @property
    def segment_price(self) -> Decimal | None:
        """What a segment of an SMS costs; None if that is not told."""
        price = self.settings.get("price_per_segment")
        return Decimal(price) if price else None

    @property
    def currency(self) -> str:
        return self.settings.get("currency") or ""

    @property
    def callback_url(self) -> str:
        """The secret address that its provider calls back; "" if its kind has no callbacks."""
        return links.callback_url(self.uuid, self.callback_serial) if self.transport_class.calls_back else ""

    def is_called_at(self, serial: int | None) -> bool:
        """Tell whether the callback address of this serial number works now."""
        if serial == self.callback_serial:
            return True
        kept = self.callback_kept_until is not None and self.callback_kept_until > timezone.now()
        return kept and serial == self.callback_serial - 1

    def configure(self, values: dict[str, Any]) -> None:
        """Check settings against the transport's form and store them, secrets apart.

        A secret that is not given keeps its stored value, unless where it would be sent to changes.
        Raises ValidationError keyed `settings`.
        """
        form_class = self.transport_class.settings_form
        is_moved = any(differs(values, self.settings, name) for name in form_class.secret_for)
        self.settings, self.secrets = configured(form_class, values, self.secrets, is_moved=is_moved)

    def clean(self) -> None:
        for name in ("from_name", "from_address", "reply_to"):
            if any(ord(char) < 32 for char in getattr(self, name)):
                raise ValidationError({name: "Line breaks and control characters are not allowed here."})
        if self.kind and self.transport_class.carries_mail and "@" not in self.from_address:
            raise ValidationError({"from_address": "An e-mail channel needs the address that its mail comes from."})
        if self.kind and self.transport_class.carries_mail and self.contact_field != "email":
            raise ValidationError({"address_field": "An e-mail channel sends to e-mail addresses: email, or blank."})
        if self.kind:
            self.medium = self.transport_class.medium
            if self.contact_field == EXTERNAL_ID.name and self.medium != Medium.WEBHOOK:
                raise ValidationError({"address_field": "Only a webhook takes people by their external id."})
            if not self.contact_field:
                fields = ", ".join(SENT_TO)
                raise ValidationError({"address_field": f"Choose which address of a contact it sends to: {fields}."})
        self._clean_feedback_address()
        self.domain_rates = clean_domain_rates(self.domain_rates or {})
        self._clean_ramp()

    def _clean_feedback_address(self) -> None:
        """Refuse an address for reports that providers ignore: RFC 9477 wants it on the domain of From, or below it."""
        domain, own = (email_domain(one or "") for one in (self.settings.get("feedback_address"), self.from_address))
        if domain and domain != own and not domain.endswith(f".{own}"):
            refusal = f"The address for feedback is on {domain}; providers report only to the domain of the sender."
            raise ValidationError({"from_address": refusal})

    def _clean_ramp(self) -> None:
        """Check the warm-up; it keeps the day it began and the days held, and a change of it ends the day's rest."""
        stored = Channel.objects.filter(pk=self.pk).values_list("ramp", flat=True).first() or {}
        self.ramp = clean_ramp(self.ramp or {})
        if self.ramp and self.organization_id:
            began = stored.get("since") or timezone.localdate(timezone=self.organization.zone).isoformat()
            self.ramp.setdefault("since", began)
            if self.ramp["since"] == stored.get("since"):
                self.ramp = {name: stored[name] for name in HELD if name in stored} | self.ramp
        if self.ramp != stored:
            self.resting_until = None

    @property
    def resting_reason(self) -> str:
        """Return why the channel rests; "" if it does not."""
        if self.resting_until is None or self.resting_until <= timezone.now():
            return ""
        end = timezone.localtime(self.resting_until, self.organization.zone)
        most = self.allowance(end.date() - timedelta(days=1)) or 0
        on = formats.moment(self.resting_until, self.organization.zone)
        return f"Its warm-up allows {formats.number(most)} messages today, and they are sent; it goes on at {on}."

    def allowance(self, day: date) -> int | None:
        """Return how many messages its warm-up allows on a day; None if unlimited."""
        return allowance(self.ramp, day)

    def next_day(self, today: date) -> datetime:
        """Return when the day after `today` begins in the organization's zone."""
        return datetime.combine(today + timedelta(days=1), time.min, self.organization.zone)

    @classmethod
    def in_service(cls, to: str = "") -> models.Q:
        """Return the condition that a channel, at the path `to`, can send now, by the database's clock."""
        service = models.Q(**{f"{to}is_active": True})
        for column in ("backoff_until", "resting_until"):
            service &= models.Q(**{f"{to}{column}": None}) | models.Q(**{f"{to}{column}__lte": Now()})
        return service


def reported_by(kind: str, **tracked: bool | None) -> frozenset[str]:
    """Return the facts that channels of a kind report: those of the transport, and those of our own pages.

    tracked: the facts that our own links measure as well, by name, where the kind carries mail.
    """
    transport = transports.transport_class(kind)
    own = {fact for fact, is_on in tracked.items() if is_on} if transport.carries_mail else set()
    return transport.reports | OWN_FACTS | own


class ChannelRate(models.Model):
    """The limiter's row, per channel and receiving domain ("" for the channel as a whole)."""

    organization_path = "channel__organization"

    channel = models.ForeignKey(Channel, models.CASCADE, related_name="rates", db_index=False)
    domain = models.CharField(max_length=253, blank=True)
    # The theoretical arrival time of GCRA, on the database's clock.
    arrival = models.DateTimeField(null=True)
    # Up to when each message has booked slots, as {message id: seconds since 1970}: of a domain, or of people a day.
    booked = models.JSONField(default=dict)
    # Of the channel as a whole: what left today, where the organization is, while it warms up.
    day = models.DateField(null=True)
    sent_today = models.PositiveIntegerField(default=0)
    # Of the channel as a whole: at most how many people it began to write to in 24 hours, and when they were counted.
    people = models.PositiveIntegerField(default=0)
    people_counted_at = models.DateTimeField(null=True)

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        constraints = [
            # A window takes its permits with one statement on this row.
            models.UniqueConstraint(fields=["channel", "domain"], name="channel_rate_once"),
        ]

    def __str__(self) -> str:
        return f"{self.channel} {self.domain}".strip()


class PersonRate(models.Model):
    """The limiter's row, per channel and person, where the provider limits what one person gets, or people a day.

    It knows a person by the hash of the address, so that erasing has nothing to do here.
    """

    organization_path = "channel__organization"

    channel = models.ForeignKey(Channel, models.CASCADE, related_name="people_rates", db_index=False)
    person = models.CharField(max_length=32)
    # The theoretical arrival time of GCRA, on the database's clock.
    arrival = models.DateTimeField()
    # When the channel last wrote to the person with a template; None: not lately.
    began_at = models.DateTimeField(null=True)

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        constraints = [
            # A window reads and writes the rows of its people.
            models.UniqueConstraint(fields=["channel", "person"], name="person_rate_once"),
        ]
        indexes = [
            # A window counts the people of 24 hours, and finds when the oldest of them end.
            models.Index(fields=["channel", "began_at"], name="person_rate_began"),
        ]

    def __str__(self) -> str:
        return f"{self.channel} {self.person}"
