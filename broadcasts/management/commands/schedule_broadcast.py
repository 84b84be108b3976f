from datetime import datetime

from django.core.management.base import BaseCommand, CommandError

from broadcasts import drafting, sending
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
        at = None
        if options["at"]:
            try:
                at = datetime.fromisoformat(options["at"])
            except ValueError:
                raise CommandError(f"--at {options['at']}: write a moment as 2026-01-31T09:00.") from None
            at = at if at.tzinfo else at.replace(tzinfo=zone)
            if not drafting.is_near(at):
                raise CommandError(f"--at {options['at']}: {drafting.TOO_FAR}")
        with refusals():
            sending.schedule(broadcast, at)
        broadcast.refresh_from_db()
        assert broadcast.scheduled_at is not None
        moment = broadcast.scheduled_at.astimezone(zone)
        self.stdout.write(f"“{broadcast}” will be sent at {moment:%Y-%m-%d %H:%M:%S} ({zone}).")
