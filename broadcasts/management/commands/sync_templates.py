from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from broadcasts import syncing
from broadcasts.transports import TransportError


class Command(BaseCommand):
    help = "Read the templates that providers, such as WhatsApp, store for their channels."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("channels", nargs="*", metavar="UUID", help="Of channels; without any, all of them.")

    def handle(self, *args: Any, channels: list[str], **options: Any) -> None:
        rows = syncing.synced_channels().select_related("organization").order_by("pk")
        chosen = [row for row in rows if not channels or str(row.uuid) in channels]
        if unknown := set(channels) - {str(row.uuid) for row in chosen}:
            raise CommandError(f"No channel with templates has the uuid {', '.join(sorted(unknown))}.")
        failed = 0
        for channel in chosen:
            try:
                self.stdout.write(f"{channel.organization}, {channel}: {syncing.sync(channel)}")
            except TransportError as error:
                failed += 1
                self.stderr.write(f"{channel.organization}, {channel}: {error}")
        if failed:
            raise CommandError(f"{failed} of {len(chosen)} channels could not be synced.")
        if not chosen:
            self.stdout.write("No channel has a provider that stores templates.")
