from django.core.management.base import BaseCommand, CommandError

from broadcasts import formats, sending
from broadcasts.management.lookups import find_broadcast, refusals


class Command(BaseCommand):
    help = "Send a broadcast now, or after some seconds within which it can be undone."

    def add_arguments(self, parser) -> None:
        parser.add_argument("uuid")
        parser.add_argument(
            "--undo",
            type=int,
            default=0,
            metavar="SECONDS",
            help=f"begin so much later; undo_broadcast stops it until then (at most {sending.LONGEST_UNDO})",
        )

    def handle(self, *args, **options) -> None:
        broadcast, seconds = find_broadcast(options["uuid"]), options["undo"]
        if not 0 <= seconds <= sending.LONGEST_UNDO:
            raise CommandError(f"--undo {seconds}: give 0 to {sending.LONGEST_UNDO} seconds.")
        with refusals():
            sending.send(broadcast, undo_seconds=seconds)
        if seconds:
            begins = f"“{broadcast}” will be sent in {formats.seconds(seconds)}."
            self.stdout.write(f"{begins} Stop it until then: manage.py undo_broadcast {broadcast.uuid}")
        else:
            self.stdout.write(
                f"“{broadcast}” is being sent. Watch it: manage.py show_broadcast {broadcast.uuid} --watch"
            )
