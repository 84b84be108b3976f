"""Organizations (the tenants), their members with roles, and API tokens."""

import re
import zoneinfo
from decimal import Decimal
from hashlib import sha256
from secrets import token_hex
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils import timezone

from broadcasts import formats
from broadcasts.clocks import CLOCK
from broadcasts.exceptions import NotReady
from broadcasts.languages import normalize_language
from broadcasts.mediums import Medium, ascii_domain

from .base import Base, OrganizationQuerySet
from .fields import VocabularyField
from .keywords import validate_answer_texts
from .users import User


class UseCase(models.TextChoices):
    MARKETING = "marketing", "Marketing"
    GENERAL = "general", "General"


def validate_time_zone(name: str) -> None:
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise ValidationError(f"“{name}” is not a time zone: use an IANA name, such as Europe/Madrid.") from None


def default_languages() -> list[str]:
    return ["en"]


def validate_languages(tags: object) -> None:
    if not isinstance(tags, list) or not tags or not all(isinstance(tag, str) for tag in tags):
        raise ValidationError('Give a list of languages, the primary one first, such as ["en", "es"].')
    for tag in tags:
        if normalize_language(tag) != tag:
            raise ValidationError(f"“{tag}” should be written “{normalize_language(tag)}”.")


def validate_wordings(wordings: object) -> None:
    if not isinstance(wordings, dict) or not all(isinstance(text, str) and text.strip() for text in wordings.values()):
        raise ValidationError('Give a text per language, such as {"en": "Yes, send me the newsletter."}.')
    validate_languages([*wordings] or default_languages())


def validate_tracking_domain(typed: str) -> str:
    """Return the host of tracked links in IDNA and lower case; raises ValidationError unless it is a host's name."""
    host = ascii_domain(typed.strip())
    if not host:
        words = f"“{typed[:100]}” is not the name of a host: give one such as links.example.org, without https://, "
        raise ValidationError({"tracking_domain": f"{words}port or path."})
    if host in {urlsplit(settings.BASE_URL).hostname, *settings.ALLOWED_HOSTS}:
        raise ValidationError({"tracking_domain": "This is the server's own host: leave it blank to use that."})
    return host


def validate_quiet_hours(value: object) -> None:
    if not isinstance(value, dict):
        raise ValidationError('Quiet hours are an object, such as {"sms": ["21:00", "08:00"]}.')
    for medium, hours in value.items():
        if medium not in Medium.values:
            raise ValidationError(f"“{medium[:40]}” is not a medium: use one of {', '.join(Medium.values)}.")
        if not isinstance(hours, list) or len(hours) != 2:
            raise ValidationError(f'{medium}: give when they begin and when they end, such as ["21:00", "08:00"].')
        for clock in hours:
            if not isinstance(clock, str) or not CLOCK.fullmatch(clock):
                raise ValidationError(
                    f"{medium}: “{str(clock)[:40]}” is not a clock time: use hours and minutes, as 21:00."
                )
        if hours[0] == hours[1]:
            raise ValidationError(f"{medium}: they begin and end at {hours[0]}; leave them out where there are none.")


def share(help_text: str, default: str) -> Any:
    bounds = [MinValueValidator(Decimal("0.01")), MaxValueValidator(100)]
    return models.DecimalField(
        max_digits=5, decimal_places=2, default=Decimal(default), validators=bounds, help_text=help_text
    )


