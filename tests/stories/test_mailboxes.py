"""Two workers read one mailbox; one of them is killed amid, and each report counts once."""

import signal

import pytest

from tests.dovecot import BINARY, PASSWORD, Dovecot
from tests.smtp import certificate

pytestmark = [
    pytest.mark.story,
    pytest.mark.skipif(not BINARY, reason="needs Dovecot: apt-get install dovecot-imapd"),
]

REPORTS = 3000
SETUP = """
from broadcasts.models import *
club = Organization.objects.create(name="Club", slug="club")
mail = Channel.objects.create(organization=club, name="Mail", kind="email", from_address="a@club.example")
Mailbox.objects.create(channel=mail, name="Bounces", host="127.0.0.1", port={port}, username="u",
                       secrets={{"password": "{password}"}})
"""
# What a worker does, over and over: whatever is due of mailboxes.
POLL = """
import time
from broadcasts import fetching
from broadcasts.models import Mailbox
while True:
    fetching.read_mailbox(Mailbox.objects.get().pk)
    time.sleep(0.02)
"""


FREE = "from broadcasts.models import Mailbox; Mailbox.objects.update(lease_until=None)"  # as its end would, later
WINDOW = 1000


def test_no_report_is_lost_though_a_worker_is_killed_amid(installation, monkeypatch):
    monkeypatch.setitem(installation.env, "SSL_CERT_FILE", str(certificate()))
    with Dovecot() as server:
        server.put("INBOX", *(b"From: ann%d@example.com\r\n\r\nThank you.\r\n" % number for number in range(REPORTS)))
        installation.run("shell", "-c", SETUP.format(port=server.tls_port, password=PASSWORD))
        first = installation.start("shell", "-c", POLL)
        installation.wait_for(lambda: installation.value("SELECT taken FROM broadcasts_mailbox"))
        second = installation.start("shell", "-c", POLL)
        installation.wait_for(lambda: installation.value("SELECT taken FROM broadcasts_mailbox") >= 1000)
        first.send_signal(signal.SIGKILL)
        first.wait()
        assert 0 < server.mails() < REPORTS
        installation.run("shell", "-c", FREE)
        installation.wait_for(lambda: server.mails() == 0)
        assert second.poll() is None
        second.send_signal(signal.SIGKILL)
        second.wait()
    found = installation.query("SELECT body, count(*) FROM broadcasts_storedcall GROUP BY body")
    assert len(found) == REPORTS
    assert sum(n for _, n in found) <= REPORTS + WINDOW  # what was stored and not yet removed is stored again
