"""Delete rows and files after their retention time; totals are sums over batches, so they stay."""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from axes.models import AccessAttempt, AccessLog
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import Exists, Max, OuterRef, Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone
from django_q.models import OrmQ, Task

from broadcasts import tallying, wiping
from broadcasts.accounts import brakes
from broadcasts.filetypes import PICTURES
from broadcasts.models import (
    Allowance,
    Broadcast,
    Delivery,
    DeliveryAttempt,
    DeliveryEvent,
    EarlyFact,
    Editing,
    EventCall,
    Heartbeat,
    Hit,
    IdempotencyKey,
    ImportJob,
    Inbound,
    Invitation,
    LinkCheck,
    Media,
    Message,
    MessageVersion,
    Organization,
    PersonalLink,
    PersonRate,
    ProviderRef,
    SoftBounce,
    StoredCall,
)
from broadcasts.sending import journal

CHUNK = 1000
ANSWERS_KEPT = timedelta(hours=24)  # of repeated requests, as the API promises
TASKS_KEPT = timedelta(days=7)  # failed tasks, for debugging
EARLY_FACTS_KEPT = timedelta(days=3)  # far longer than a window takes; older ones are about unknown deliveries
HITS_KEPT = timedelta(days=1)  # with their network addresses, where they could not be judged
TYPED_KEPT = timedelta(days=30)  # what somebody typed on a page that could not be saved
LINKS_KEPT = timedelta(days=30)  # longer than any lifetime
LINK_CHECKS_KEPT = timedelta(days=30)  # after a page last asked for them
INVITATIONS_KEPT = timedelta(days=30)  # after they expired; the audit log has them too
HOSTS_KEPT = timedelta(days=1)
WAKE_UPS_KEPT = timedelta(days=1)  # tasks that no cluster has taken
UPLOADING = timedelta(days=1)  # longer than any upload takes
COUNTS_KEPT = timedelta(hours=24)  # of requests, for throttling
VERSIONS_KEPT = timedelta(days=90)  # after the broadcast ended; the last one, which was sent, stays
RATES_KEPT = timedelta(hours=25)  # longer than the 24 hours that they are counted for


def prune(*, dry_run: bool = False) -> dict[str, int]:
    """Delete everything older than its retention time; return the number of each kind, which a dry run only counts."""
    now = timezone.now()
    found: dict[str, int] = {"deliveries": 0, "delivery events": 0}
    for message in _old_messages():
        for deliveries, events in _prune_message(message, dry_run):
            found["deliveries"] += deliveries
            found["delivery events"] += events
    for name, rows in (
        ("idempotency keys", IdempotencyKey.objects.filter(created__lt=Now() - ANSWERS_KEPT)),
        ("facts of unknown deliveries", EarlyFact.objects.filter(created__lt=Now() - EARLY_FACTS_KEPT)),
        ("opens and clicks that were not judged", Hit.objects.filter(at__lt=Now() - HITS_KEPT)),
        ("soft bounces", _old_soft_bounces()),
        ("calls of providers", _old_calls()),
        ("calls with events", _old_event_calls()),
        ("versions of messages", _old_versions()),
        ("open pages and unsaved words of broadcasts", _old_editing()),
        ("personal links", PersonalLink.objects.filter(created__lt=Now() - LINKS_KEPT)),
        ("answers of links", LinkCheck.objects.filter(modified__lt=Now() - LINK_CHECKS_KEPT)),
        ("invitations", Invitation.objects.filter(expires_at__lt=Now() - INVITATIONS_KEPT)),
        ("failed sign-ins", AccessAttempt.objects.filter(attempt_time__lt=now - brakes.REMEMBERED)),
        ("places of sign-ins", AccessLog.objects.filter(attempt_time__lt=now - brakes.KNOWN_PLACE)),
        ("sessions", Session.objects.filter(expire_date__lt=now)),
        ("wake-ups nobody took", OrmQ.objects.filter(lock__lt=now - WAKE_UPS_KEPT)),
        ("hosts that are gone", Heartbeat.objects.filter(beaten_at__lt=Now() - HOSTS_KEPT)),
        ("counts of requests", Allowance.objects.filter(begins__lt=int((now - COUNTS_KEPT).timestamp()))),
        ("results of tasks", Task.objects.filter(stopped__lt=now - TASKS_KEPT)),
    ):
        found[name] = rows.count() if dry_run else _delete(rows)
    found["rates of people"] = _idle_rates().count() if dry_run else _delete_unlocked(_idle_rates())
    found["errors of erased people"] = _forget_errors(dry_run)
    found["journals of workers on this host"] = journal.forget_old(dry_run=dry_run)
    found["imports' files"] = _prune_imports(dry_run)
    found["uploads that nothing reads"] = _prune_uploads(dry_run) + _prune_media(dry_run)
    if not dry_run:
        wiping.wipe()
    return found