class Organization(Base):
    """A tenant; every other row except users belongs to one organization."""

    class Status(models.TextChoices):
        ACTIVE = "active", "Active"
        SUSPENDED = "suspended", "Suspended"

    organization_path = "pk"

    name = models.CharField(max_length=255)
    slug = models.SlugField(max_length=100, unique=True)
    status = VocabularyField(max_length=10, choices=Status, default=Status.ACTIVE)
    time_zone = models.CharField(max_length=64, default="UTC", validators=[validate_time_zone])
    country = models.CharField(
        max_length=2,
        blank=True,
        help_text="ISO 3166; phone numbers without a country code are read as from here.",
    )
    # A format of strftime for days in templates, in expressions, and in APIs that show the organization's date style.
    # Pages for staff do not use it.
    date_format = models.CharField(max_length=20, default="%Y-%m-%d")
    languages = models.JSONField(default=default_languages, validators=[validate_languages], help_text="Primary first.")
    default_use_case = VocabularyField(max_length=10, choices=UseCase, default=UseCase.GENERAL)
    default_subject = models.CharField(max_length=1000, blank=True)
    # Without an index: only deleting a template looks for it, and organizations are few.
    default_template = models.ForeignKey(
        "broadcasts.Template",
        models.SET_NULL,
        null=True,
        blank=True,
        db_index=False,
        related_name="+",
        help_text="What a broadcast says that has no content of its own. With it, a client of Invent's API that "
        "creates a broadcast also sends or schedules it.",
    )
    # Without an index, as above.
    default_layout = models.ForeignKey(
        "broadcasts.Layout",
        models.SET_NULL,
        null=True,
        blank=True,
        db_index=False,
        related_name="+",
        help_text="What stands around the content of new mail.",
    )
    default_send_hour = models.PositiveSmallIntegerField(default=9, help_text="Of a broadcast that names only a day.")
    globals = models.JSONField(default=dict, blank=True, help_text="Values for templates.")
    postal_address = models.TextField(blank=True)
    consent_required = models.BooleanField(
        default=False,
        help_text="No: marketing goes to whoever has not said no. Yes: only to whoever said yes.",
    )
    consent_wording = models.JSONField(
        default=dict,
        blank=True,
        validators=[validate_wordings],
        help_text="What people agree to, per language, where it is not our own words: "
        '{"en": "Yes, send me the club\'s newsletter by e-mail."}.',
    )
    answer_texts = models.JSONField(
        default=dict,
        blank=True,
        validators=[validate_answer_texts],
        help_text="What answers STOP, START and HELP, per keyword and language, where it is not our own words: "
        '{"help": {"en": "{organization} sends you these messages. Send STOP to end them."}}. {organization} is its '
        "name and {postal_address} its address.",
    )
    quiet_hours = models.JSONField(
        default=dict,
        blank=True,
        validators=[validate_quiet_hours],
        help_text='Per medium, in each recipient\'s time zone: {"sms": ["21:00", "08:00"]}.',
    )
    frequency_cap = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        validators=[MaxValueValidator(1000)],
        help_text="Marketing messages that a contact gets at most within the days below, over all channels; "
        "blank: no limit.",
    )
    frequency_cap_days = models.PositiveSmallIntegerField(
        default=7, validators=[MinValueValidator(1), MaxValueValidator(365)]
    )
    late_start_minutes = models.PositiveIntegerField(
        default=24 * 60, help_text="A scheduled broadcast that could not start for longer goes back to draft."
    )
    undo_seconds = models.PositiveSmallIntegerField(
        default=60,
        validators=[MaxValueValidator(3600)],
        help_text="How long staff may still undo what they sent from the admin; 0: it begins at once.",
    )
    has_archive = models.BooleanField(
        "public archive",
        default=False,
        help_text="Shows everybody the mail that is marked for it, as a page and a feed.",
    )

    track_general = models.BooleanField(
        "track general messages",
        default=True,
        help_text="Measure opens and clicks of general mail too, where its channel does; no: of marketing only.",
    )
    soft_bounces = models.PositiveSmallIntegerField(
        default=5,
        validators=[MaxValueValidator(100)],
        help_text="So many soft bounces within the days below suppress an address for a time; 0: never.",
    )
    soft_bounce_days = models.PositiveSmallIntegerField(
        default=30,
        validators=[MinValueValidator(1), MaxValueValidator(365)],
        help_text="The days within which the soft bounces of an address are counted.",
    )
    soft_bounce_rest_days = models.PositiveSmallIntegerField(
        default=30,
        validators=[MinValueValidator(1), MaxValueValidator(3650)],
        help_text="For how many days the address is suppressed then.",
    )
    # Shares in percent of a channel's mail in a rolling window: the first slows the channel, the second pauses.
    complaints_slow = share("Complaints that slow a channel to half, in percent of its mail.", "0.10")
    complaints_pause = share("Complaints that pause a broadcast, in percent of its mail.", "0.30")
    bounces_slow = share("Bounces and refusals that slow a channel to half, in percent of its mail.", "5.00")
    bounces_pause = share("Bounces and refusals that pause a broadcast, in percent of its mail.", "10.00")
    tracking_domain = models.CharField(
        max_length=253,
        blank=True,
        help_text="The host of tracked links, such as links.example.org, which must lead to this server; blank: its "
        "own.",
    )

    class Meta:
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(condition=models.Q(default_send_hour__lt=24), name="organization_send_hour"),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        super().clean()
        for name in ("default_template", "default_layout"):
            row = getattr(self, name)
            if row is not None and row.organization_id != self.pk:
                raise ValidationError({name: f"“{row}” belongs to another organization."})
        self._clean_gauges()
        if self.tracking_domain:
            self.tracking_domain = validate_tracking_domain(self.tracking_domain)
            others = Organization.objects.filter(tracking_domain=self.tracking_domain).exclude(pk=self.pk)
            if others.exists():
                raise ValidationError({"tracking_domain": "Another organization uses this host; choose another."})

    def _clean_gauges(self) -> None:
        for what in ("complaints", "bounces"):
            slow, pause = getattr(self, f"{what}_slow"), getattr(self, f"{what}_pause")
            if slow is not None and pause is not None and slow >= pause:
                below = formats.number(pause)
                raise ValidationError({f"{what}_slow": f"It must be below the share that pauses, {below}%."})

    @property
    def zone(self) -> zoneinfo.ZoneInfo:
        return zoneinfo.ZoneInfo(self.time_zone)

    def quiet_hours_on(self, medium: str, use_case: str, *, ignored: bool) -> tuple[str, str] | None:
        """Return the quiet hours of a medium as ("HH:MM", "HH:MM"), or None.

        `ignored` has an effect for the use case general only: marketing always keeps them.
        """
        hours = self.quiet_hours.get(medium)
        return (hours[0], hours[1]) if hours and not (ignored and use_case == UseCase.GENERAL) else None

    def cap_on(self, use_case: str) -> int | None:
        """Return the most messages of a use case that a contact gets in `frequency_cap_days`; None for no limit."""
        return self.frequency_cap if use_case == UseCase.MARKETING else None

    @property
    def date_style(self) -> str:
        """The order of day, month and year in `date_format`: day_first, month_first or year_first."""
        first = re.search("%-?([dmYy])", self.date_format)
        return {"d": "day_first", "m": "month_first"}.get(first[1] if first else "", "year_first")

    @property
    def primary_language(self) -> str:
        return self.languages[0]

    def default_channel(self, medium: str) -> Any:
        """Return the default channel of a medium, or None.

        It is the one marked as default, or else the oldest active one that is not for development.
        """
        rows = self.channels.filter(medium=medium, is_active=True).order_by("-is_default", "id")
        return next((one for one in rows if one.is_default or not one.transport_class.is_for_development), None)

    def channel_for(self, medium: str, chosen: Any = None) -> Any:
        """Return the chosen channel, or the default channel of the medium if none was chosen.

        Raises NotReady if there is none or it is inactive.
        """
        channel = chosen or self.default_channel(medium)
        if channel is None:
            raise NotReady(f"There is no {Medium(medium).noun} channel to send through: add one first, under Channels.")
        if not channel.is_active:
            raise NotReady(f"The channel “{channel}” is switched off: switch it on or choose another one.")
        return channel


