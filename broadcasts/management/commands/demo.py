import json
import os
import secrets
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from broadcasts import drafting, formats, sending
from broadcasts.catcher import Catcher, Sort
from broadcasts.importing import import_contacts
from broadcasts.management import demo_channels, demo_club, demo_newsletter, serving
from broadcasts.management.lookups import refusals
from broadcasts.management.progress import ImportBar, SendingBar
from broadcasts.models import ApiToken, Broadcast, Channel, Delivery, Member, Organization, Role, Template, User
from broadcasts.processes import Supervisor, cluster, web

HOST = "127.0.0.1"
LOOK_SECONDS = 0.3  # between two looks at the progress
MOST_DEATHS = 4  # of the web server in a row, within about 10 seconds
CLICK = """What to click now:
  {catcher}
      “Call all back” reports every WhatsApp message and SMS as delivered, and some as read. “Reply” with STOP, BAJA or
      ARRET withdraws the person's consent. “Fail with” 131026 makes the next channel take over.
  {admin}
      The figures follow. The log shows each copy, and which one replaced which.
"""
Status = Broadcast.Status


class Command(BaseCommand):
    help = "Show the whole thing: a club with people, a broadcast to them by WhatsApp, SMS and mail, and the admin."

    def add_arguments(self, parser) -> None:
        parser.add_argument("--port", type=int, default=8000, help="of the web server; if taken, the next free one")
        parser.add_argument("--smtp-port", type=int, default=1025, help="of the catcher's mail server")
        parser.add_argument("--http-port", type=int, default=8025, help="of the catcher's page")
        parser.add_argument("--contacts", type=int, default=5000)
        parser.add_argument("--again", action="store_true", help="send a broadcast even if one was sent before")
        parser.add_argument("--once", action="store_true", help="stop after sending; exit code 1 if something is wrong")

    def handle(self, *args, **options) -> None:
        try:
            with refusals():
                self.run(options)
        except KeyboardInterrupt:
            self.say("Stopped.")
            sys.exit(130)

    def run(self, options) -> None:
        port = self.choose_port(options["port"])
        changed = serving.reached_at(f"http://localhost:{port}")
        changed |= serving.open_loopback()  # for the catcher
        serving.prepare()
        club = self.make_club()
        self.import_people(club, options["contacts"])
        ports = (self.choose_port(options["smtp_port"]), self.choose_port(options["http_port"]))
        with Catcher(settings.DATA_DIR / "caught", *ports) as catcher:
            channels = demo_channels.make(club, catcher)
            kept = self.make_admin(club)
            servers = web(HOST, port, os.cpu_count() or 1)
            doctor = serving.command_line("doctor", changed)
            demo = DemoRun(self, club, channels, catcher, kept, options, servers, doctor)
            output = settings.DATA_DIR / "logs"
            Supervisor(cluster(settings.PUMPS), *servers, output=output).run(demo.poll)
            demo.close()
        self.say("Stopped; the data stays. Run it again to go on.")
        if options["once"] and not demo.is_well:
            sys.exit(1)

    def say(self, text: str = "") -> None:
        self.stdout.write(text)
        self.stdout.flush()

    def choose_port(self, port: int) -> int:
        free = serving.free_port(HOST, port)
        if free != port:
            self.say(f"Port {port} is taken; using {free}.")
        return free

    def make_club(self) -> Organization:
        defaults = {
            "name": demo_club.NAME,
            "languages": list(demo_club.SMS),
            "country": "ES",
            "postal_address": "Demo Club, 1 Pool Lane, Springfield",
        }
        return Organization.objects.get_or_create(slug=demo_club.SLUG, defaults=defaults)[0]

    def import_people(self, club: Organization, n: int) -> None:
        """Import people as anybody would, from a CSV file; those who are there already stay as they are."""
        there = club.contacts.filter(external_id__startswith="demo-")
        if there.count() >= n and there.exclude(phone="").count() >= demo_club.with_phone(n):
            return
        path = Path(settings.DATA_DIR) / "demo-people.csv"
        demo_club.write_people(path, n)
        with path.open("rb") as file, ImportBar(path.stat().st_size) as shown:
            result = import_contacts(club, file, filename=path.name, on_progress=shown.update)
        self.say(f"Imported {formats.number(result.job.created_count)} contacts from {path}.")

    def make_admin(self, club: Organization) -> dict[str, str]:
        """Make the user and its token, or find them as an earlier run kept them; a file only we can read."""
        path = Path(settings.DATA_DIR) / "demo.json"
        kept = json.loads(path.read_text()) if path.exists() else {}
        user = User.objects.filter(email=demo_club.ADMIN).first()
        if user is None or not user.check_password(kept.get("password", "")):
            kept["password"] = kept.get("password") or secrets.token_urlsafe(9)
            user = user or User(email=demo_club.ADMIN, full_name="Demo Admin", is_superuser=True)
            user.set_password(kept["password"])
            user.save()
        Member.objects.get_or_create(user=user, organization=club, defaults={"role": Role.ADMIN})
        if not ApiToken.objects.usable(kept.get("token", "")):
            scopes = ["read", "write", "send", "manage"]
            _, kept["token"] = ApiToken.objects.issue(user=user, organization=club, scopes=scopes, name="Demo")
        path.touch(mode=0o600)
        path.write_text(json.dumps(kept))
        return kept


