import signal
import sys

from django.core.management.base import BaseCommand

from broadcasts.management.benchmarks import audience, callbacks, chaos, imports, send, track
from broadcasts.management.lookups import refusals

BENCHES = {
    "send": send,
    "audience": audience,
    "chaos": chaos,
    "callbacks": callbacks,
    "track": track,
    "import": imports,
}


class Command(BaseCommand):
    help = "Measure this installation on this machine, in a database of its own; nothing leaves 127.0.0.1."

    def add_arguments(self, parser) -> None:
        benches = parser.add_subparsers(dest="bench", required=True, metavar="WHAT")
        for name, bench in BENCHES.items():
            bench.add_arguments(benches.add_parser(name, help=bench.HELP, description=bench.HELP))

    def handle(self, *args, **options) -> None:
        # Both, since a shell that starts this in the background has it ignore the interrupt.
        earlier = {name: signal.signal(name, signal.default_int_handler) for name in (signal.SIGINT, signal.SIGTERM)}
        try:
            with refusals():
                BENCHES[options["bench"]].run(self, options)
        except KeyboardInterrupt:
            self.stderr.write("Stopped; nothing is left behind.")
            sys.exit(130)
        finally:
            for name, handler in earlier.items():
                signal.signal(name, handler)