class Role(models.TextChoices):
    """The roles of members, from the least to the most; each includes the permissions of those before it."""

    VIEWER = "viewer", "Viewer"
    AUTHOR = "author", "Author"
    SENDER = "sender", "Sender"
    ADMIN = "admin", "Admin"


# The least role that each kind of act needs. Views check acts, never roles; the scopes of tokens are acts too.
ACTS = {"read": Role.VIEWER, "write": Role.AUTHOR, "send": Role.SENDER, "manage": Role.ADMIN}


def rank(role: str) -> int:
    """Return the position of a role among all roles; a higher one has more permissions."""
    return list(Role).index(Role(role))


class Member(Base):
    """A user's membership in an organization, with a role."""

    user = models.ForeignKey("broadcasts.User", models.CASCADE, related_name="memberships")
    organization = models.ForeignKey(Organization, models.CASCADE, related_name="members")
    role = VocabularyField(max_length=10, choices=Role, default=Role.VIEWER)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "organization"], name="member_once")]

    def __str__(self) -> str:
        return f"{self.user} ({self.get_role_display()} of {self.organization})"

    def may(self, act: str) -> bool:
        """Tell whether the role allows an act, one of ACTS."""
        return rank(self.role) >= rank(ACTS[act])


class ApiTokenQuerySet(OrganizationQuerySet["ApiToken"]):
    def issue(self, *, user: User, organization: Organization, scopes: list[str], **fields) -> tuple["ApiToken", str]:
        """Create a token and return it with its key; the database keeps only a hash of the key.

        `issued_by` is the user who created it and has seen the key; None if a command created it.
        """
        key = token_hex(20)
        token = self.create(
            user=user, organization=organization, scopes=scopes, prefix=key[:8], digest=digest(key), **fields
        )
        return token, key

    def usable(self, key: str) -> "ApiToken | None":
        """Return the token of a key, or None if there is none, it has expired, or its user is inactive."""
        now = timezone.now()
        return (
            self.filter(digest=digest(key), user__is_active=True)
            .filter(models.Q(expires_at=None) | models.Q(expires_at__gt=now))
            .select_related("user", "organization", "issued_by")
            .first()
        )


