from uuid import UUID

from django.core.management.base import BaseCommand

from broadcasts import translating
from broadcasts.management.lookups import find_broadcast, refusals
from broadcasts.models import Template


class Command(BaseCommand):
    help = (
        "Translate a broadcast or template from expressions to Liquid, if Liquid gives everybody exactly the same "
        "text; else say where not, and change nothing."
    )

    def add_arguments(self, parser) -> None:
        parser.add_argument("uuid", help="of a broadcast or a template")
        parser.add_argument("--dry-run", action="store_true", help="only show what it would be")

    def handle(self, *args, **options) -> None:
        dry_run = options["dry_run"]
        with refusals():
            if template := _template(options["uuid"]):
                changes = translating.translate_template(template, dry_run=dry_run)
            else:
                broadcast = find_broadcast(options["uuid"])
                changes = translating.translate_broadcast(broadcast, dry_run=dry_run)
        for field, text in changes.items():
            self.stdout.write(f"{field}:\n    {text.replace(chr(10), chr(10) + '    ')}")
        said = "Nothing was saved: this was a dry run." if dry_run else "It is written in Liquid now."
        self.stdout.write(said)


def _template(uuid: str) -> Template | None:
    try:
        return Template.objects.select_related("organization").filter(uuid=UUID(str(uuid))).first()
    except ValueError:
        return None  # `find_broadcast` says what is wrong
