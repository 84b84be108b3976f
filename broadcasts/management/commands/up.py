import os

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from broadcasts.management import serving
from broadcasts.processes import Supervisor, cluster, web


class Command(BaseCommand):
    help = "Run everything on this host: migrate, the web server, the workers. Ctrl-C stops all of it."

    def add_arguments(self, parser) -> None:
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument("--host", default="127.0.0.1", help="the address to listen at; 0.0.0.0 for all")
        parser.add_argument(
            "--workers",
            type=serving.at_least_one,
            default=os.cpu_count() or 1,
            help="web processes; default: one a core",
        )
        parser.add_argument(
            "--pumps", type=serving.at_least_one, default=settings.PUMPS, help="tasks that send at once"
        )

    def handle(self, *args, **options) -> None:
        host, port = options["host"], options["port"]
        if not serving.is_free(host, port):
            raise CommandError(f"Port {port} of {host} is taken or cannot be used; choose with --port and --host.")
        if not serving.is_told("BASE_URL"):
            serving.reached_at(f"http://localhost:{port}")
        settings.PUMPS = options["pumps"]
        serving.prepare()
        servers = web(host, port, options["workers"])
        Supervisor(cluster(settings.PUMPS), *servers).run(serving.once_answering(servers, self.welcome))
        self.stdout.write("Stopped.")

    def welcome(self) -> None:
        self.stdout.write(f"Listening at {settings.BASE_URL}/ with {settings.PUMPS} pumps; Ctrl-C stops everything.")
        self.stdout.flush()
