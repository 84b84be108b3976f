import sys
from contextlib import nullcontext
from typing import TextIO, cast

from django.core.management.base import BaseCommand, CommandError

from broadcasts import exporting, formats
from broadcasts.management.lookups import find_broadcast, find_organization, opened
from broadcasts.models import Delivery


class Command(BaseCommand):
    help = "Write the delivery log as CSV, streamed."

    def add_arguments(self, parser) -> None:
        parser.add_argument("file", nargs="?", default="-", help="default: standard output")
        parser.add_argument("--broadcast", metavar="UUID")
        parser.add_argument("--organization", metavar="SLUG")
        parser.add_argument("--status", choices=Delivery.Status.values)

    def handle(self, *args, **options) -> None:
        deliveries = Delivery.objects.all()
        if not (options["broadcast"] or options["organization"]):
            raise CommandError("Say what to export: --broadcast UUID or --organization SLUG.")
        if options["organization"]:
            deliveries = deliveries.for_organization(find_organization(options["organization"]))
        if options["broadcast"]:
            deliveries = deliveries.filter(message__broadcast=find_broadcast(options["broadcast"]))
        if options["status"]:
            deliveries = deliveries.filter(status=options["status"])
        output = (
            nullcontext(self.stdout)
            if options["file"] == "-"
            else opened(options["file"], "w", encoding="utf-8", newline="")
        )
        try:
            with output as file:
                n = exporting.export_deliveries(deliveries, cast(TextIO, file))
        except BrokenPipeError:
            sys.stderr.close()  # the reader of the pipe has closed it
            return
        self.stderr.write(f"{formats.number(n)} deliveries written.", self.style.SUCCESS)
