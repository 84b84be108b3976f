"""Whether there is a reason to skip a contact, as conditions that may stand within others."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.db.models import Count, Q, QuerySet, Value, When

from broadcasts.models import ConsentState, Reason, UseCase

from .reasons import Reasons


class ListedReasons(Reasons):
    """The conditions of the same for all contacts at once, where a join is not possible, as within another condition.

    Each table is read once for a list of contacts, instead of once for each contact. Whether there is a reason is
    right; which one of those that refuse an address is not told.
    """

    def refusals(self) -> Iterator[When]:
        listed = self.suppressions().values("address_hash")
        yield When(Q(**{f"{self.hash}__in": listed}), then=Value(Reason.SUPPRESSED))
        yield from self.consent_reasons()

    def consent_reasons(self) -> Iterator[When]:
        if self.use_case == UseCase.MARKETING and self.organization.consent_required:
            yield When(~self._listed(self.consents().filter(state=ConsentState.GRANTED)), then=Value(Reason.NO_CONSENT))
        else:
            withdrawn = self.consents().filter(state=ConsentState.WITHDRAWN)
            yield When(self._listed(withdrawn), then=Value(Reason.UNSUBSCRIBED))

    def is_capped(self, cap: int, row: str) -> Q:
        people = self.counted().filter(contact__isnull=False).values("contact").annotate(n=Count("pk"))
        return self._listed(people.filter(n__gte=cap).order_by())

    def has_written(self, since: datetime) -> Q:
        return self._listed(self.written(since).filter(contact__isnull=False))

    def _listed(self, rows: QuerySet[Any, Any]) -> Q:
        return Q(**{f"{self.pk}__in": rows.values("contact")})
