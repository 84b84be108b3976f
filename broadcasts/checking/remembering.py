"""Remember the lines that took long to count, until the broadcast is changed, so that pages need not count again."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import blake2b
from typing import Any

from django.core.cache import cache
from django.db.models import Max

from broadcasts.models import Message

from .draft import Draft
from .lines import Line

log = logging.getLogger(__name__)

SLOW_SECONDS = 0.3
KEPT_SECONDS = 120  # people and their consent may change meanwhile


def key_of(draft: Draft) -> str:
    """Return the key of a broadcast as it is now: another one after each change of it, its content or its channels."""
    broadcast = draft.broadcast
    written = Message.objects.filter(broadcast=broadcast).aggregate(Max("modified"), Max("translations__modified"))
    channels = [(one.channel.pk, one.channel.modified) for one in draft.messages if one.channel]
    # A page may ask about another time before it is saved.
    told = [broadcast.pk, broadcast.modified, broadcast.scheduled_at, broadcast.local_time]
    state: list[Any] = [*told, broadcast.organization.modified, sorted(written.items()), channels]
    return f"checked:{blake2b(repr(state).encode(), digest_size=16).hexdigest()}"


def remember(key: str, lines: Sequence[Line]) -> None:
    """Keep lines, without the rows that they name: these hold the secrets of channels."""
    try:
        cache.set(key, [_with_messages(line, _key) for line in lines], KEPT_SECONDS)
    except Exception as error:  # it costs the time of counting, and no answer
        log.warning("The lines of a check cannot be kept in the cache: %s", error)


def recall(key: str, draft: Draft) -> list[Line] | None:
    """Return the lines that are remembered, with the messages that they name; None if there are none."""
    try:
        kept = cache.get(key)
    except Exception as error:
        log.warning("The lines of a check cannot be looked up in the cache: %s", error)
        return None
    rows: Mapping[Any, Message] = {message.pk: message for message in draft.messages}
    return None if kept is None else [_with_messages(line, rows.get) for line in kept]


def _key(message: Message | None) -> int | None:
    return message.pk if message else None


def _with_messages(line: Line, of: Any) -> Line:
    """Return a line with each message replaced by what `of` gives for it."""
    detail = tuple(replace(one, message=of(one.message)) for one in line.detail)
    return replace(line, message=of(line.message), detail=detail)
