"""The number of rows behind a page, where counting them takes longer than reading the page."""

import time
from collections.abc import Callable
from hashlib import blake2b
from typing import Any

from django.core.cache import cache

SLOW_SECONDS = 0.1
KEPT_SECONDS = 60


class Counted:
    """Rows, as a paginator takes them, that are counted in a way of their own.

    A count that took long is kept for a minute, so that whoever turns pages waits for it once; `of` names what was
    counted. On small installations, where none takes long, each is fresh.
    """

    ordered = True

    def __init__(self, rows: Any, count: Callable[[], int], of: object) -> None:
        self.rows, self._count = rows, count
        self.key = f"count:{blake2b(repr(of).encode(), digest_size=16).hexdigest()}"

    def __getitem__(self, key: Any) -> Any:
        return self.rows[key]

    def count(self) -> int:
        kept: int | None = cache.get(self.key)
        if kept is not None:
            return kept
        begun = time.monotonic()
        n = self._count()
        if time.monotonic() - begun > SLOW_SECONDS:
            cache.set(self.key, n, KEPT_SECONDS)
        return n
