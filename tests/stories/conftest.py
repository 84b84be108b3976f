import asyncio
from collections import Counter

import pytest
from aiosmtpd.controller import Controller
from django.conf import settings

from tests.admin.conftest import sign_in

from .browser import Browser

SEED = """
from broadcasts.models import *
club, _ = Organization.objects.update_or_create(
    slug="club", defaults={{"name": "Club", "languages": ["en", "es"]}}
)
mail = Channel(organization=club, name="Mail", kind="email", is_default=True, from_address="news@club.example")
mail.configure({{"host": "127.0.0.1", "port": {port}, "security": "none"}})
mail.save()
for n in range({people}):
    Contact(organization=club, full_name=f"Person {{n}}", email=f"p{{n}}@example.com",
            language="es" if n % 2 else "en").save()
broadcast = Broadcast.objects.create(organization=club, name="News", send_to_all=True)
message = Message.objects.create(broadcast=broadcast, channel=mail)
for n, (language, text) in enumerate([("en", "Hello {{{{ contact.name }}}}"), ("es", "Hola {{{{ contact.name }}}}")]):
    MessageTranslation.objects.create(message=message, language=language, position=n, subject=text, text=text)
print(broadcast.uuid)
"""
SEND = """
from django.core.management import call_command
call_command("send_broadcast", str(broadcast.uuid))
print(broadcast.uuid)
"""


class Inbox:
    """Keeps the recipient of every message that was accepted; a little slow, so that faults hit the middle.

    While it is `shut` it keeps what comes, and answers nobody.
    """

    def __init__(self, pause: float = 0.0) -> None:
        self.recipients: Counter[str] = Counter()
        self.bodies: dict[str, bytes] = {}
        self.pause = pause
        self.is_shut = False

    async def handle_DATA(self, server, session, envelope):
        await asyncio.sleep(self.pause)
        for address in envelope.rcpt_tos:
            self.recipients[address] += 1
            self.bodies[address] = envelope.content
        while self.is_shut:
            await asyncio.sleep(0.01)
        return "250 OK"


class AnyPort(Controller):
    """Listens where the system says; the stock one tries to call the port it was asked for, which is none."""

    def _trigger_server(self):
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


@pytest.fixture
def inbox():
    handler = Inbox()
    controller = AnyPort(handler, hostname="127.0.0.1", port=0)
    controller.start()
    handler.port = controller.server.sockets[0].getsockname()[1]
    yield handler
    controller.stop()


@pytest.fixture
def seed(installation, inbox):
    """Make a club with people and a draft to all of them, and send it if asked to; returns the draft's uuid."""

    def make(people: int, send: bool = False) -> str:
        script = SEED.format(port=inbox.port, people=people) + (SEND if send else "")
        return installation.run("shell", "-v0", stdin=script).split()[-1]

    return make


@pytest.fixture(scope="module")
def chromium():
    browser = Browser()
    yield browser
    browser.close()


@pytest.fixture
def browser(chromium, live_server, sender):
    """Signed in as a sender."""
    cookie = sign_in(sender.user).cookies[settings.SESSION_COOKIE_NAME]
    chromium.open(f"{live_server.url}/healthz")
    chromium.call("POST", "/cookie", cookie={"name": cookie.key, "value": cookie.value})
    return chromium
