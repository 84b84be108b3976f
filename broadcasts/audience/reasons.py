"""Why a matched contact is skipped: one SQL CASE for the estimate, the start, and the check before sending."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db.models import (
    Case,
    CharField,
    Exists,
    F,
    Func,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
    lookups,
)
from django.db.models.functions import Cast, Coalesce, Left, Length, NullIf, StrIndex
from django.utils import timezone

from broadcasts.languages import choose_language
from broadcasts.mediums import EXTERNAL_ID, SENT_TO
from broadcasts.models import (
    Broadcast,
    Consent,
    ConsentState,
    Contact,
    Delivery,
    Inbound,
    Message,
    Organization,
    Reason,
    Suppression,
    UseCase,
)

from .audience import Audience
from .languages import send_language
from .routes import Route

ORDER = list(Reason)
CAUSES = sorted(Suppression.SKIP_REASONS.items(), key=lambda item: ORDER.index(item[1]))
# Of a suppression: its rank in the order of precedence, and the skip reason that it gives.
RANK = Case(*(When(reason=cause, then=Value(ORDER.index(reason))) for cause, reason in CAUSES))
WORD = Case(*(When(reason=cause, then=Value(reason)) for cause, reason in CAUSES), output_field=CharField())


class Octets(Func):
    """The length in UTF-8."""

    function = "OCTET_LENGTH"
    output_field = IntegerField()

    def as_sqlite(self, compiler, connection, **context):
        return self.as_sql(compiler, connection, template="LENGTH(CAST(%(expressions)s AS BLOB))", **context)


class UuidText(Cast):
    """A uuid as text in its usual form, which SQLite stores without the hyphens."""

    def __init__(self, column: Any) -> None:
        super().__init__(column, CharField())

    def as_sqlite(self, compiler, connection, **context):
        text, params = compiler.compile(self.source_expressions[0])
        spans = [(1, 8), (9, 4), (13, 4), (17, 4), (21, 12)]
        sql = " || '-' || ".join(f"SUBSTR({text}, {start}, {size})" for start, size in spans)
        return sql, [*params] * len(spans)


def address_in(field: str, to: str = "") -> Any:
    """Return `Contact.address_in(field)` as SQL; `to` is the lookup path to the contact."""
    if field != EXTERNAL_ID.name:
        return F(f"{to}{field}")
    return Coalesce(NullIf(F(f"{to}{field}"), Value("")), UuidText(F(f"{to}uuid")), output_field=CharField())


class Reasons:
    """The clauses of the skip reasons, as WHENs on rows of contacts or of deliveries.

    to: the lookup path from a row to its contact, such as "contact__"; pk: the column of the contact's id in the row.
    Other tables are read by a subquery for each row: fast for a page or a chunk, whatever the size of the tables.
    """

    def __init__(self, organization: Organization, use_case: str, route: Route, to: str = "", pk: str = "pk") -> None:
        self.organization, self.use_case, self.route = organization, use_case, route
        self.to, self.pk = to, pk
        # The broadcast whose fallback copies are checked: its earlier copies do not count against them.
        self.within: int | None = None

    def blocked(self) -> When:
        return When(~Q(**{f"{self.to}status": Contact.Status.ACTIVE}), then=Value(Reason.BLOCKED))

    def address(self) -> Iterator[When]:
        # Never `duplicate`: a channel sends to one field, whose keys are unique within the organization.
        field = f"{self.to}{self.route.contact_field}"
        if self.route.contact_field == EXTERNAL_ID.name:
            return  # everybody has a reference
        yield When(Q(**{field: ""}), then=Value(Reason.NO_ADDRESS))
        if self.route.contact_field == "email":
            # Not the key: folding its case may turn a character into ASCII.
            local = Left(F(field), StrIndex(F(field), Value("@")))
            # The whole address first, since most are ASCII.
            wider = Q(lookups.GreaterThan(Octets(F(field)), Length(F(field))))
            wider &= Q(lookups.GreaterThan(Octets(local), Length(local)))
            yield When(wider, then=Value(Reason.INVALID_ADDRESS))

    def refusals(self) -> Iterator[When]:
        """Yield the reasons of suppressions, in order of precedence, and of consent; the stricter of the two wins."""
        word = self.suppression()
        yield When(lookups.IsNull(word, False), then=word)
        yield from self.consent_reasons()

    def consent_reasons(self) -> Iterator[When]:
        """Yield the reasons of a withdrawn consent, and of a missing one where consent is required."""
        state = Coalesce(self.consent(), Value(""))
        yield When(lookups.Exact(state, Value(ConsentState.WITHDRAWN)), then=Value(Reason.UNSUBSCRIBED))
        if self.use_case == UseCase.MARKETING and self.organization.consent_required:
            granted = Q(lookups.Exact(state, Value(ConsentState.GRANTED)))
            yield When(~granted, then=Value(Reason.NO_CONSENT))

    @property
    def cap(self) -> int | None:
        return self.organization.cap_on(self.use_case)

    def frequency_cap(self, row: str = "") -> Iterator[When]:
        """Yield the reason of the frequency cap; `row` is the id column if rows are deliveries."""
        if self.cap is not None:
            # A cap of zero needs no subquery.
            reached = self.is_capped(self.cap, row) if self.cap else Q(**{f"{self.pk}__gt": 0})
            yield When(reached, then=Value(Reason.FREQUENCY_CAP))

    def suppression(self) -> Any:
        """Return the strongest skip reason of the address's suppressions as SQL; NULL for none."""
        rows = self.suppressions().filter(address_hash=OuterRef(f"{self.to}{self.hash}"))
        return Subquery(rows.order_by(RANK).annotate(word=WORD).values("word")[:1], output_field=CharField())

    def consent(self) -> Any:
        """Return the state of the contact's consent as SQL; NULL for none."""
        rows = self.consents().filter(contact=OuterRef(self.pk))
        return Subquery(rows.values("state")[:1], output_field=CharField())

    def is_capped(self, cap: int, row: str) -> Q:
        """Return the clause for contacts that got so many messages within the days of the cap, or are about to."""
        rows = self.counted().filter(contact=OuterRef(self.pk))
        if self.within is not None:
            rows = rows.exclude(message__broadcast=self.within)
        if row:
            # A pending copy counts only the older pending ones, so that the oldest is sent.
            rows = rows.exclude(status=Delivery.Status.PENDING, pk__gte=OuterRef(row))
        # "A cap-th row exists" stops counting at that row.
        return Q(Exists(rows[cap - 1 :]))

    def suppressions(self) -> QuerySet[Suppression]:
        to_all = Q(use_case="") | Q(use_case=self.use_case)
        return Suppression.objects.filter(to_all, organization=self.organization, medium=self.route.medium)

    def consents(self) -> QuerySet[Consent]:
        return Consent.objects.filter(medium=self.route.medium, use_case=self.use_case)

    def counted(self, at: datetime | None = None, until: datetime | None = None) -> QuerySet[Delivery]:
        """Return the deliveries that count towards the cap: marketing sent within its days, unknown or pending.

        The second copies of merged contacts have no contact, so that a message counts once. A fallback copy does not
        count beside an earlier copy of the same broadcast to the same contact.
        Given `at` and `until`: those that counted for a delivery that was checked between these two times.
        """
        since = (at or timezone.now()) - timedelta(days=self.organization.frequency_cap_days)
        sent, waits = Q(sent_at__gte=since), Q(status__in=[Delivery.Status.PENDING, Delivery.Status.UNKNOWN])
        if until:
            sent, waits = sent & Q(sent_at__lte=until), (waits | Q(sent_at__gt=until)) & Q(created__lte=until)
        # Broadcasts that ended earlier need not be read: their unknown copies left before their end, too.
        under_way = Q(message__broadcast__completed_at=None) | Q(message__broadcast__completed_at__gte=since)
        earlier = Delivery.objects.filter(
            sent | waits,
            contact=OuterRef("contact_id"),
            message__broadcast=OuterRef("message__broadcast"),
            pk__lt=OuterRef("pk"),
        )
        rows = Delivery.objects.filter(
            under_way,
            sent | waits,
            message__broadcast__organization=self.organization,
            message__broadcast__use_case=UseCase.MARKETING,
        )
        return rows.filter(Q(replaces=None) | ~Exists(earlier)) if self.may_fall_back(since) else rows

    def may_fall_back(self, since: datetime) -> bool:
        """Tell whether copies that count since then may be fallback copies."""
        return True

    @property
    def hash(self) -> str:
        return SENT_TO[self.route.contact_field].hash

    @property
    def default_languages(self) -> tuple[str, str]:
        return self.organization.primary_language, self.route.base_language

    def language(self) -> Case | Value | F:
        if self.route.languages is None:
            return F(f"{self.to}language")
        return send_language(self.route.languages, self.default_languages, self.to)

    def no_translation(self) -> Iterator[When]:
        languages = self.route.languages
        if languages is None or choose_language("", languages, self.default_languages):
            return  # every contact gets at least the default
        yield When(lookups.Exact(self.language(), Value("")), then=Value(Reason.NO_TRANSLATION))

    def no_template(self) -> Iterator[When]:
        window = self.route.reply_window
        if window is not None:
            yield When(~self.has_written(timezone.now() - window), then=Value(Reason.NO_TEMPLATE))

    def has_written(self, since: datetime) -> Q:
        """Return the clause for the contacts that wrote to the channel since then."""
        return Q(Exists(self.written(since).filter(contact=OuterRef(self.pk))))

    def written(self, since: datetime) -> QuerySet[Inbound]:
        # Both times: a provider may report late what was written long ago.
        return Inbound.objects.filter(Q(at=None) | Q(at__gte=since), channel=self.route.channel, created__gte=since)

    def of_copy(self) -> list[When]:
        """Return the WHENs that are read again for a delivery, up to those of consent."""
        gone = When(**{self.pk: None}, then=Value(Reason.NO_ADDRESS))
        return [gone, self.blocked(), *self.address(), *self.refusals()]

    def of(self, audience: Audience) -> list[When]:
        """Return the WHENs of all reasons to skip a matched contact, in the order of precedence."""
        excluded, too_late = audience.excluded(), audience.expiring(self.route.medium)
        return [
            *([] if excluded is None else [When(excluded, then=Value(Reason.EXCLUDED))]),
            self.blocked(),
            *self.address(),
            *self.refusals(),
            *self.frequency_cap(),
            *self.no_translation(),
            *self.no_template(),
            *([] if too_late is None else [When(too_late, then=Value(Reason.EXPIRED))]),
        ]


