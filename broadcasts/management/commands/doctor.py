import json
import sys
from collections import Counter
from dataclasses import asdict

from django.core.management.base import BaseCommand

from broadcasts import health


class Command(BaseCommand):
    help = "Check database, queue, schedules, workers, channels and settings, and say how to mend each."
    requires_system_checks: list[str] = []  # it must speak when others cannot

    def add_arguments(self, parser) -> None:
        parser.add_argument("--json", action="store_true", help="for machines")

    def handle(self, *args, **options) -> None:
        checks = health.checks()
        levels = Counter(check.level for check in checks)
        if options["json"]:
            self.stdout.write(json.dumps([asdict(check) for check in checks], indent=2))
        else:
            self.tell(checks)
            self.stdout.write(", ".join(f"{levels[level]} {level}" for level in (health.OK, health.WARN, health.FAIL)))
        if levels[health.FAIL]:
            sys.exit(1)

    def tell(self, checks: list[health.Check]) -> None:
        styles = {health.OK: self.style.SUCCESS, health.WARN: self.style.WARNING, health.FAIL: self.style.ERROR}
        for check in checks:
            self.stdout.write(f"{styles[check.level](f'{check.level:<4}')}  {check.message}")
            if check.hint:
                self.stdout.write(f"      {check.hint}")
