"""Real clusters, a real SMTP server, and what becomes of a broadcast when things die."""

import os
import signal

import pytest

pytestmark = pytest.mark.story

STATUS = "SELECT status FROM broadcasts_broadcast"
LOG = "SELECT status, COUNT(*) FROM broadcasts_delivery GROUP BY status"


@pytest.fixture
def finished(installation):
    return lambda: installation.value(STATUS) == "SENT"


def test_a_killed_worker_loses_nobody_and_repeats_nobody(installation, inbox, seed, finished):
    inbox.pause = 0.1  # so that much is left on a slow machine too
    seed(300, send=True)
    installation.start("work")
    installation.wait_for(lambda: len(inbox.recipients) > 50)
    owner = installation.wait_for(
        lambda: installation.value("SELECT owner FROM broadcasts_batch WHERE state = 'leased'")
    )
    os.kill(int(owner.rpartition(":")[2]), signal.SIGKILL)
    inbox.pause = 0.0
    installation.wait_for(finished, 120)
    log = dict(installation.query(LOG))
    assert max(inbox.recipients.values()) == 1
    assert log.get("sent", 0) + log.get("unknown", 0) == 300
    assert log.get("unknown", 0) <= 100
    sent = {row[0] for row in installation.query("SELECT address FROM broadcasts_delivery WHERE status = 'sent'")}
    assert sent <= set(inbox.recipients)


def test_a_stopped_and_restarted_installation_sends_everything_and_leaves_no_process(
    installation, inbox, seed, finished
):
    inbox.pause = 0.01
    uuid = seed(300)
    first = installation.start("work")
    installation.run("send_broadcast", uuid)
    installation.wait_for(lambda: len(inbox.recipients) > 20)
    first.send_signal(signal.SIGTERM)
    first.wait(60)
    installation.wait_for(lambda: not installation.leftovers())
    installation.start("work")
    installation.wait_for(finished, 120)
    assert dict(installation.query(LOG)) == {"sent": 300}
    assert inbox.recipients == {f"p{n}@example.com": 1 for n in range(300)}
