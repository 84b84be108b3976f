"""A broadcast through a real Postfix, which refuses, defers and bounces, through to the suppressions."""

import pytest

from broadcasts.management.benchmarks.postfix import postfix
from tests.commands.test_bench_postfix import needs_postfix

from .conftest import AnyPort

pytestmark = [pytest.mark.story, needs_postfix]

PORT = 2825  # or above it
# What it answers at RCPT, and what it does with those that it accepts; the rest it takes and discards.
MAIN = """
smtp_host_lookup = native
smtpd_recipient_restrictions = check_recipient_access texthash:{folder}/etc/recipients, permit_mynetworks, reject
transport_maps = texthash:{folder}/etc/transports
"""
MASTER = "smtp unix - - n - - smtp\n"

SEED = """
from django.core.management import call_command
from broadcasts.models import *
club = Organization.objects.create(slug="club", name="Club")
mail = Channel(organization=club, name="Mail", kind="email", is_default=True, from_address="news@club.example")
mail.configure({{"host": "127.0.0.1", "port": {port}, "security": "none",
                "return_path": "bounces@club.example", "verp": {verp}}})
mail.save()
for name in ("good", "refused", "deferred", "later", "blocked"):
    Contact(organization=club, full_name=name, email=f"{{name}}@example.com").save()
broadcast = Broadcast.objects.create(organization=club, name="News", send_to_all=True)
message = Message.objects.create(broadcast=broadcast, channel=mail)
MessageTranslation.objects.create(message=message, language="en", position=0, subject="Pool closed", text="Hello")
call_command("send_broadcast", str(broadcast.uuid))
"""
REFUSED = {
    "refused@example.com": "550 5.1.1 No such user here",
    "deferred@example.com": "450 4.2.2 Mailbox full",
}
BOUNCED = {
    "later@example.com": "550 5.1.1 No such user after all",
    "blocked@example.com": "550 5.7.1 Your server is on our blocklist",
}


class Receiver:
    """The server beyond Postfix: it refuses some, and keeps (recipient, mail) of those to the return path."""

    def __init__(self) -> None:
        self.mails: list[tuple[str, str]] = []

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address in BOUNCED:
            return BOUNCED[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        self.mails.append((envelope.rcpt_tos[0], envelope.content.decode()))
        return "250 OK"


@pytest.fixture
def receiver():
    handler = Receiver()
    controller = AnyPort(handler, hostname="127.0.0.1", port=0)
    controller.start()
    handler.port = controller.server.sockets[0].getsockname()[1]
    yield handler
    controller.stop()


def table(rows: dict[str, str]) -> str:
    return "".join(f"{key} {value}\n" for key, value in rows.items())


@pytest.mark.parametrize("verp", [True, False])
def test_dead_addresses_are_suppressed_and_nobody_else(installation, receiver, verp):
    beyond = dict.fromkeys([*BOUNCED, "club.example"], f"smtp:[127.0.0.1]:{receiver.port}")
    tables = {"recipients": table(REFUSED), "transports": table(beyond)}
    with postfix(port=PORT, main=MAIN, master=MASTER, tables=tables) as taker:
        installation.run("shell", "-v0", stdin=SEED.format(port=taker.port, verp=verp))
        installation.start("work")
        installation.wait_for(lambda: len(receiver.mails) == 2)
        assert all(("+" in recipient) is verp for recipient, _ in receiver.mails)
        for recipient, mail in receiver.mails:
            installation.run("receive_mail", "--recipient", recipient, stdin=mail)
        hard = "SELECT address FROM broadcasts_delivery d JOIN broadcasts_deliveryevent e ON e.delivery_id = d.id"
        installation.wait_for(lambda: len(installation.query(f"{hard} WHERE e.type = 'bounced'")) == 2)
        listed = "SELECT COUNT(*) FROM broadcasts_suppression WHERE reason = 'hard_bounce'"
        installation.wait_for(lambda: installation.value(listed) == 2)
        rows = {row[0].partition("@")[0]: row[1:] for row in installation.query(
            "SELECT address, status, bounced_at IS NOT NULL, error FROM broadcasts_delivery"
        )}  # fmt: skip
    assert rows["good"][:2] == ("sent", False)
    assert rows["refused"][0] == "failed" and "No such user here" in rows["refused"][2]
    assert rows["deferred"][0] == "pending" and "Mailbox full" in rows["deferred"][2]
    assert rows["later"][:2] == rows["blocked"][:2] == ("sent", True)
    [(detail,)] = installation.query(
        "SELECT detail FROM broadcasts_deliveryevent e JOIN broadcasts_delivery d ON e.delivery_id = d.id "
        "WHERE d.address = 'blocked@example.com' AND e.type = 'bounced'"
    )
    assert "policy" in str(detail)
    assert installation.value(listed) == 2  # refused and later
