from django.core.management.base import BaseCommand

from broadcasts import sending
from broadcasts.management.lookups import find_broadcast, refusals
from broadcasts.models import Broadcast


class Command(BaseCommand):
    help = "Stop a broadcast for good; what left stays sent. One that is only scheduled becomes a draft again."

    def add_arguments(self, parser) -> None:
        parser.add_argument("uuid")

    def handle(self, *args, **options) -> None:
        broadcast = find_broadcast(options["uuid"])
        with refusals():
            if broadcast.status == Broadcast.Status.SCHEDULED:
                sending.unschedule(broadcast)
                self.stdout.write(f"“{broadcast}” is a draft again; nobody was sent it.")
            else:
                sending.cancel(broadcast)
                self.stdout.write(f"“{broadcast}” is cancelled.")