class DemoRun:
    """What the demo does while the supervisor runs: one step at each poll."""

    def __init__(
        self,
        command: Command,
        club: Organization,
        channels: list[Channel],
        catcher: Catcher,
        kept,
        options,
        servers,
        doctor: str,
    ) -> None:
        self.command = command
        self.club = club
        self.channels = channels
        self.catcher = catcher
        self.kept = kept
        self.options = options
        self.servers = servers
        self.doctor = doctor
        self.bar: SendingBar | None = None
        self.is_well = True
        self.look_at = 0.0
        self.step = self.wait

    def poll(self) -> bool:
        return self.step()

    def wait(self) -> bool:
        """Until the server answers; then say where, and send. With --once, give up when it cannot be started."""
        if self.options["once"] and any(server.deaths >= MOST_DEATHS for server in self.servers):
            self.is_well = False
            self.command.say(f"The web server does not start; {settings.DATA_DIR / 'logs'} says why.")
            return True
        if serving.all_answer(self.servers):
            self.tell()
            broadcast = self.find_or_send()
            self.step = self.watch if broadcast else self.rest
            if broadcast:
                self.bar = SendingBar(broadcast)
            else:
                self.command.say("The broadcast was sent by an earlier run; --again sends another.")
        return False

    def tell(self) -> None:
        say = self.command.say
        say()
        say(f"  Admin         {settings.BASE_URL}/admin/")
        say(f"  Sign in as    {demo_club.ADMIN}  password  {self.kept['password']}")
        say(f"  API           {settings.BASE_URL}/api/docs/  token  {self.kept['token']}")
        say(f"  Caught        {self.caught_page}")
        say(f"  Logs          {settings.DATA_DIR / 'logs'}")
        say(f"  Is all well?  {self.doctor}")
        say()

    def find_or_send(self) -> Broadcast | None:
        """Send the demo's broadcast, unless an earlier run did; return the one that is being sent."""
        mine = Broadcast.objects.for_organization(self.club).filter(name=demo_club.BROADCAST)
        under_way = mine.filter(status=Status.SENDING).first()
        if under_way or (mine.filter(status__in=Broadcast.STARTED).exists() and not self.options["again"]):
            return under_way
        values = {"name": demo_club.BROADCAST, "send_to_all": True, "base_language": "en", "messages": self.messages()}
        values |= {"channel_policy": "fallback", "extra": {"caught_before": self.catcher.count()}}
        user = User.objects.get(email=demo_club.ADMIN)
        broadcast = drafting.save(Broadcast(organization=self.club), values, by=user)
        sending.send(broadcast, by=user)
        return broadcast

    def messages(self) -> list[dict[str, Any]]:
        """Return what is said on each channel, in the order of preference."""
        whatsapp, sms, mail = self.channels
        template = Template.objects.get(channel=whatsapp, name=demo_club.TEMPLATE)
        parameters = demo_club.template_parameters(str(demo_channels.picture(self.club).uuid))
        return [
            {"channel": whatsapp, "template": template, "parameters": parameters},
            {"channel": sms, "translations": demo_club.SMS},
            {"channel": mail, "template": demo_newsletter.template(self.club)},
        ]

    @property
    def caught_page(self) -> str:
        return f"http://localhost:{self.catcher.http_port}/"

    def watch(self) -> bool:
        assert self.bar is not None
        if time.monotonic() < self.look_at:
            return False
        self.look_at = time.monotonic() + LOOK_SECONDS
        if not self.bar.update():
            return False
        self.bar.close()
        self.report(self.bar.broadcast)
        self.step = self.rest
        return False

    def report(self, broadcast: Broadcast) -> None:
        before = broadcast.extra.get("caught_before", 0)
        sorts = {"WhatsApp": Sort.WHATSAPP, "SMS": Sort.SMS, "e-mail": Sort.MAIL}
        caught = {label: self.catcher.recipients(after=before, sort=sort) for label, sort in sorts.items()}
        total, addresses = (sum(count(one) for one in caught.values()) for count in (Counter.total, len))
        expected = Delivery.objects.filter(message__broadcast=broadcast, status="sent").count()
        self.is_well = broadcast.status == Status.SENT and total == addresses == expected > 0
        say = self.command.say
        say(f"“{broadcast}”: {broadcast.get_status_display().lower()}. {broadcast.error_message}".strip())
        once = (
            "each address once" if total == addresses else f"{formats.number(total - addresses)} copies more than one"
        )
        each = ", ".join(f"{formats.number(one.total())} by {label}" for label, one in caught.items())
        received = f"{formats.number(total)} messages for {formats.number(addresses)} addresses"
        say(f"The catcher received {received}, {once}: {each}.")
        say()
        admin = f"{settings.BASE_URL}/admin/broadcasts/broadcast/{broadcast.pk}/change/"
        say(CLICK.format(catcher=self.caught_page, admin=admin))

    def rest(self) -> bool:
        if self.options["once"]:
            return True
        self.command.say("Everything runs; Ctrl-C stops it.")
        self.step = self.idle
        return False

    def idle(self) -> bool:
        return False

    def close(self) -> None:
        if self.bar:
            self.bar.close()
