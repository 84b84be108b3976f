"""Why an address is not even sent a test: the reasons of `reasons`, asked of one address."""

from collections.abc import Iterator

from django.db.models import QuerySet, When

from broadcasts.models import Broadcast, Contact, Reason, Suppression, UseCase

from .reasons import RANK, Reasons, Route, case


class OwnReasons(Reasons):
    """Of the tester's own address: whoever unsubscribed from marketing can still test it."""

    def noes(self) -> QuerySet[Suppression]:
        return super().noes().exclude(reason=Suppression.Cause.UNSUBSCRIBE, use_case=UseCase.MARKETING)

    def unwilling(self) -> Iterator[When]:
        return iter(()) if self.use_case == UseCase.MARKETING else super().unwilling()


def refusal(broadcast: Broadcast, route: Route, digest: str, contact: Contact | None, *, is_own: bool) -> str:
    """Say why no test of a broadcast goes to the address of a hash; "" when it may.

    contact: who has this address, or None. Somebody who would be skipped gets no test either; an address of nobody is
    refused where it is suppressed.
    """
    reasons = (OwnReasons if is_own else Reasons)(broadcast.organization, broadcast.use_case, route)
    suppression = reasons.noes().filter(address_hash=digest).order_by(RANK).first()
    if contact is not None:
        whens = [reasons.blocked(), *reasons.refusals(), *reasons.no_translation()]
        rows = Contact.objects.filter(pk=contact.pk).annotate(refusal=case(whens, None))
        reason = rows.values_list("refusal", flat=True).get()
    else:
        reason = Suppression.SKIP_REASONS[Suppression.Cause(suppression.reason)] if suppression else ""
    if reason == Reason.SUPPRESSED and suppression:
        return f"{Reason.SUPPRESSED.label} ({suppression.get_reason_display()})"
    return str(Reason(reason).label) if reason else ""
