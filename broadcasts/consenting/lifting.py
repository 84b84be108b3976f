"""Take addresses off the suppression list: by staff with a reason, and by themselves when they expire."""

from collections.abc import Sequence

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from broadcasts.models import AuditEntry, SoftBounce, Suppression, User

LIFTED_AT_ONCE = 500


@transaction.atomic
def lift_by_staff(rows: QuerySet[Suppression], *, by: User | None, reason: str) -> int:
    """Lift up to LIFTED_AT_ONCE suppressions; return how many. The audit keeps who did, why, and the cause of each.

    Soft bounces of an address that staff lift count no more.
    """
    found = _held(rows.order_by("pk"))
    for one in found:
        if one.reason == Suppression.Cause.SOFT_BOUNCE:
            same = SoftBounce.objects.filter(organization=one.organization_id, medium=one.medium)
            same.filter(address_hash=one.address_hash).delete()
    return _lift(found, by, reason)


def lift_expired() -> None:
    """Lift suppressions that have expired, some in each round; those that others have locked wait for the next one."""
    due = Suppression.objects.filter(expires_at__lte=Now())
    if due.exists():
        with transaction.atomic():
            _lift(_held(due.order_by("expires_at"), skip_locked=True), None, "It has expired.")


def _held(rows: QuerySet[Suppression], *, skip_locked: bool = False) -> list[Suppression]:
    return list(rows.select_for_update(of=("self",), skip_locked=skip_locked)[:LIFTED_AT_ONCE])


def _lift(rows: Sequence[Suppression], by: User | None, reason: str) -> int:
    entries = [
        AuditEntry.made(
            one, "lift", organization=one.organization_id, user=by, reason=reason, cause=one.reason, medium=one.medium
        )
        for one in rows
    ]
    AuditEntry.objects.bulk_create(entries)
    gone, _ = Suppression.objects.filter(pk__in=[one.pk for one in rows]).delete()
    return gone
