"""When the copies of a message fall back: under the channel policy `fallback`, a copy on the next channel follows.

`Delivery.fallback_at` is the moment at which the next channel takes over. It is set and cleared in the same UPDATE as
the outcome or the fact that decides it, and only for broadcasts with this policy, since an indexed column that changes
makes every update of a row dearer. `sending.fallback` then makes the copies whose moment has passed.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self

from django.db.models import Case, DateTimeField, F, Q, Value, When, lookups
from django.db.models.functions import Now

from .broadcasts import Broadcast
from .deliveries import Delivery
from .facts import FACTS
from .messages import Message

# The facts that prove the awaited one, which a provider may leave out or report later.
PROOFS = {
    "delivered": frozenset(FACTS) - {"bounced"},
    "opened": frozenset(FACTS) - {"bounced", "delivered"},
}


@dataclass(frozen=True, kw_only=True)
class Fallback:
    """What the outcomes of one message's copies mean for their fallback, as changes for an UPDATE.

    is_used: whether the broadcast is under way with this policy; otherwise all changes are empty.
    fact, wait: a sent copy falls back unless this fact is reported within the wait; None to wait for nothing.
    """

    is_used: bool = False
    fact: str | None = None
    wait: timedelta | None = None
    takes_unknown: bool = False
    expires_at: datetime | None = None

    @classmethod
    def of(cls, message: Message) -> Self:
        """Return the fallback of a message's copies; a query only under this policy."""
        broadcast = message.broadcast
        if not broadcast.falls_back or broadcast.status not in Broadcast.STOPPABLE:
            return cls()
        waits = broadcast.fallback_fact and broadcast.fallback_minutes and message.next_in_service().exists()
        return cls(
            is_used=True,
            fact=broadcast.fallback_fact if waits else None,
            wait=timedelta(minutes=broadcast.fallback_minutes or 0) if waits else None,
            takes_unknown=broadcast.fallback_unknown,
            expires_at=broadcast.expires_at,
        )

    def sent(self) -> dict[str, Any]:
        """Return the changes for copies that become `sent`; what was reported before that counts."""
        if not self.is_used:
            return {}
        whens = [When(opened_at=None, bounced_at__isnull=False, then=Now())]
        if self.fact and self.wait:
            until = Now() + self.wait
            silent = Q(**{f"{fact}_at": None for fact in sorted(PROOFS[self.fact])})
            if self.expires_at:  # no copy is made after that
                silent &= Q(lookups.LessThan(until, Value(self.expires_at, DateTimeField())))
            whens.append(When(silent, then=until))
        return {"fallback_at": Case(*whens, default=Value(None), output_field=DateTimeField())}

    def failed(self) -> dict[str, Any]:
        """Return the changes for copies that become `failed`, or that are skipped when their turn comes."""
        return {"fallback_at": Now()} if self.is_used else {}

    def unknown(self) -> dict[str, Any]:
        """Return the changes for copies that become `unknown`."""
        return self.failed() if self.takes_unknown else {}

    def told(self, fact: str) -> dict[str, Any]:
        """Return the changes for a copy of which a fact is reported for the first time."""
        if not self.is_used:
            return {}
        if fact == "bounced":  # of a pending copy, `sent` looks at it; whoever has read the copy needs no other
            stays = Q(status=Delivery.Status.PENDING) | Q(opened_at__isnull=False)
            return {"fallback_at": Case(When(stays, then=F("fallback_at")), default=Now())}
        if fact not in PROOFS[self.fact or "delivered"]:
            return {}
        if fact in ("delivered", "complained", "unsubscribed"):  # a bounce outweighs these, in any order
            return {"fallback_at": Case(When(bounced_at__isnull=False, then=F("fallback_at")), default=Value(None))}
        return {"fallback_at": None}
