import time

from django.core.management.base import BaseCommand

from broadcasts import stats
from broadcasts.management.lookups import find_broadcast
from broadcasts.management.progress import SendingBar
from broadcasts.models import Broadcast

WATCH_SECONDS = 0.5


class Command(BaseCommand):
    help = "Show what became of a broadcast; with --watch, as it happens."

    def add_arguments(self, parser) -> None:
        parser.add_argument("uuid")
        parser.add_argument("--watch", action="store_true", help="until nothing moves any more")

    def handle(self, *args, **options) -> None:
        broadcast = find_broadcast(options["uuid"])
        if options["watch"]:
            self.watch(broadcast)
        self.show(broadcast)

    def watch(self, broadcast: Broadcast) -> None:
        shown = SendingBar(broadcast)
        try:
            while not shown.update():
                time.sleep(WATCH_SECONDS)
        except KeyboardInterrupt:
            pass  # who stops watching stops nothing else
        finally:
            shown.close()

    def show(self, broadcast: Broadcast) -> None:
        self.stdout.write(f"{broadcast} ({broadcast.organization}): {broadcast.get_status_display()}")
        for label, moment in (
            ("scheduled for", broadcast.scheduled_at),
            ("started", broadcast.started_at),
            ("completed", broadcast.completed_at),
        ):
            if moment:
                self.stdout.write(f"{label:>14}  {moment.astimezone(broadcast.organization.zone):%Y-%m-%d %H:%M:%S}")
        if broadcast.error_message:
            self.stdout.write(f"{'because':>14}  {broadcast.error_message}")
        counts = stats.counts([broadcast])[broadcast.pk]
        if waits := stats.waiting(broadcast, counts["pending"]):
            what = "local time" if broadcast.local_time else "time"
            times = [at.astimezone(broadcast.organization.zone) for at in (waits.next, waits.last)]
            first, last = (f"{at:%Y-%m-%d %H:%M}" for at in times)
            said = f"{waits.people:,} for their {what}, the next at {first}, the last at {last}"
            self.stdout.write(f"{'waiting':>14}  {said}")
        for name, n in counts.items():
            if n:
                self.stdout.write(f"{n:>14,}  {name}")