def _old_soft_bounces() -> QuerySet[SoftBounce]:
    """Soft bounces that lie before the longest window in which any organization counts them."""
    longest = Organization.objects.aggregate(days=Max("soft_bounce_days"))["days"] or 0
    return SoftBounce.objects.filter(at__lt=Now() - timedelta(days=longest))


def _old_calls() -> QuerySet[StoredCall]:
    """Calls that could not be applied, however often they were tried."""
    return StoredCall.objects.filter(created__lt=Now() - timedelta(days=settings.CALLBACK_RETENTION_DAYS))


def _old_event_calls() -> QuerySet[EventCall]:
    """Calls that ended long ago, and those that have waited as long for a subscription that is switched off."""
    old = Q(created__lt=Now() - timedelta(days=settings.EVENT_CALL_RETENTION_DAYS))
    return EventCall.objects.filter(old, ~Q(state=EventCall.State.WAITING) | Q(subscription__is_active=False))


def _old_versions() -> QuerySet[MessageVersion]:
    """Earlier versions of what was sent long ago; it can neither be edited nor get one of them back."""
    ended = Broadcast.objects.filter(Broadcast.ENDED, completed_at__lt=Now() - VERSIONS_KEPT)
    newer = MessageVersion.objects.filter(message=OuterRef("message"), pk__gt=OuterRef("pk"))
    return MessageVersion.objects.filter(Exists(newer), message__broadcast__in=ended)


def _old_editing() -> QuerySet[Editing]:
    """Rows of pages that were open long ago, and of broadcasts that began: nothing can be changed there any more."""
    return Editing.objects.filter(Q(seen_at__lt=Now() - TYPED_KEPT) | Q(broadcast__status__in=Broadcast.STARTED))


def _idle_rates() -> QuerySet[PersonRate]:
    """Rows of people whom no limit concerns any more."""
    long_ago = Now() - RATES_KEPT
    return PersonRate.objects.filter(Q(began_at=None) | Q(began_at__lt=long_ago), arrival__lt=long_ago)


def _prune_imports(dry_run: bool) -> int:
    """Delete the uploads and the refused rows of old imports; their rows stay, as the history."""
    if not settings.IMPORT_RETENTION_DAYS:
        return 0
    old = ImportJob.objects.filter(modified__lt=Now() - timedelta(days=settings.IMPORT_RETENTION_DAYS))
    old = old.exclude(source="", error_bytes=0).exclude(status__in=ImportJob.AT_WORK)
    if dry_run:
        return old.count()
    n = 0
    for n, job in enumerate(old.iterator(), start=1):  # noqa: B007
        for path in (job.source_path if job.source else None, job.file("errors.csv"), job.file("rehearsal")):
            if path:
                path.unlink(missing_ok=True)
        ImportJob.objects.filter(pk=job.pk).update(source="", error_bytes=0, error_file="")
        ImportJob.objects.filter(pk=job.pk, status=ImportJob.Status.UPLOADED).update(
            status=ImportJob.Status.STOPPED, finished_at=Now()
        )
    return n


def _prune_uploads(dry_run: bool) -> int:
    """Delete uploads of finished imports and those without an import, which are left when a process has died."""
    left = ImportJob.objects.filter(ImportJob.unread()).exclude(source="")
    strays = list(_stray_uploads())
    n = left.count() + len(strays)
    if not dry_run:
        for job in left.iterator():
            job.discard_upload()
        for path in strays:
            path.unlink(missing_ok=True)
    return n


