from datetime import datetime
from zoneinfo import ZoneInfo

from django.core.management.base import BaseCommand, CommandError

from broadcasts import clocks, formats, sending
from broadcasts.management.lookups import find_broadcast, refusals


class Command(BaseCommand):
    help = "Have a broadcast sent at a moment: the one given, or the one it has."

    def add_arguments(self, parser) -> None:
        parser.add_argument("uuid")
        parser.add_argument(
            "--at", metavar="ISO", help="such as 2026-01-31T09:00, in the organization's zone unless it names one"
        )

    def handle(self, *args, **options) -> None:
        broadcast = find_broadcast(options["uuid"])
        zone = broadcast.organization.zone
        with refusals():
            sending.schedule(broadcast, _moment(options["at"], zone) if options["at"] else None)
        broadcast.refresh_from_db()
        assert broadcast.scheduled_at is not None
        self.stdout.write(f"“{broadcast}” will be sent {formats.planned(broadcast.scheduled_at, zone)}.")


def _moment(given: str, zone: ZoneInfo) -> datetime:
    try:
        at = datetime.fromisoformat(given)
    except ValueError:
        raise CommandError(f"--at {given}: write a moment as 2026-01-31T09:00.") from None
    if not clocks.is_near(at):
        raise CommandError(f"--at {given}: {clocks.TOO_FAR}")
    return at if at.tzinfo else clocks.local_moment(at.date(), at.time(), zone)
