"""Health checks, each with its finding and how to fix it; `ready` runs those that decide about traffic."""

import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, timedelta
from functools import lru_cache
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.mail import get_connection
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone
from django_q.brokers import get_broker

from broadcasts import formats, inspecting, tracking
from broadcasts.database import outage, waiting_at_most
from broadcasts.exposure import importable_from, is_exposed
from broadcasts.models import (
    Batch,
    Channel,
    Contact,
    Delivery,
    Heartbeat,
    Hit,
    Mailbox,
    Message,
    Organization,
    StoredCall,
)
from broadcasts.schedules import wrong_schedules
from broadcasts.transports import SettingsRefused, TransportError
from broadcasts.transports.email.backend import check_backends

CLUSTER: str = settings.Q_CLUSTER["name"]
STALE_SECONDS = 25
WRITTEN = "written to"  # the name of the row that is written to see whether one can
TRIED_EVERY = 5  # seconds
LOCK_SECONDS = 2
HOST_FORGOTTEN = timedelta(days=1)
HOSTS_TOLD = DOMAINS_TOLD = MAILBOXES_TOLD = 20
MAILBOX_WAIT = timedelta(minutes=15)
CHANNEL_SECONDS = 5  # a server that takes longer to reply is reported as unreachable
HITS_WAIT = timedelta(minutes=5)
SAMPLE = 1000
LEAST_POSTGRESQL = 14
QUEUE_LIMIT = 1000
GIGABYTE = 1 << 30

REFUSED = "refused"  # begins the id of a channel that our own rules refuse
OK, WARN, FAIL = "ok", "warn", "fail"


@dataclass(frozen=True)
class Check:
    """What one check found: `ok`, `warn` or `fail`, in a sentence, with how to mend it."""

    id: str
    level: str
    message: str
    hint: str = ""


def ready() -> list[Check]:
    """Check the few things without which nothing should come in: the database, read and written, and the queue."""
    try:
        return [database(), writing(), heartbeat()]
    except DatabaseError as error:
        return [_unreachable(error)]


def checks() -> list[Check]:
    """Check everything; without a database, what needs none."""
    try:
        rows = [database(), writing(), migrations()]
        if all(check.level != FAIL for check in rows):
            groups = (
                storage,
                queue,
                schedules,
                beats,
                channels,
                mailboxes,
                calls,
                hits,
                domains,
                sending_domains,
                integrity,
            )
            rows += [check for group in groups for check in group()]
    except DatabaseError as error:
        rows = [_unreachable(error)]
    return [*rows, *addresses(), *secrets(), *backends(), notices(), *folder(), disk()]


def _unreachable(error: Exception) -> Check:
    words = str(error).strip(" '\n").splitlines()
    return Check(
        "database", FAIL, f"The database cannot be used: {words[0] if words else error!r}",
        "Start it, and check DATABASE_URL; then run: manage.py migrate",
    )  # fmt: skip


def database() -> Check:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return Check("database", OK, f"The {connection.display_name} database answers.")


