"""A broadcast that is sent in a browser and stopped, or not, with real processes; the receiver counts."""

import os
import signal
import socket

import pytest

from .browser import DRIVER
from .installation import Installation
from .test_live_pages import STAFF

pytestmark = [
    pytest.mark.story,
    pytest.mark.skipif(DRIVER is None, reason="needs Chromium and its driver"),
]

PREPARE = """
from broadcasts import checking
from broadcasts.models import *
Organization.objects.update(undo_seconds={seconds})
broadcast = Broadcast.objects.get()
warnings = [line.name for line in checking.check(broadcast) if line.level == checking.Level.WARNING]
checking.accept(broadcast, warnings, by=None)
print(broadcast.pk)
"""
END = "UPDATE broadcasts_broadcast SET due_from = created, undo_until = created"
WAITED = """
from datetime import timedelta
from broadcasts.models import *
sent = AuditEntry.objects.filter(act="send with undo").latest("id")
print(Broadcast.objects.get().started_at - sent.created >= timedelta(seconds=sent.detail["undo_seconds"]))
"""


@pytest.fixture
def site(installation):
    """The address of an installation that is up, with its workers and somebody who may sign in."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    installation.run("shell", "-v0", stdin=STAFF)
    installation.start("up", "--port", str(port), "--workers", "1", BASE_URL=f"http://localhost:{port}")
    installation.wait_for(lambda: socket.socket().connect_ex(("127.0.0.1", port)) == 0)
    return f"http://localhost:{port}/admin"


@pytest.fixture
def signed_in(site, chromium):
    chromium.forget_errors()
    chromium.open(f"{site}/login/")
    chromium.fill(username="you@club.example", password="swordfish-12345")
    chromium.click("[type=submit]")
    chromium.wait_for("document.querySelector('#user-tools')")
    return chromium


@pytest.fixture
def send(installation, seed, site, signed_in):
    """Send a broadcast to so many people from the step Send, with an undo window."""

    def press(people: int, seconds: int) -> str:
        seed(people)
        pk = installation.run("shell", "-v0", stdin=PREPARE.format(seconds=seconds)).split()[-1]
        signed_in.open(f"{site}/broadcasts/broadcast/{pk}/compose/send/")
        signed_in.press(f"Send now to {people}")
        return pk

    return press


def test_stopped_in_the_countdown_it_reaches_nobody(send, signed_in, installation: Installation, inbox):
    send(30, seconds=60)
    signed_in.wait_for_words("The first copies leave in", "Nothing has been sent yet")
    shown = "document.querySelector('[data-field=undo]').textContent"
    first = signed_in.value(shown)
    signed_in.wait_for(f"{shown} !== {first!r}")
    signed_in.press("Stop")
    signed_in.wait(lambda: "is a draft again, and nothing was sent" in signed_in.text(".messagelist"))
    assert signed_in.errors == []
    # The moment at which it would have begun passes.
    installation.run("shell", "-v0", stdin=f"from django.db import connection as c; c.cursor().execute({END!r})")
    beats = "SELECT beaten_at FROM broadcasts_heartbeat"
    before = installation.query(beats)
    installation.wait_for(lambda: installation.query(beats) != before)
    assert installation.query("SELECT status, started_at FROM broadcasts_broadcast") == [("DRAFT", None)]
    assert installation.value("SELECT COUNT(*) FROM broadcasts_delivery") == 0
    assert inbox.recipients == {}


def test_a_killed_web_worker_does_not_keep_it_from_beginning(send, installation: Installation, inbox):
    send(30, seconds=6)
    for found in installation.leftovers():
        if "broadcasts.web" in found:
            os.kill(int(found.split()[0]), signal.SIGKILL)
    installation.wait_for(lambda: installation.value("SELECT status FROM broadcasts_broadcast") == "SENT")
    assert inbox.recipients == {f"p{n}@example.com": 1 for n in range(30)}
    assert installation.run("shell", "-v0", stdin=WAITED).split()[-1] == "True"


def test_the_page_follows_it_from_the_countdown_to_its_end(send, signed_in, inbox):
    send(30, seconds=3)
    signed_in.wait_for("document.querySelector('[data-count=sent]')?.textContent === '30'")
    assert inbox.recipients.total() == 30
    assert signed_in.errors == []
