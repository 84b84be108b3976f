"""Stamps of what is stored, by which a page and its script notice that something changed."""

import json
from collections.abc import Iterable
from hashlib import blake2b

from broadcasts.models import Broadcast

STAMPED = {
    "who": ("name", "use_case", *Broadcast.WHO),
    "when": ("scheduled_at", "local_time", "ignore_quiet_hours", "expires_at", "in_archive"),
}
MOST_STAMPED = 200  # rows of a list that a stamp looks at


def stamp(broadcast: Broadcast, step: str) -> str:
    """Return a digest of what a step stores, so that people on different steps are not in each other's way."""
    return digest(broadcast, STAMPED[step])


def digest(broadcast: Broadcast, names: Iterable[str]) -> str:
    """Return a digest of fields of a broadcast."""
    values = []
    for name in names:
        if name in Broadcast.WHO_LISTS:
            rows = getattr(broadcast, name).order_by("pk")
            values.append(list(rows.values_list("pk", flat=True)[:MOST_STAMPED]))
        else:
            column = Broadcast._meta.get_field(name).attname  # type: ignore[union-attr]
            values.append(getattr(broadcast, column))
    return blake2b(json.dumps(values, default=str).encode(), digest_size=12).hexdigest()