def digest(key: str) -> str:
    """Return the SHA-256 of a token's key; it has 160 random bits, so it needs neither salt nor a slow hash."""
    return sha256(key.encode()).hexdigest()


def validate_scopes(scopes: object) -> None:
    if not isinstance(scopes, list) or not set(scopes) <= set(ACTS):
        raise ValidationError(f"Give a list out of: {', '.join(ACTS)}.")


class ApiToken(Base):
    """A user's API token for one organization; it allows what both its scopes and the user's role allow.

    A token that an admin created for another user works only while that admin may manage the organization, because
    the admin has seen its key.
    """

    user = models.ForeignKey("broadcasts.User", models.CASCADE, related_name="api_tokens")
    organization = models.ForeignKey(Organization, models.CASCADE, related_name="api_tokens")
    issued_by = models.ForeignKey(
        "broadcasts.User", models.CASCADE, null=True, editable=False, related_name="+", help_text="None of a command."
    )
    name = models.CharField(max_length=100, blank=True)
    prefix = models.CharField(max_length=8, editable=False)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    scopes = models.JSONField(default=list, blank=True, validators=[validate_scopes])
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, editable=False)

    objects = ApiTokenQuerySet.as_manager()  # type: ignore[misc]  # more than Base promises

    class Meta:
        verbose_name = "API token"

    def __str__(self) -> str:
        return f"{self.prefix}… {self.name}".strip()

    @property
    def is_backed(self) -> bool:
        """Whether its issuer, if that is another user, may still manage the organization."""
        issuer = self.issued_by
        if issuer is None or issuer.pk == self.user_id:
            return True
        return issuer.may(self.organization_id, "manage")
