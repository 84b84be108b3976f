from django.conf import settings
from django.core.management.base import BaseCommand

from broadcasts.management import serving
from broadcasts.processes import Supervisor, cluster


class Command(BaseCommand):
    help = "Run workers, and watch over them; on as many hosts as you like."

    def add_arguments(self, parser) -> None:
        parser.add_argument(
            "--pumps", type=serving.at_least_one, default=settings.PUMPS, help="tasks that send at once"
        )

    def handle(self, *args, **options) -> None:
        settings.PUMPS = options["pumps"]  # the rounds done here enqueue as many
        self.stdout.write(f"{settings.PUMPS} pumps at work; Ctrl-C stops them.")
        self.stdout.flush()
        Supervisor(cluster(settings.PUMPS)).run()
        self.stdout.write("Stopped.")
