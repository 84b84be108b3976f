"""The number of rows behind a page, where counting them takes longer than reading the page."""

import logging
import time
from collections.abc import Callable
from hashlib import blake2b
from typing import Any

from django.core.cache import cache

log = logging.getLogger(__name__)

SLOW_SECONDS = 0.1
KEPT_SECONDS = 60


class Counted:
    """A list of rows for paginators, with its own count.

    A slow count is cached for a minute, so that a client that reads page after page waits for it once; `of` is the key
    of the cache. Fast counts are not cached.
    """

    ordered = True

    def __init__(self, rows: Any, count: Callable[[], int], of: object) -> None:
        self.rows, self._count = rows, count
        self.key = f"count:{blake2b(repr(of).encode(), digest_size=16).hexdigest()}"

    def __getitem__(self, key: Any) -> Any:
        return self.rows[key]

    def count(self) -> int:
        if (kept := self._kept()) is not None:
            return kept
        begun = time.monotonic()
        n = self._count()
        if time.monotonic() - begun > SLOW_SECONDS:
            self._keep(n)
        return n

    # A Redis that is gone or a disk that is full costs the time of counting, and no answer.

    def _kept(self) -> int | None:
        try:
            return cache.get(self.key)
        except Exception as error:
            log.warning("A count cannot be looked up in the cache: %s", error)
            return None

    def _keep(self, n: int) -> None:
        try:
            cache.set(self.key, n, KEPT_SECONDS)
        except Exception as error:
            log.warning("A count cannot be kept in the cache: %s", error)
