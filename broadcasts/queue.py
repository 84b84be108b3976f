"""The queue of background tasks. Tasks carry names and ids only; the supervisor finds work of lost tasks again."""

import logging
import os
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django_q.brokers import get_broker
from django_q.conf import Conf
from django_q.tasks import async_task

log = logging.getLogger(__name__)

DUE_AT_ONCE = 20  # tasks for due rows that one call enqueues, so that other tasks are not delayed
STOP_FILE = "BROADCASTS_STOP_FILE"  # environment variable: a file that exists once the supervisor stops its workers


def enqueue(task: str, *ids: int) -> None:
    """Enqueue a task of `broadcasts.tasks` after this transaction is committed.

    An unreachable queue raises no error: the supervisor finds the work in the database.
    """
    transaction.on_commit(lambda: _push(task, *ids), robust=True)


def enqueue_due(task: str, due: QuerySet[Any]) -> None:
    """Enqueue a task for up to 20 due rows, the longest due first, until the queue is full."""
    for pk in list(due.order_by("due_at").values_list("pk", flat=True)[:DUE_AT_ONCE]):
        if queue_is_full():
            return
        enqueue(task, pk)


def _push(task: str, *ids: int) -> None:
    async_task(f"broadcasts.tasks.{task}", *ids)


def queue_is_full() -> bool:
    """Tell whether the queue holds its maximum of tasks, or cannot be reached."""
    try:
        return get_broker().queue_size() >= Conf.QUEUE_LIMIT
    except Exception:
        log.warning("The queue cannot be reached", exc_info=True)
        return True


def is_told_to_stop() -> bool:
    """Tell whether the supervisor is stopping this worker, which then ends after its current window."""
    path = os.environ.get(STOP_FILE, "")
    return path != "" and os.path.exists(path)  # noqa: PTH110  (asked before every window)
