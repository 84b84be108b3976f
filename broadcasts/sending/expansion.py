"""Freeze the content of a broadcast, then expand its audience into deliveries."""

import time
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Case, CharField, DateTimeField, Exists, F, Max, OuterRef, QuerySet, Value, When
from django.db.models.functions import Now

from broadcasts import audience, designing, links, rendering, versioning
from broadcasts.exceptions import BroadcastsError, EmptyAudience, InvalidInput, NotReady
from broadcasts.models import TRACKED, Batch, Broadcast, Channel, Delivery, Link, Message, Organization, Reason
from broadcasts.queue import enqueue

from . import readiness
from .fairness import enqueue_pumps
from .hours import Waits, initial_waits
from .notices import pause_with

NOBODY = "The audience is empty: it matches nobody."
LEFT_OUT = "Nobody would receive it: everyone it matches is left out"
CHUNK = 20_000  # contacts per transaction of an expansion
FIRST_CHUNK = 1_000  # of the first; each has twice as many as the one before, so that the first copies leave at once
SLICE_SECONDS = 1  # after which an expansion is queued again, so that other tasks run in between


def freeze(broadcast: Broadcast, *, to_nobody: bool = False) -> None:
    """Check that a broadcast can be sent and freeze its content; called inside the transaction that starts it.

    Raises NotReady, InvalidInput or EmptyAudience; with `to_nobody` neither an empty audience nor a medium without a
    channel is a reason.
    """
    refuse_suspended(broadcast.organization)
    rows = broadcast.messages.select_related("channel", "template", "layout").prefetch_related("template__translations")
    messages = list(rows.order_by("position", "id"))
    readiness.check(broadcast)
    for message in messages:
        try:
            _freeze_message(message)
        except NotReady as error:
            if not to_nobody:
                raise
            _leave_out(message, str(error))
    wanted = audience.Audience.of(broadcast)
    if problems := wanted.problems(broadcast.pk):  # such as a log that was deleted since it was written
        raise InvalidInput(problems)
    audience.create_missing(wanted)
    if not to_nobody:
        _refuse_empty(wanted, messages)
    Broadcast.objects.filter(pk=broadcast.pk).update(audience_preview=audience.preview(wanted, messages))


def refuse_suspended(organization: Organization) -> None:
    if organization.status != Organization.Status.ACTIVE:
        raise NotReady(f"{organization} is suspended: nothing can be sent until that is lifted.")


def channel_for(message: Message) -> Channel:
    """Return the channel of a message, set to the default if it has none; raises NotReady if it is inactive."""
    message.channel = message.broadcast.organization.channel_for(message.medium, message.channel)
    return message.channel


def _leave_out(message: Message, why: str) -> None:
    """Take a message's channel away, so that it reaches nobody."""
    message.channel, message.error = None, why
    message.save()


def _freeze_message(message: Message) -> None:
    channel = channel_for(message)
    message.segment_price, message.currency = channel.segment_price, channel.currency
    if message.template and not message.translations.exists():
        message.take_template()
    designing.again(message)  # its layout may have changed since
    compiled = rendering.compile_message(message)
    message.checksum = compiled.checksum
    message.error = ""
    message.track_opens = message.track_clicks = None  # what an earlier start found, if it was one that failed
    tracked = message.tracked
    for fact, switch in TRACKED.items():
        setattr(message, switch, fact in tracked)
    message.save()
    versioning.write([message], begins=True)
    if message.track_clicks:
        rows = [Link(message=message, url=url, digest=links.digest_of(url)) for url in rendering.links_of(message)]
        Link.objects.bulk_create(rows, ignore_conflicts=True)


def _refuse_empty(wanted: audience.Audience, messages: list[Message]) -> None:
    if any(audience.recipients(wanted, message).filter(skip_reason="").exists() for message in messages):
        return
    if not audience.matched(wanted).exists():
        raise EmptyAudience(f"{NOBODY} Choose segments, contacts or a query.")
    reasons = audience.estimate(wanted, messages).skipped
    listed = ", ".join(f"{reason} {n}" for reason, n in reasons.items() if n)
    raise EmptyAudience(f"{LEFT_OUT} ({listed}).")


def hold_expansions(organization: Organization | int) -> None:
    """Wait for running chunks of expansions, and block further ones until the end of the transaction.

    A chunk locks its broadcast before it reads contacts, so the rows of all that it has read exist when this returns.
    """
    expanding = Broadcast.objects.for_organization(organization).filter(
        completed_at=None, expanded_at=None, status__in=[*Broadcast.STOPPABLE, Broadcast.Status.CANCELLED]
    )
    list(expanding.select_for_update(of=("self",), no_key=True).order_by("pk").values_list("pk"))


