"""Why somebody who is matched gets no copy: one SQL CASE, for estimate, start and the check at claim."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
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
from django.db.models.functions import Left, Length, StrIndex
from django.utils import timezone

from broadcasts.models import (
    Broadcast,
    Channel,
    ChannelKind,
    Consent,
    ConsentState,
    Contact,
    Delivery,
    Message,
    Organization,
    Reason,
    Suppression,
    UseCase,
)

from .audience import Audience, matched
from .languages import choose_language, send_language
from .leaves import any_of

HASHES = {"email": "email_hash", "phone": "phone_hash", "whatsapp_id": "whatsapp_hash"}


@dataclass(frozen=True, kw_only=True)
class Outlet:
    """What a message says about who can get it; also without a message.

    Without a channel it is an e-mail that has none yet. Without languages (None) any contact's will do;
    with an empty list there is no content for anybody.
    """

    channel: Channel | None = None
    languages: Sequence[str] | None = None
    base_language: str = "en"

    @classmethod
    def of(cls, message: "Message | Outlet") -> "Outlet":
        if isinstance(message, Outlet):
            return message
        languages = [translation.language for translation in message.translations.all()]
        return cls(channel=message.channel, languages=languages, base_language=message.broadcast.base_language)

    @property
    def medium(self) -> str:
        return self.channel.medium if self.channel else ChannelKind.EMAIL

    @property
    def contact_field(self) -> str:
        return self.channel.contact_field if self.channel else "email"

    @property
    def name(self) -> str:
        return self.channel.name if self.channel else ""


class Octets(Func):
    """The length in UTF-8."""

    function = "OCTET_LENGTH"
    output_field = IntegerField()

    def as_sqlite(self, compiler, connection, **context):
        return self.as_sql(compiler, connection, template="LENGTH(CAST(%(expressions)s AS BLOB))", **context)


class _Reasons:
    """The conditions of the reasons; `to` is the path from the row to its contact, `pk` what names it there."""

    def __init__(self, organization: Organization, use_case: str, outlet: Outlet, to: str, pk: str) -> None:
        self.organization, self.use_case, self.outlet = organization, use_case, outlet
        self.to, self.pk = to, pk

    def blocked(self) -> When:
        return When(~Q(**{f"{self.to}status": Contact.Status.ACTIVE}), then=Value(Reason.BLOCKED))

    def address(self) -> Iterator[When]:
        # Never `duplicate`: a channel sends to one field, whose keys are unique within the organization.
        field = f"{self.to}{self.outlet.contact_field}"
        yield When(Q(**{field: ""}), then=Value(Reason.NO_ADDRESS))
        if self.outlet.contact_field == "email":
            # Not the key: folding the case may turn a character into ASCII ones.
            local = Left(F(field), StrIndex(F(field), Value("@")))
            yield When(Q(lookups.GreaterThan(Octets(local), Length(local))), then=Value(Reason.INVALID_ADDRESS))

    def refusals(self) -> Iterator[When]:
        """Suppressions by their precedence, and a withdrawn consent; the stricter of the two wins."""
        noes = Suppression.objects.filter(
            Q(use_case="") | Q(use_case=self.use_case),
            organization=self.organization,
            channel_kind=self.outlet.medium,
            address_hash=OuterRef(f"{self.to}{HASHES[self.outlet.contact_field]}"),
        )
        order = list(Reason)
        causes = sorted(Suppression.SKIP_REASONS.items(), key=lambda item: order.index(item[1]))
        rank = Case(*(When(reason=cause, then=Value(order.index(reason))) for cause, reason in causes))
        word = Case(*(When(reason=cause, then=Value(reason)) for cause, reason in causes), output_field=CharField())
        strongest = noes.order_by(rank).annotate(word=word).values("word")[:1]
        # Most have none: one look says so, whatever the number of causes.
        yield When(Exists(noes), then=Subquery(strongest, output_field=CharField()))
        yield When(self._consent(ConsentState.WITHDRAWN), then=Value(Reason.UNSUBSCRIBED))
        if self.use_case == UseCase.MARKETING and self.organization.consent_required:
            yield When(~self._consent(ConsentState.GRANTED), then=Value(Reason.NO_CONSENT))

    def _consent(self, state: str) -> Exists:
        return Exists(
            Consent.objects.filter(
                contact=OuterRef(self.pk), channel_kind=self.outlet.medium, use_case=self.use_case, state=state
            )
        )

    def frequency_cap(self, *, beside: Broadcast | None = None) -> Iterator[When]:
        cap = self.organization.frequency_cap
        if self.use_case != UseCase.MARKETING or cap is None:
            return
        since = timezone.now() - timedelta(days=self.organization.frequency_cap_days)
        lately = Delivery.objects.filter(
            contact=OuterRef(self.pk), sent_at__gte=since, message__broadcast__use_case=UseCase.MARKETING
        )
        if beside is not None:
            lately = lately.exclude(message__broadcast=beside)
        # "There is a cap-th one" stops counting there; a cap of none at all needs no look.
        reached = Q(Exists(lately[cap - 1 :])) if cap else Q(**{f"{self.pk}__gt": 0})
        yield When(reached, then=Value(Reason.FREQUENCY_CAP))

    def language(self) -> Case | Value | F:
        outlet = self.outlet
        if outlet.languages is None:
            return F(f"{self.to}language")
        return send_language(outlet.languages, self.organization, outlet.base_language, self.to)

    def no_translation(self) -> Iterator[When]:
        outlet = self.outlet
        if outlet.languages is None or choose_language("", outlet.languages, self.organization, outlet.base_language):
            return  # everybody gets at least that one
        yield When(lookups.Exact(self.language(), Value("")), then=Value(Reason.NO_TRANSLATION))


def skip_reason(audience: Audience, outlet: Outlet) -> Case:
    """Return why a matched contact gets no copy of a message, or "", as SQL on contacts."""
    reasons = _Reasons(audience.organization, audience.use_case, outlet, to="", pk="pk")
    excluded = audience.excluded()
    whens = [When(excluded, then=Value(Reason.EXCLUDED))] if excluded is not None else []
    whens += [
        reasons.blocked(),
        *reasons.address(),
        *reasons.refusals(),
        *reasons.frequency_cap(),
        *reasons.no_translation(),
    ]
    return _case(whens, audience.expires_at)


def recipients(
    audience: Audience, message: "Message | Outlet", among: "Sequence[Message | Outlet]" = ()
) -> QuerySet[Any, Any]:
    """Return the contacts matched, with `skip_reason` ("": will receive), `send_address` and `send_language`.

    Given all messages of the broadcast in their order as `among`, and the policy of the first channel that works:
    only those who get their row under this message. It is the first that nothing forbids, or the very first.
    """
    outlet = Outlet.of(message)
    reasons = _Reasons(audience.organization, audience.use_case, outlet, to="", pk="pk")
    found = matched(audience).annotate(
        skip_reason=skip_reason(audience, outlet),
        send_address=F(outlet.contact_field),
        send_language=reasons.language(),
    )
    if audience.channel_policy == Broadcast.Policy.EVERY or len(among) < 2:
        return found
    place = next(i for i, one in enumerate(among) if one is message or one == message)
    others = {i: lookups.Exact(skip_reason(audience, Outlet.of(one)), Value("")) for i, one in enumerate(among)}
    for i in range(place):
        found = found.filter(~Q(others[i]))
    if place > 0:
        return found.filter(skip_reason="")
    elsewhere = any_of([Q(others[i]) for i in range(1, len(among))])
    return found.filter(Q(skip_reason="") | ~elsewhere)


def claim_reasons(message: Message, deliveries: QuerySet[Delivery]) -> QuerySet[Any, Any]:
    """Annotate a message's deliveries with `skip_reason`: what has come up since they were made, or ""."""
    broadcast = message.broadcast
    # Content was settled at start; whoever was chosen then is not to be lost to it now.
    outlet = Outlet(channel=message.channel)
    reasons = _Reasons(broadcast.organization, broadcast.use_case, outlet, to="contact__", pk="contact_id")
    gone = Q(contact=None) | Q(address="")
    whens = [When(gone, then=Value(Reason.NO_ADDRESS)), reasons.blocked(), *reasons.refusals()]
    # Of two that began together, each counts what the other has sent since; but not what itself sent by other channels.
    whens += reasons.frequency_cap(beside=broadcast)
    return deliveries.annotate(skip_reason=_case(whens, broadcast.expires_at))


def _case(whens: Sequence[When], expires_at: datetime | None) -> Case:
    expired = expires_at is not None and expires_at <= timezone.now()
    default = Value(Reason.EXPIRED if expired else "")
    return Case(*whens, default=default, output_field=CharField())
