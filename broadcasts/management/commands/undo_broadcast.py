from django.core.management.base import BaseCommand

from broadcasts import sending
from broadcasts.management.lookups import find_broadcast, refusals


class Command(BaseCommand):
    help = "Make a broadcast a draft again that was sent and has not begun yet."

    def add_arguments(self, parser) -> None:
        parser.add_argument("uuid")

    def handle(self, *args, **options) -> None:
        broadcast = find_broadcast(options["uuid"])
        with refusals():
            sending.undo(broadcast)
        self.stdout.write(f"“{broadcast}” is a draft again. Nothing was sent.")
