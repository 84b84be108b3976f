from django.core.management.base import BaseCommand

from broadcasts import sending
from broadcasts.management.lookups import find_broadcast, refusals


class Command(BaseCommand):
    help = "Stop a broadcast for good; what left stays sent. One that is only scheduled never begins."

    def add_arguments(self, parser) -> None:
        parser.add_argument("uuid")

    def handle(self, *args, **options) -> None:
        broadcast = find_broadcast(options["uuid"])
        with refusals():
            sending.cancel(broadcast)
        told = "" if broadcast.has_begun else " It had not begun: nothing was sent."
        self.stdout.write(f"“{broadcast}” is cancelled.{told}")