def skip_reason(audience: Audience, route: Route) -> Case:
    """Return the reason why a matched contact is skipped, or "", as SQL on contacts."""
    reasons = Reasons(audience.organization, audience.use_case, route)
    return case(reasons.of(audience), audience.expires_at)


def claim_reasons(message: Message, deliveries: QuerySet[Delivery]) -> QuerySet[Any, Any]:
    """Annotate deliveries of a message with `skip_reason` and `send_address`, as they are now.

    `skip_reason` is "" if the delivery may be sent; `send_address` is the contact's current address, NULL if the
    contact was deleted or erased.
    """
    broadcast = message.broadcast
    # No languages: the content was frozen at the start, and its choice of recipients stays.
    route = Route(channel=message.channel, is_template=message.has_provider_template)
    reasons = Reasons(broadcast.organization, broadcast.use_case, route, to="contact__", pk="contact_id")
    if broadcast.falls_back:
        reasons.within = broadcast.pk
    whens = [*reasons.of_copy(), *reasons.frequency_cap(row="pk"), *reasons.no_template()]
    return deliveries.annotate(
        skip_reason=case(whens, broadcast.expires_at),
        send_address=address_in(route.contact_field, reasons.to),
    )


def fallback_recipients(message: Message, deliveries: QuerySet[Delivery]) -> QuerySet[Any, Any]:
    """Annotate deliveries of earlier channels as `recipients` does contacts, for the copies by this message.

    Whom the audience matches was settled at the start.
    """
    broadcast, route = message.broadcast, Route.of(message)
    reasons = Reasons(broadcast.organization, broadcast.use_case, route, to="contact__", pk="contact_id")
    reasons.within = broadcast.pk
    whens = [*reasons.of_copy(), *reasons.frequency_cap(), *reasons.no_translation(), *reasons.no_template()]
    return deliveries.annotate(
        skip_reason=case(whens, broadcast.expires_at),
        send_address=address_in(route.contact_field, reasons.to),
        send_language=reasons.language(),
    )


