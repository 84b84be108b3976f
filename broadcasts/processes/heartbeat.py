"""Check the queue by the only reliable sign: a task that ran."""

import time
from datetime import datetime

from django.conf import settings
from django.utils import timezone
from django_q.tasks import async_task

from broadcasts import health
from broadcasts.models import Heartbeat

BEAT_SECONDS = 5
SHARED_BEAT_SECONDS = 1  # if other hosts share the queue and may run the beats of this one


class HeartbeatMonitor:
    """Enqueues a beat every few seconds, and counts those since the last beat that this host ran.

    Hosts that share a queue run each other's beats. A healthy host runs about as many as it enqueues, so the
    probability that it runs none in 25 seconds is about e^-25. Beats are enqueued one at a time, since a worker that
    finds several takes all of them.

    Beats are counted, not time: a supervisor that was suspended, or could not reach the database, draws no wrong
    conclusion.
    """

    def __init__(self) -> None:
        self.last: datetime | None = None
        self.unanswered = 0.0  # seconds covered by beats that did not run here
        self.next_at = 0.0

    def check(self) -> None:
        """Look for a new beat, and enqueue the next one when due."""
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
