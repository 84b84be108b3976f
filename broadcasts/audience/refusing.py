"""Why no test may be sent to an address: the skip reasons, applied to one address."""

from collections.abc import Iterator

from django.db.models import QuerySet, When

from broadcasts.models import Broadcast, Contact, Reason, Suppression, UseCase

from .reasons import RANK, Reasons, case
from .routes import Route


class OwnReasons(Reasons):
    """The reasons for the tester's own address: it gets tests of marketing also after it unsubscribed from it."""

    def suppressions(self) -> QuerySet[Suppression]:
        return super().suppressions().exclude(reason=Suppression.Cause.UNSUBSCRIBE, use_case=UseCase.MARKETING)

    def consent_reasons(self) -> Iterator[When]:
        return iter(()) if self.use_case == UseCase.MARKETING else super().consent_reasons()


def refusal(broadcast: Broadcast, route: Route, digest: str, contact: Contact | None, *, is_own: bool) -> str:
    """Return why no test of a broadcast may be sent to the address with a hash; "" if it may.

    contact: the contact with this address; one that would be skipped gets no test. None if no contact has the address,
    which is then refused if it is suppressed.
    """
    reasons = (OwnReasons if is_own else Reasons)(broadcast.organization, broadcast.use_case, route)
    suppression = reasons.suppressions().filter(address_hash=digest).order_by(RANK).first()
    if contact is not None:
        whens = [reasons.blocked(), *reasons.refusals(), *reasons.no_translation(), *reasons.no_template()]
        rows = Contact.objects.filter(pk=contact.pk).annotate(refusal=case(whens, None))
        reason = rows.values_list("refusal", flat=True).get()
    else:
        reason = Suppression.SKIP_REASONS[Suppression.Cause(suppression.reason)] if suppression else ""
    if reason == Reason.SUPPRESSED and suppression:
        return f"{Reason.SUPPRESSED.label} ({suppression.get_reason_display()})"
    return str(Reason(reason).label) if reason else ""
