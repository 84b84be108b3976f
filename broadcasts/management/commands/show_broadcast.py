import time

from django.core.management.base import BaseCommand

from broadcasts import formats, stats
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
        zone = broadcast.organization.zone
        self.stdout.write(f"{broadcast} ({broadcast.organization}): {broadcast.get_status_display()}")
        for label, moment in (
            ("scheduled for", broadcast.scheduled_at),
            ("started", broadcast.started_at),
            ("completed", broadcast.completed_at),
        ):
            if moment:
                self.stdout.write(f"{label:>14}  {formats.moment(moment, zone)}")
        if broadcast.error_message:
            self.stdout.write(f"{'because':>14}  {broadcast.error_message}")
        counts = stats.counts([broadcast])[broadcast.pk]
        if waits := stats.waiting(broadcast, counts["pending"]):
            what = "local time" if broadcast.local_time else "time"
            first, last = (formats.moment(turn, zone) for turn in (waits.next, waits.last))
            said = f"{formats.number(waits.people)} for their {what}, the next at {first}, the last at {last}"
            self.stdout.write(f"{'waiting':>14}  {said}")
        for name, n in counts.items():
            if n:
                self.stdout.write(f"{formats.number(n):>14}  {name}")
