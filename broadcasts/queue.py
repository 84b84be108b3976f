"""The queue of background tasks: it carries names and ids only, so that losing a task loses no work."""

import logging
import os
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django_q.brokers import get_broker
from django_q.conf import Conf
from django_q.tasks import async_task

log = logging.getLogger(__name__)

DUE_AT_ONCE = 20  # tasks for due rows that one call asks for, so that others are not kept waiting
STOP_FILE = "BROADCASTS_STOP_FILE"  # names a file that is there once the supervisor wants its workers to end


def enqueue(task: str, *ids: int) -> None:
    """Ask for a task of `broadcasts.tasks` once this transaction is committed.

    A queue that is out of reach is no error here: the supervisor finds the work in the rows.
    """
    transaction.on_commit(lambda: _push(task, *ids), robust=True)


def enqueue_due(task: str, due: QuerySet[Any]) -> None:
    """Ask for a task for each row that is due, the longest waiting first; some of them, until the queue is full."""
    for pk in list(due.order_by("due_at").values_list("pk", flat=True)[:DUE_AT_ONCE]):
        if queue_is_full():
            return
        enqueue(task, pk)


def _push(task: str, *ids: int) -> None:
    async_task(f"broadcasts.tasks.{task}", *ids)


def queue_is_full() -> bool:
    """Tell whether more tasks would only pile up."""
    try:
        return get_broker().queue_size() >= Conf.QUEUE_LIMIT
    except Exception:
        log.warning("The queue cannot be reached", exc_info=True)
        return True


def is_told_to_stop() -> bool:
    """Tell whether this worker is to end after the window it is in, so that a stop takes no longer than that."""
    path = os.environ.get(STOP_FILE, "")
    return path != "" and os.path.exists(path)  # noqa: PTH110  (asked before every window)
