from django.core.management.base import BaseCommand

from broadcasts import sending
from broadcasts.management.lookups import find_broadcast, refusals


class Command(BaseCommand):
    help = "Send a broadcast now."

    def add_arguments(self, parser) -> None:
        parser.add_argument("uuid")

    def handle(self, *args, **options) -> None:
        broadcast = find_broadcast(options["uuid"])
        with refusals():
            sending.send(broadcast)
        self.stdout.write(f"“{broadcast}” is being sent. Watch it: manage.py show_broadcast {broadcast.uuid} --watch")
