from django.conf import settings
from django.core.management.base import BaseCommand

from broadcasts import formats, retention


class Command(BaseCommand):
    help = "Delete what retention no longer wants: old deliveries, answers, sessions, what the queue left. Counts stay."

    def add_arguments(self, parser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="say what would be deleted, and delete nothing")

    def handle(self, *args, **options) -> None:
        found = retention.prune(dry_run=options["dry_run"])
        verb = "to delete" if options["dry_run"] else "deleted"
        for name, n in found.items():
            self.stdout.write(f"{formats.number(n):>12}  {name} {verb}")
        if not settings.DELIVERY_RETENTION_DAYS:
            self.stdout.write("Deliveries are kept for ever: DELIVERY_RETENTION_DAYS is 0.")
