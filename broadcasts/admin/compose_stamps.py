"""Stamps of what is stored, by which a page and its script notice that something changed."""

import json
from collections.abc import Iterable
from hashlib import blake2b
from typing import Any

from django.db.models import Count, F, Sum

from broadcasts.models import Broadcast

STAMPED = {
    "who": ("name", "use_case", *Broadcast.WHO),
    "when": ("scheduled_at", "local_time", "ignore_quiet_hours", "expires_at", "in_archive"),
}
PRIME = 1_000_003  # keeps the sum of squares of a million rows within a bigint


def stamp(broadcast: Broadcast, step: str) -> str:
    """Return a digest of what a step stores, so that people on different steps are not in each other's way."""
    return digest(broadcast, STAMPED[step])


def digest(broadcast: Broadcast, names: Iterable[str]) -> str:
    """Return a digest of fields of a broadcast."""
    values: list[Any] = []
    for name in names:
        if name in Broadcast.WHO_LISTS:
            values.append(_chosen(broadcast, name))
        else:
            column = Broadcast._meta.get_field(name).attname  # type: ignore[union-attr]
            values.append(getattr(broadcast, column))
    return blake2b(json.dumps(values, default=str).encode(), digest_size=12).hexdigest()


def _chosen(broadcast: Broadcast, name: str) -> list[int | None]:
    """Return the number of rows that a list has chosen, the sum of their ids and that of the squares, however many.

    The database adds them up, so that no row is read; lists of the same length seldom have both sums in common.
    """
    field: Any = Broadcast._meta.get_field(name)
    rows = field.remote_field.through.objects.filter(**{field.m2m_field_name(): broadcast.pk})
    pk = F(f"{field.m2m_reverse_field_name()}_id")
    return list(rows.aggregate(n=Count("pk"), sum=Sum(pk), squares=Sum((pk % PRIME) * (pk % PRIME))).values())
