"""The only honest sign of life of a queue: a task that ran."""

import time
from datetime import datetime

from django.utils import timezone
from django_q.tasks import async_task

from broadcasts import health
from broadcasts.models import Heartbeat

BEAT_SECONDS = 5
LOST_BEATS = health.STALE_SECONDS // BEAT_SECONDS


class Pulse:
    """Ask for a beat every few seconds, and count those that were not answered.

    What counts is beats that were asked for, not time: a supervisor that was held up itself, or could not reach
    the database, blames nobody.
    """

    def __init__(self) -> None:
        self.last: datetime | None = None
        self.unanswered = 0
        self.next_at = 0.0

    def take(self) -> None:
        """Look for an answer, and ask again when it is time."""
        beaten = Heartbeat.objects.filter(name=health.CLUSTER).values_list("beaten_at", flat=True).first()
        if beaten != self.last:
            self.last = beaten
            self.unanswered = 0
        if time.monotonic() >= self.next_at:
            async_task("broadcasts.tasks.beat", health.CLUSTER, health.HOST, timezone.now().isoformat())
            self.unanswered += 1
            self.next_at = time.monotonic() + BEAT_SECONDS

    @property
    def is_lost(self) -> bool:
        return self.unanswered > LOST_BEATS

    def reset(self) -> None:
        self.unanswered = 0