def expand(broadcast_id: int, seconds: float = SLICE_SECONDS) -> None:
    """Create the deliveries of a broadcast, one transaction per chunk of contacts.

    It can be resumed and run concurrently. After `seconds` it continues as a new task at the end of the queue.
    """
    broadcast = Broadcast.objects.select_related("organization").get(pk=broadcast_id)
    try:
        _expand(broadcast, time.monotonic() + seconds)
    except BroadcastsError as error:  # such as a segment of its query that was deleted since
        pause_with(broadcast, f"Paused: its audience cannot be read any more. {error}")


def expand_cancelled(broadcast_id: int) -> bool:
    """Create a chunk of the deliveries that a cancelled broadcast lacks, as cancelled; return False after the last."""
    rows = Broadcast.objects.filter(pk=broadcast_id, status=Broadcast.Status.CANCELLED, expanded_at=None)
    broadcast = rows.select_related("organization").first()
    if broadcast is None:
        return False
    messages = list(broadcast.messages.select_related("channel", "template").prefetch_related("translations"))
    try:
        return _expand_chunk(broadcast, audience.Audience.of(broadcast), messages, CHUNK)
    except BroadcastsError as error:
        reason = f"It was cancelled when its audience could not be read any more, so the log ends early. {error}"
        rows.transition(expanded_at=Now(), error_message=reason, modified=Now())
        return False


def _expand(broadcast: Broadcast, until: float) -> None:
    wanted = audience.Audience.of(broadcast)
    messages = list(broadcast.messages.select_related("channel", "template").prefetch_related("translations"))
    size = CHUNK if broadcast.expanded_to else min(FIRST_CHUNK, CHUNK)
    while broadcast.status == Broadcast.Status.SENDING and _expand_chunk(broadcast, wanted, messages, size):
        enqueue_pumps()
        broadcast.refresh_from_db()
        size = min(2 * size, CHUNK)
        if broadcast.expanded_at is None and time.monotonic() >= until:
            enqueue("start", broadcast.pk)
            return


def _expand_chunk(broadcast: Broadcast, wanted: audience.Audience, messages: list[Message], size: int) -> bool:
    """Expand one chunk of so many contacts.

    Returns False after the last, or if another process expands it or changed its status.
    """
    people = audience.matched(wanted).filter(id__gt=broadcast.expanded_to)
    full = people.order_by("id").values_list("id", flat=True)[size - 1 : size].first()
    is_last = full is None
    upper: int = full or people.aggregate(last=Max("id"))["last"] or broadcast.expanded_to
    with transaction.atomic():
        if wanted.organization.cap_on(wanted.use_case):
            lock_organization(wanted.organization)
        # The cursor moves first: it locks the row, so that only one of two concurrent expansions inserts.
        mine = Broadcast.objects.filter(
            pk=broadcast.pk, status=broadcast.status, expanded_at=None, expanded_to=broadcast.expanded_to
        ).transition(expanded_to=upper, modified=Now(), **({"expanded_at": Now()} if is_last else {}))
        if not mine:
            return False
        born = "cancelled" if broadcast.status == Broadcast.Status.CANCELLED else "pending"
        _insert(wanted, messages, broadcast, upper, born)
    return not is_last or upper > broadcast.expanded_to


def lock_organization(organization: Organization) -> None:
    """Serialize the chunks of an organization, so that the frequency cap counts the rows of concurrent ones.

    The broadcast is locked after the organization everywhere, so there is no deadlock.
    """
    list(Organization.objects.select_for_update(no_key=True).filter(pk=organization.pk).values_list("pk"))


def _insert(wanted: audience.Audience, messages: list[Message], broadcast: Broadcast, upper: int, born: str) -> None:
    newest = newest_id()
    first, *others = messages
    # Only after a merge has some of these people a row already. Nobody else inserts: the broadcast is locked.
    ids = {"contact__gt": broadcast.expanded_to, "contact__lte": upper}
    is_fresh = not Delivery.objects.filter(message__in=messages, **ids).exists()

    def people(message: Message) -> QuerySet[Any]:
        rows = audience.recipients_between(wanted, message, broadcast.expanded_to, upper).order_by("id")
        if message.channel is None:  # none was there when it started
            unreachable = When(skip_reason="", then=Value(Reason.NO_ADDRESS))
            rows = rows.annotate(skip_reason=Case(unreachable, default=F("skip_reason"), output_field=CharField()))
        return rows

    if broadcast.channel_policy == Broadcast.Policy.EVERY or not others:
        for message in messages:
            insert_rows(message, people(message), born, is_fresh)
    else:
        # The first channel that works: people whom no message can reach are skipped on the first message.
        served = Exists(Delivery.objects.filter(message__in=messages, contact=OuterRef("pk")))
        for message in messages:
            insert_rows(message, people(message).filter(skip_reason="").exclude(served), born, is_fresh)
        insert_rows(first, people(first).exclude(served), born, is_fresh)
    for message in messages:
        cut(message, newest)


