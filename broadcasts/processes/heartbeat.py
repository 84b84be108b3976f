"""The only honest sign of life of a queue: a task that ran."""

import time
from datetime import datetime

from django.conf import settings
from django.utils import timezone
from django_q.tasks import async_task

from broadcasts import health
from broadcasts.models import Heartbeat

BEAT_SECONDS = 5
SHARED_BEAT_SECONDS = 1  # where other hosts may take what this one asked for


class HeartbeatMonitor:
    """Ask for a beat every few seconds, and count those since the last one that this host ran.

    Hosts that share a queue run each other's beats; a healthy one gets about as many as it asks for, so that it misses
    all of 25 seconds once in e^25 times. Each asks apart from the others and one beat at a time, since a worker that
    comes upon several takes them all.

    What counts is beats that were asked for, not time: a supervisor that was held up itself, or could not reach
    the database, blames nobody.
    """

    def __init__(self) -> None:
        self.last: datetime | None = None
        self.unanswered = 0.0  # seconds' worth of beats
        self.next_at = 0.0

    def check(self) -> None:
        """Look for an answer, and ask again when it is time."""
        beats = Heartbeat.objects.filter(name=health.CLUSTER)
        beaten = beats.filter(host=settings.HOST_NAME).values_list("beaten_at", flat=True).first()
        if beaten != self.last:
            self.last = beaten
            self.unanswered = 0.0
        if time.monotonic() >= self.next_at:
            others = beats.filter(health.fresh()).exclude(host=settings.HOST_NAME)
            pause = SHARED_BEAT_SECONDS if others.exists() else BEAT_SECONDS
            async_task("broadcasts.tasks.beat", health.CLUSTER, timezone.now().isoformat())
            self.unanswered += pause
            self.next_at = time.monotonic() + pause

    @property
    def is_lost(self) -> bool:
        return self.unanswered > health.STALE_SECONDS

    def reset(self) -> None:
        self.unanswered = 0.0
