"""Run imports in the background, in slices of some seconds; after a worker dies, another one continues."""

import logging
import time
from datetime import timedelta

from django.db import InterfaceError, OperationalError
from django.db.models import F, Q
from django.db.models.functions import Coalesce, Now

from broadcasts import formats
from broadcasts.exceptions import LeaseLost
from broadcasts.models import ImportJob, lease_end
from broadcasts.queue import enqueue, is_told_to_stop, queue_is_full

from .job import ErrorFile, Run, Source, finish
from .shadow import Shadow

log = logging.getLogger(__name__)

Status = ImportJob.Status
SLICE_SECONDS = 5  # the length of a slice, after which waiting imports are served
TRIES = 5  # claims without a committed chunk, for imports that kill each worker
QUIET = timedelta(seconds=5)  # an import that waits for longer may have lost its task
ELSEWHERE = timedelta(hours=1)  # so long a host without the file leaves the import to other hosts


def run_import(job_id: int, seconds: float = SLICE_SECONDS) -> None:
    """Run an import for some seconds, then enqueue the rest as a new task, behind the waiting imports.

    Of several tasks only one claims the import. Only an uncommitted chunk is processed again after a crash.
    """
    job = _claim(job_id)
    if job is None:
        return
    try:
        _slice(job, time.monotonic() + seconds)
    except LeaseLost as error:
        log.warning("%s", error)
    except (OperationalError, InterfaceError):
        raise  # the import stays claimed, and is retried after its lease
    except Exception as error:
        log.exception("The import %s broke off", job.uuid)
        finish(job, Status.FAILED, f"{type(error).__name__}: {error}")


def _free() -> Q:
    return Q(lease_until=None) | Q(lease_until__lt=Now())


def _claim(job_id: int) -> ImportJob | None:
    """Take the lease of an import and return it; None if another worker has it or it is not to be run."""
    free = ImportJob.objects.filter(_free(), pk=job_id, status__in=ImportJob.AT_WORK).exclude(source="")
    job = free.first()
    if job is None:
        return None
    if not job.source_path.exists():
        _give_up_on_lost(job)
        return None
    mine = free.filter(token=job.token).transition(
        status=Status.RUNNING,
        token=F("token") + 1,
        tries=F("tries") + 1,
        lease_until=lease_end(),
        started_at=Coalesce("started_at", Now()),
        modified=Now(),
    )
    if not mine:
        return None
    claimed = ImportJob.objects.select_related("organization").get(pk=job_id)
    if claimed.token != job.token + 1:
        return None
    if claimed.tries > TRIES:
        line = formats.number(claimed.line)
        finish(claimed, Status.FAILED, f"It was given up: {TRIES} workers ended after line {line}.")
        return None
    return claimed


def _give_up_on_lost(job: ImportJob) -> None:
    old = ImportJob.objects.filter(pk=job.pk, token=job.token, status__in=ImportJob.AT_WORK)
    if old.filter(created__lt=Now() - ELSEWHERE).transition(
        status=Status.FAILED, error_message="Its file is gone: upload it again.", finished_at=Now(), modified=Now()
    ):
        log.warning("The file of the import %s is gone", job.uuid)


def _slice(job: ImportJob, until: float) -> None:
    with job.source_path.open("rb") as file:
        run = Run(job, Source.of(job, file), ErrorFile(job.file("errors.csv"), job.error_bytes), job.file("rehearsal"))
        try:
            _begin_again(run)
            broke_off = run.go_on(lambda: time.monotonic() >= until or is_told_to_stop())
            if not broke_off:
                run.end(Status.DONE)
            elif job.stop_asked:
                run.end(Status.STOPPED)
        finally:
            run.close()
    if job.status == Status.RUNNING:
        _let_go(job)


def _begin_again(run: Run) -> None:
    """Restart a dry run whose worker died between the commits to its two databases."""
    job, store = run.job, run.store
    if not isinstance(store, Shadow) or store.line == job.line:
        return
    store.forget()
    run.errors.size = job.error_bytes = 0
    for name in ("rows", "line", *[f"{word}_count" for word in ("created", "updated", "unchanged", "invalid")]):
        setattr(job, name, 0)
    job.suppressed_count, job.warnings = 0, {}


def _let_go(job: ImportJob) -> None:
    """Give the lease back between two slices."""
    mine = ImportJob.objects.filter(pk=job.pk, token=job.token, status=Status.RUNNING)
    if mine.transition(lease_until=None, tries=0, modified=Now()) and not is_told_to_stop():
        enqueue("run_import", job.pk)


def enqueue_waiting() -> None:
    """Enqueue each import that waits too long, or whose worker died; called in the supervisor's round."""
    idle = ImportJob.objects.filter(_free(), status__in=ImportJob.AT_WORK, modified__lt=Now() - QUIET).exclude(
        source=""
    )
    for pk in list(idle.values_list("pk", flat=True)):
        # Only one of several supervisors enqueues it, and not more often than every QUIET.
        if not queue_is_full() and idle.filter(pk=pk).transition(modified=Now()):
            enqueue("run_import", pk)