def writing() -> Check:
    """Check that the database can be written to; the result is cached for TRIED_EVERY seconds."""
    return _write(int(time.monotonic() // TRIED_EVERY))


@lru_cache(maxsize=1)
def _write(period: int) -> Check:
    row = {"enqueued_at": timezone.now(), "beaten_at": Now()}
    try:
        with waiting_at_most(LOCK_SECONDS):
            Heartbeat.objects.update_or_create(name=WRITTEN, host=settings.HOST_NAME, defaults=row)
    except DatabaseError as error:
        found = outage(error)
        return Check(
            "writing", FAIL, f"Nothing can be stored. {found.text if found else error}",
            "Make room on its disk, end what holds its lock, or let it be written to.",
        )  # fmt: skip
    return Check("writing", OK, "The database can be written to.")


def forget() -> None:
    """Clear the cached result of the write check."""
    _write.cache_clear()


def migrations() -> Check:
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if plan:
        return Check("migrations", FAIL, f"{len(plan)} migrations are not applied.", "Run: manage.py migrate")
    return Check("migrations", OK, "All migrations are applied.")


def storage() -> Iterator[Check]:
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA journal_mode")
            mode = cursor.fetchone()[0]
            if mode == "wal":
                yield Check("storage", OK, "SQLite writes ahead (WAL), so readers and the writer do not wait.")
            else:
                yield Check(
                    "storage", WARN, f"SQLite's journal mode is {mode}, which is slow with several processes.",
                    "Keep the file on a local disk; network disks cannot do WAL.",
                )  # fmt: skip
        else:
            cursor.execute("SHOW server_version_num")
            version = int(cursor.fetchone()[0]) // 10_000
            if version >= LEAST_POSTGRESQL:
                yield Check("storage", OK, f"PostgreSQL {version}.")
            else:
                yield Check(
                    "storage", FAIL, f"PostgreSQL {version} is too old.", f"Upgrade to {LEAST_POSTGRESQL} or newer."
                )


def queue() -> Iterator[Check]:
    kind = "Redis" if settings.REDIS_URL else "the database"
    try:
        broker = get_broker()
        broker.ping()
        waiting = broker.queue_size()
    except Exception as error:
        yield Check("queue", FAIL, f"The queue in {kind} cannot be reached: {error}", "Start Redis; check REDIS_URL.")
        return
    if waiting > QUEUE_LIMIT:
        tasks = f"{formats.number(waiting)} tasks wait in the queue."
        yield Check("queue", WARN, tasks, "Start workers: manage.py work")
    else:
        yield Check("queue", OK, f"The queue in {kind} answers; {formats.number(waiting)} tasks wait.")


def schedules() -> Iterator[Check]:
    if wrong := wrong_schedules():
        yield Check(
            "schedules", WARN, f"Missing or changed schedules: {', '.join(wrong)}.",
            "Start workers by manage.py work or up, which make them.",
        )  # fmt: skip
    else:
        yield Check("schedules", OK, "All schedules are there.")


def signs_of_life() -> QuerySet[Heartbeat]:
    """Return the heartbeats of all hosts and clusters: their rows, less those that only prove that one can write."""
    return Heartbeat.objects.exclude(name=WRITTEN)


def fresh() -> Q:
    """The condition on heartbeats of being young enough, by the database's clock."""
    return Q(beaten_at__gt=Now() - timedelta(seconds=STALE_SECONDS))


def heartbeat() -> Check:
    """Check that one host at least runs tasks."""
    beats = Heartbeat.objects.filter(name=CLUSTER)
    if beats.filter(fresh()).exists():
        return Check("heartbeat", OK, "Workers are at work.")
    last = beats.order_by("-beaten_at").first()
    since = f"since {formats.moment(last.beaten_at, UTC)}" if last else "so far"
    return Check("heartbeat", FAIL, f"No worker ran a task {since}.", "Start workers: manage.py work, or up.")


def beats() -> Iterator[Check]:
    """Check the heartbeats of all hosts; one that was removed is reported for a day."""
    yield heartbeat()
    recent = Heartbeat.objects.filter(name=CLUSTER, beaten_at__gt=Now() - HOST_FORGOTTEN)
    for beat in recent.exclude(fresh()).order_by("host")[:HOSTS_TOLD]:
        yield Check(
            f"host {beat.host}", WARN, f"{beat.host} ran no task since {formats.moment(beat.beaten_at, UTC)}.",
            "Look at its workers; if it was taken away, that is all: it is forgotten after a day.",
        )  # fmt: skip


def channels() -> Iterator[Check]:
    try:
        rows = list(Channel.objects.filter(is_active=True).select_related("organization").order_by("pk"))
    except ImproperlyConfigured as error:
        yield Check("channels", FAIL, str(error), "Add the key that is missing to ENCRYPTION_KEYS.")
        return
    if not rows:
        yield Check("channels", WARN, "There is no channel to send through.", "Add one in the admin, under Channels.")
    # Those that our own rules refuse, as after an upgrade, stand apart from those whose server does not answer.
    yield from sorted((_channel(channel) for channel in rows), key=lambda check: not check.id.startswith(REFUSED))


def _channel(channel: Channel) -> Check:
    name, where = f"channel {channel.pk}", f"“{channel}” of {channel.organization}"
    if channel.transport_class.carries_mail and "@" not in channel.from_address:
        return Check(name, FAIL, f"{where} has no address that its mail comes from.", "Set its from address.")
    values = {**channel.settings, **(channel.secrets or {})}
    values["timeout"] = min(values.get("timeout") or CHANNEL_SECONDS, CHANNEL_SECONDS)
    try:
        channel.transport_class(values).check()
    except SettingsRefused as error:
        return Check(
            f"{REFUSED} {name}", FAIL, f"{where} is refused and sends nothing: {error}",
            "Change its settings, or what this server offers and opens: EMAIL_BACKENDS=Label=dotted.path, "
            "OPEN_NETWORKS=10.0.0.0/8. Or make it inactive.",
        )  # fmt: skip
    except TransportError as error:
        return Check(name, FAIL, f"{where} does not work: {error}", "Mend its settings, or make it inactive.")
    if channel.health == Channel.Health.FAILING:
        return Check(name, WARN, f"{where} answers now, but failed before: {channel.last_error}", "Watch it.")
    return Check(name, OK, f"{where} answers.")


def mailboxes() -> Iterator[Check]:
    """Tell of mailboxes that fail, and of those that no worker has looked into for long."""
    rows = Mailbox.objects.filter(is_active=True, organization__status=Organization.Status.ACTIVE)
    late = Q(due_at__lt=Now() - MAILBOX_WAIT)
    for mailbox in rows.filter(Q(failures__gt=0) | late).select_related("organization").order_by("pk")[:MAILBOXES_TOLD]:
        read = f"was read last at {formats.moment(mailbox.checked_at, UTC)}" if mailbox.checked_at else "was never read"
        why = f"and cannot be read now: {mailbox.last_error}" if mailbox.failures else "though it is due."
        yield Check(
            f"mailbox {mailbox.pk}", WARN, f"The mailbox “{mailbox}” of {mailbox.organization} {read}, {why}",
            "Press “Check” on its page, or make it inactive. If that works, look whether workers are at work.",
        )  # fmt: skip
    if good := rows.exclude(Q(failures__gt=0) | late).count():
        yield Check("mailboxes", OK, f"Mailboxes that are read: {formats.number(good)}.")


def calls() -> Iterator[Check]:
    """Tell of calls of providers that could not be applied; each says in the log what is wrong with it."""
    failed = StoredCall.objects.filter(attempts__gt=0).select_related("channel").order_by("-pk")
    if last := failed.first():
        yield Check(
            "calls", WARN, f"{failed.count()} calls of providers could not be applied; the last, for “{last.channel}”: "
            f"{last.error[:200]}", "Look at the log for its traceback. They are tried again for two days.",
        )  # fmt: skip


def hits() -> Iterator[Check]:
    """Tell of opens and clicks that have been due for long: people see too few of them meanwhile."""
    waiting = Hit.objects.filter(due_at__lt=Now() - HITS_WAIT)
    if n := waiting.count():
        yield Check(
            "hits", WARN, f"{formats.number(n)} opens and clicks wait to be counted.",
            "Start workers: manage.py work. If they are at work, look at the log for a traceback.",
        )  # fmt: skip


def domains() -> Iterator[Check]:
    """Ask each tracking domain for a link, as readers do."""
    rows = Organization.objects.exclude(tracking_domain="").order_by("tracking_domain")
    for domain in rows.values_list("tracking_domain", flat=True).distinct()[:DOMAINS_TOLD]:
        if fault := tracking.fault_of(domain):
            yield Check(
                f"domain {domain}", FAIL, f"Tracked links at {domain} do not lead here: {fault}",
                "Point the domain here by DNS, have your proxy serve it with a certificate, and see that the same "
                "LINK_KEY is set everywhere; or blank the organization's tracking domain.",
            )  # fmt: skip
        else:
            yield Check(f"domain {domain}", OK, f"Tracked links at {domain} lead here.")


def sending_domains() -> Iterator[Check]:
    """Tell what the last inspection of sending domains found; the DNS is not asked now."""
    levels = {"good": OK, "warning": WARN, "stop": FAIL}
    for domain, level, words in inspecting.summaries(DOMAINS_TOLD):
        where = f"{domain} of {domain.organization}"
        hint = "See its page in the admin, under Sending domains." if level != "good" else ""
        yield Check(f"sending domain {domain.pk}", levels[level], f"The domain {where}: {words}", hint)


def integrity() -> Iterator[Check]:
    """Prove on the newest deliveries what the database is not asked to prove on each."""
    rows = Delivery.objects.filter(pk__in=list(Delivery.objects.order_by("-pk").values_list("pk", flat=True)[:SAMPLE]))
    lost = sum(
        rows.filter(~Exists(model.objects.filter(pk=OuterRef(column))), **{f"{column}__isnull": False}).count()
        for model, column in ((Message, "message_id"), (Contact, "contact_id"), (Batch, "batch_id"))
    )
    over = Batch.objects.filter(first_id__isnull=False, last_id__isnull=True).count()
    if lost or over:
        yield Check(
            "integrity", FAIL, f"{lost} of the newest {SAMPLE} deliveries point at rows that are gone.",
            "Restore a backup, or delete these deliveries.",
        )  # fmt: skip
    else:
        yield Check("integrity", OK, f"The newest {SAMPLE} deliveries are whole.")


def addresses() -> Iterator[Check]:
    if settings.DEBUG:
        yield Check("debug", WARN, "DEBUG is on: errors are shown to everybody.", "Set DEBUG=off where people use it.")
    host = urlsplit(settings.BASE_URL).hostname or ""
    if host in ("localhost", "127.0.0.1", "::1"):
        yield Check(
            "base-url", WARN, f"BASE_URL is {settings.BASE_URL}: unsubscribe links work on this machine only.",
            "Set BASE_URL to the address that recipients can reach.",
        )  # fmt: skip
    elif not settings.HTTPS:
        yield Check("base-url", WARN, f"BASE_URL is {settings.BASE_URL}, without TLS.", "Use an https address.")
    else:
        yield Check("base-url", OK, f"People reach it at {settings.BASE_URL}.")


def secrets() -> Iterator[Check]:
    shared = bool(settings.REDIS_URL) or connection.vendor != "sqlite"
    kept = [key for key in ("SECRET_KEY", "LINK_KEY", "ENCRYPTION_KEY") if _is_kept(key)]
    if kept and shared:
        yield Check(
            "keys", WARN, f"Made here and kept in DATA_DIR: {', '.join(kept)}; other hosts have others.",
            "On several hosts, give the same SECRET_KEY, LINK_KEY and ENCRYPTION_KEYS to each.",
        )  # fmt: skip
    elif len(settings.SECRET_KEY) < 32 or len(settings.LINK_KEY) < 32:
        yield Check("keys", WARN, "SECRET_KEY or LINK_KEY is short.", "Use at least 32 random characters.")
    else:
        yield Check("keys", OK, "Keys are set.")


def _is_kept(name: str) -> bool:
    path = settings.DATA_DIR / f"{name.lower()}.txt"
    value = settings.ENCRYPTION_KEYS[0] if name == "ENCRYPTION_KEY" else getattr(settings, name)
    return path.exists() and path.read_text().strip() == value


def backends() -> Iterator[Check]:
    """Check what EMAIL_BACKENDS offers."""
    for found in check_backends():
        yield Check("backends", FAIL, found.msg, found.hint or "")


def notices() -> Check:
    """Check that staff can be notified by mail when a broadcast stops."""
    if not settings.EMAIL_URL:
        return Check(
            "notices", WARN, "EMAIL_URL is not set: nobody is told by mail when a broadcast stops by itself.",
            "Set EMAIL_URL, such as smtp+tls://user:password@mail.example.org:587, and DEFAULT_FROM_EMAIL.",
        )  # fmt: skip
    try:
        with get_connection(timeout=CHANNEL_SECONDS):
            pass
    except Exception as error:
        return Check("notices", WARN, f"The mail server of EMAIL_URL does not work: {error}", "Mend EMAIL_URL.")
    return Check("notices", OK, f"Notices to staff come from {settings.DEFAULT_FROM_EMAIL}.")


def folder() -> Iterator[Check]:
    """Check that other users of the host cannot read the data, and that Python cannot import from it."""
    place = Path(settings.DATA_DIR).resolve()
    kept = [place, *([Path(connection.settings_dict["NAME"]).resolve()] if connection.vendor == "sqlite" else [])]
    if exposed := [str(path) for path in kept if path.exists() and is_exposed(path)]:
        yield Check(
            "files", WARN, f"Other users of this host may read {' and '.join(exposed)}.",
            f"As the user that it belongs to, run: chmod go= {' '.join(exposed)}",
        )  # fmt: skip
    root = importable_from(place)
    if root:
        then = "set DATA_DIR to that" if "DATA_DIR" in os.environ else "it is found by itself"
        yield Check(
            "imports", WARN, f"Python could import what is uploaded to DATA_DIR, {place}: it looks for code in {root}.",
            f"Stop everything; rename the folder to {place.name}.data ({then}); start again.",
        )  # fmt: skip
    if not (exposed or root):
        yield Check("files", OK, "Only its own user may read DATA_DIR, and Python imports nothing from there.")


def disk() -> Check:
    free = shutil.disk_usage(settings.DATA_DIR).free
    if free < GIGABYTE:
        left = formats.number(free / GIGABYTE, 1)
        return Check("disk", WARN, f"{left} GB are free in DATA_DIR.", "Make room, or run: manage.py prune")
    return Check("disk", OK, f"{formats.number(free / GIGABYTE, 0)} GB are free in DATA_DIR.")