def _prune_media(dry_run: bool) -> int:
    """Delete files of media without a row, which are left when a transaction failed after they were written.

    A thumbnail goes where its picture is gone, and is made again if it is asked for.
    """
    paths = settings.MEDIA_ROOT.glob("??/*")
    strays = list(_strays(paths, Media, "file", lambda path: f"{path.parent.name}/{path.name}"))
    strays += (path for path in settings.MEDIA_ROOT.glob(f"{Media.THUMBNAILS}/??/*") if not _has_picture(path))
    for path in () if dry_run else strays:
        path.unlink(missing_ok=True)
    return len(strays)


def _has_picture(thumbnail: Path) -> bool:
    folder = settings.MEDIA_ROOT / thumbnail.parent.name
    return any((folder / f"{thumbnail.stem}.{kind.extension}").exists() for kind in PICTURES.values())


def _stray_uploads() -> Iterator[Path]:
    """Yield uploads that no import names, once they are too old to be still on their way in."""
    yield from _strays((settings.DATA_DIR / "imports").glob("*.upload"), ImportJob, "source", lambda path: path.name)


def _strays(paths: Iterator[Path], model: Any, column: str, name_of: Callable[[Path], str]) -> Iterator[Path]:
    """Yield files that no row names, once they are too old for their row to be still under way."""
    newest = time.time() - UPLOADING.total_seconds()
    while some := list(islice(paths, CHUNK)):
        named = model.objects.filter(**{f"{column}__in": [name_of(path) for path in some]})
        known = set(named.values_list(column, flat=True))
        for path in some:
            with suppress(FileNotFoundError):
                if name_of(path) not in known and path.stat().st_mtime < newest:
                    yield path


def _old_messages() -> QuerySet[Message]:
    """Messages of broadcasts that ended long ago and still have deliveries."""
    if not settings.DELIVERY_RETENTION_DAYS:
        return Message.objects.none()
    cutoff = Now() - timedelta(days=settings.DELIVERY_RETENTION_DAYS)
    ended = Broadcast.objects.filter(status__in=Broadcast.FINISHED, completed_at__lt=cutoff)
    return Message.objects.filter(Exists(Delivery.objects.filter(message=OuterRef("pk"))), broadcast__in=ended)


def _prune_message(message: Message, dry_run: bool) -> Iterator[tuple[int, int]]:
    """Delete the deliveries of a message range by range, each with what belongs to it."""
    for first, last in message.batches.filter(first_id__isnull=False).values_list("first_id", "last_id").iterator():
        rows = Delivery.objects.filter(message=message, pk__gte=first, pk__lte=last)
        ids = list(rows.values_list("pk", flat=True))
        for start in range(0, len(ids), CHUNK):
            chunk = ids[start : start + CHUNK]
            events = DeliveryEvent.objects.filter(delivery__in=chunk)
            if dry_run:
                yield len(chunk), events.count()
                continue
            with transaction.atomic():
                gone = _delete(events)
                _delete(ProviderRef.objects.filter(delivery__in=chunk))
                _delete(DeliveryAttempt.objects.filter(delivery__in=chunk))
                _delete(Hit.objects.filter(delivery__in=chunk))
                Inbound.objects.filter(delivery__in=chunk).update(delivery=None)
                yield _delete(Delivery.objects.filter(pk__in=chunk)), gone
    if not dry_run:
        tallying.forget_rare_domains(message.pk)


def _forget_errors(dry_run: bool) -> int:
    """Blank what a worker wrote about people who were erased while it had their copies in hand."""
    erased = Delivery.objects.filter(contact=None, address="")
    rows = erased.exclude(error="")
    tries = DeliveryAttempt.objects.filter(delivery__in=erased).exclude(words="")
    if dry_run:
        return rows.count() + tries.count()
    return rows.update(error="") + tries.update(words="")


def _delete_unlocked(rows: QuerySet) -> int:
    """Delete the rows that nobody has locked, a chunk at a time; the others are left to the next time.

    Workers lock several rows of these in one statement, in an order of their own, so waiting could close a circle.
    """
    n = last = 0
    while True:
        with transaction.atomic():
            free = rows.select_for_update(skip_locked=True).filter(pk__gt=last).order_by("pk")
            pks = list(free.values_list("pk", flat=True)[:CHUNK])
            if not pks:
                return n
            n += _delete(rows.model._default_manager.filter(pk__in=pks))
        last = pks[-1]


def _delete(rows: QuerySet) -> int:
    """Delete in one statement, without reading the rows first: what depends on them is already dealt with."""
    return rows._raw_delete(rows.db)
