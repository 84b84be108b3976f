"""The queue of background tasks. Tasks carry names and ids only; the supervisor finds work of lost tasks again."""

import logging
import os
import time
from functools import cache as kept
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.db import transaction
from django.db.models import QuerySet
from django_q.brokers import Broker, get_broker
from django_q.conf import Conf
from django_q.tasks import async_task

log = logging.getLogger(__name__)

DUE_AT_ONCE = 20  # tasks for due rows that one call enqueues, so that other tasks are not delayed
WAITING_SECONDS = 10  # after which a task that was enqueued and has not begun may be lost
STOP_FILE = "BROADCASTS_STOP_FILE"  # environment variable: a file that exists once the supervisor stops its workers


def enqueue(task: str, *ids: int) -> None:
    """Enqueue a task of `broadcasts.tasks` after this transaction is committed.

    An unreachable queue raises no error: the supervisor finds the work in the database.
    """
    transaction.on_commit(lambda: _push(task, *ids), robust=True)


def enqueue_once(task: str) -> None:
    """Enqueue a task after this transaction is committed, unless one that was enqueued so waits in the queue.

    For tasks that do whatever is due: a second one would only delay the others. The task calls `begin` first, with the
    ticket that it is given.
    """
    transaction.on_commit(lambda: _push_once(task), robust=True)


def begin(task: str, ticket: int) -> None:
    """Have the next `enqueue_once` enqueue the task again.

    A task that waited so long that another one was enqueued leaves that to the other one: otherwise their number could
    only grow.
    """
    try:
        if cache.get(_waiting(task)) == ticket:
            cache.delete(_waiting(task))
    except Exception:
        log.warning("The cache cannot be reached", exc_info=True)  # the mark ends by itself


def enqueue_due(task: str, due: QuerySet[Any]) -> None:
    """Enqueue a task for up to 20 due rows, the longest due first, until the queue is full."""
    for pk in list(due.order_by("due_at").values_list("pk", flat=True)[:DUE_AT_ONCE]):
        if queue_is_full():
            return
        enqueue(task, pk)


def _push(task: str, *ids: int) -> None:
    async_task(f"broadcasts.tasks.{task}", *ids, broker=_broker(Conf.CLUSTER_NAME))


def _push_once(task: str) -> None:
    if queue_is_full():
        return
    ticket = time.time_ns()
    try:
        is_first = cache.add(_waiting(task), ticket, WAITING_SECONDS)
    except Exception:
        log.warning("The cache cannot be reached", exc_info=True)
        is_first = True
    if is_first:
        _push(task, ticket)


def _waiting(task: str) -> str:
    """Return the cache's key for the ticket of the task that waits in the queue."""
    return f"waiting:{settings.Q_CLUSTER['name']}:{task}"


@kept
def _broker(name: str) -> Broker:
    """Return the broker of a queue; django-q would connect to Redis anew at each call."""
    return get_broker(name)


def queue_is_full() -> bool:
    """Tell whether the queue holds its maximum of tasks, or cannot be reached."""
    try:
        return _broker(Conf.CLUSTER_NAME).queue_size() >= Conf.QUEUE_LIMIT
    except Exception:
        log.warning("The queue cannot be reached", exc_info=True)
        return True


def is_told_to_stop() -> bool:
    """Tell whether the supervisor is stopping this worker, which then ends after its current window."""
    path = os.environ.get(STOP_FILE, "")
    return path != "" and os.path.exists(path)  # noqa: PTH110  (asked before every window)
