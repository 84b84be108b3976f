import logging
import re
import sys
from argparse import ArgumentParser
from typing import BinaryIO
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from broadcasts import receiving
from broadcasts.database import outage
from broadcasts.models import Channel, Organization
from broadcasts.transports import LONGEST_MAIL, kinds_that_read_mail

log = logging.getLogger(__name__)

EX_TEMPFAIL = 75  # of sysexits.h: a mail server keeps the mail and pipes it again later
CHUNK = 65_536
ADDRESS = re.compile(r"[!-~]{3,320}")


class Command(BaseCommand):
    help = (
        "Take in a mail from standard input: a bounce, a complaint or a reply. For the pipe of a mail server, such as "
        "Postfix: flags=Rq user=broadcasts argv=/path/manage.py receive_mail --recipient ${original_recipient}"
    )

    stealth_options = ("stdin",)

    def add_arguments(self, parser: ArgumentParser) -> None:
        whose = parser.add_mutually_exclusive_group()
        whose.add_argument("--channel", metavar="UUID", help="the e-mail channel whose mailbox the mail came to")
        whose.add_argument("--organization", metavar="SLUG", help="whose mail it is; default: told by the key in it")
        parser.add_argument("--recipient", default="", metavar="ADDRESS", help="whom the server delivered it to")

    def handle(self, *args, **options) -> None:
        raw = read_mail(options.get("stdin") or sys.stdin.buffer)
        if ADDRESS.fullmatch(options["recipient"]):
            raw = f"Delivered-To: {options['recipient']}\r\n".encode() + raw
        try:
            self.take_in(raw, options)
        except CommandError:
            raise
        except Exception as error:  # whatever it is, the mail server is to keep the mail
            log.exception("A mail could not be stored")
            found = outage(error)
            words = found.sentence if found else f"The mail could not be stored: {type(error).__name__}."
            raise CommandError(words, returncode=EX_TEMPFAIL) from None

    def take_in(self, raw: bytes, options: dict) -> None:
        if options["channel"] or options["organization"]:
            channel = find_channel(options["channel"], options["organization"])
        elif (found := receiving.channel_meant(raw)) is None:
            log.warning("A mail of %s bytes names no copy of ours; it was dropped", len(raw))
            return
        else:
            channel = found
        receiving.store_mail(channel, raw)


def read_mail(stream: BinaryIO) -> bytes:
    """Read a mail as long as is kept, and the rest as well: the mail server writes all of it."""
    raw = stream.read(LONGEST_MAIL)
    while stream.read(CHUNK):
        pass
    return raw


def find_channel(uuid: str | None, slug: str | None) -> Channel:
    """Return the channel that the options name, or that takes in an organization's mail."""
    if uuid:
        try:
            channel = Channel.objects.filter(uuid=UUID(uuid), kind__in=kinds_that_read_mail()).first()
        except ValueError:
            channel = None
        if channel is None:
            raise CommandError(f"There is no e-mail channel {uuid}.", returncode=EX_TEMPFAIL)
        return channel
    organization = Organization.objects.filter(slug=slug).first()
    channel = receiving.reading_channel(organization) if organization else None
    if channel is None:
        words = f"“{slug}” has no e-mail channel." if organization else f"There is no organization “{slug}”."
        raise CommandError(words, returncode=EX_TEMPFAIL)
    return channel