def newest_id() -> int:
    """Return the id after which `cut` finds the rows that this transaction inserts, once it has locked the broadcast.

    Nobody else inserts rows of the same messages meanwhile.
    """
    return Delivery.objects.aggregate(newest=Max("id"))["newest"] or 0


def insert_rows(message: Message, people: QuerySet[Any], born: str, is_fresh: bool = False) -> None:
    """INSERT ... SELECT the deliveries of one message with the status `born`, or as skipped with the reason.

    `people` are contacts; or the deliveries that the new ones replace, and then nobody is inserted as skipped.
    is_fresh: none of them has a row of this message, so that PostgreSQL need not look for one before each.
    """
    is_fallback = people.model is Delivery
    columns = {
        "message_id": Value(message.pk),
        "contact_id": F("contact_id" if is_fallback else "pk"),
        "address": F("send_address"),
        "language": F("send_language"),
        "reason": F("skip_reason"),
        "error": Value(""),
        "attempts": Value(0),
        **({"replaces": F("pk")} if is_fallback else {}),
    }
    if born == "pending" and message.channel and (waits := initial_waits(message)):
        people, columns = _with_waits(people, columns, waits, "contact__" if is_fallback else "")
    rows = people.annotate(**{f"row_{name}": expression for name, expression in columns.items()}).values_list(
        *[f"row_{name}" for name in columns]
    )
    select, params = rows.query.sql_with_params()
    table = connection.ops.quote_name(Delivery._meta.db_table)
    wanted = "row_reason = ''" if is_fallback else "TRUE"
    # The status is computed outside the subquery: otherwise the reason would be evaluated twice per row.
    sql = (
        f"INSERT INTO {table} ({', '.join(columns)}, status) "  # noqa: S608
        f"SELECT {', '.join(f'row_{name}' for name in columns)}, CASE WHEN row_reason = '' THEN %s ELSE 'skipped' END "
        f"FROM ({select}) AS made WHERE {wanted} {'' if is_fresh else 'ON CONFLICT DO NOTHING'}"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, [born, *params])


def _with_waits(
    people: QuerySet[Any], columns: dict[str, Any], waits: Waits, to: str
) -> tuple[QuerySet[Any], dict[str, Any]]:
    """Defer recipients whose hour has not come, or skip them if the broadcast expires before.

    `to` is the lookup path from a row to its contact.
    """
    word, moment = CharField(), DateTimeField()
    people = people.annotate(too_late=waits.sql("reason", word, to))
    said = When(skip_reason="", too_late="", then=waits.sql("error", word, to))
    columns |= {
        "reason": Case(When(skip_reason="", then=F("too_late")), default=F("skip_reason"), output_field=word),
        "error": Case(said, default=Value(""), output_field=word),
    }
    if waits.defers:
        taken = When(skip_reason="", too_late="", then=waits.sql("due_at", moment, to))
        columns["due_at"] = Case(taken, default=Value(None), output_field=moment)
    return people, columns


def cut(message: Message, after: int) -> list[Batch]:
    """Divide the rows inserted after an id into batches, whose counters include skipped and cancelled rows.

    A batch without rows to send now is done: deferred rows are gathered into other batches when they are due.
    """
    table = connection.ops.quote_name(Delivery._meta.db_table)
    with connection.cursor() as cursor:
        # `+ 0` keeps both databases from reading, for each chunk, all that the message has by then through its index.
        cursor.execute(
            f"SELECT MIN(id), MAX(id), COUNT(*), SUM(CASE WHEN status = 'skipped' THEN 1 ELSE 0 END), "  # noqa: S608
            f"SUM(CASE WHEN status = 'cancelled' THEN 1 ELSE 0 END), "
            f"SUM(CASE WHEN status = 'pending' AND due_at IS NULL THEN 1 ELSE 0 END) FROM ("
            f"SELECT id, status, due_at, (ROW_NUMBER() OVER (ORDER BY id) - 1) / %s AS n FROM {table} "
            f"WHERE message_id + 0 = %s AND id > %s) AS numbered GROUP BY n ORDER BY n",
            [settings.BATCH_SIZE, message.pk, after],
        )
        ranges = cursor.fetchall()
    return Batch.objects.bulk_create(
        Batch(
            message=message,
            first_id=first,
            last_id=last,
            started_through=first - 1,
            total=total,
            skipped=skipped,
            cancelled=cancelled,
            state=Batch.State.READY if now else Batch.State.DONE,
        )
        for first, last, total, skipped, cancelled, now in ranges
    )