def capped(reason: str, received: int, cap: int) -> str:
    """Return the reason, or FREQUENCY_CAP if the cap is reached and takes precedence over the reason."""
    is_weaker = not reason or ORDER.index(Reason(reason)) > ORDER.index(Reason.FREQUENCY_CAP)
    return Reason.FREQUENCY_CAP if received >= cap and is_weaker else reason


def counted(broadcast: Broadcast, contact: Contact, at: datetime, until: datetime) -> QuerySet[Delivery]:
    """Return the deliveries that counted towards the frequency cap for one that was checked between two times."""
    reasons = Reasons(broadcast.organization, broadcast.use_case, Route())
    return reasons.counted(at, until).filter(contact=contact)


def suppressions(broadcast: Broadcast, route: Route, contact: Contact, reason: str) -> QuerySet[Suppression]:
    """Return the suppressions of a contact's address that lead to a skip reason."""
    reasons = Reasons(broadcast.organization, broadcast.use_case, route)
    causes = [cause for cause, one in CAUSES if one == reason]
    return reasons.suppressions().filter(address_hash=getattr(contact, reasons.hash), reason__in=causes)


def reason_after(audience: Audience, contact: Contact, reason: str, received: int) -> str:
    """Return the skip reason of a contact that receives `received` earlier messages of the same broadcast."""
    reasons = Reasons(audience.organization, audience.use_case, Route())
    if not reasons.cap or not received:
        return reason
    return capped(reason, received + reasons.counted().filter(contact=contact).count(), reasons.cap)


def case(whens: Sequence[When], expires_at: datetime | None) -> Case:
    """Return the first reason that applies, as SQL; otherwise EXPIRED if the expiry has passed, or ""."""
    return Case(*whens, default=Value(default_reason(expires_at)), output_field=CharField())


def default_reason(expires_at: datetime | None) -> str:
    """Return the reason where no other one applies: EXPIRED if the expiry has passed, or ""."""
    return Reason.EXPIRED if expires_at is not None and expires_at <= timezone.now() else ""
