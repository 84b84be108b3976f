"""Several hosts, each a cluster of its own with nothing in common but the database, the queue and the keys."""

import os
import signal
from pathlib import Path

import pytest

pytestmark = pytest.mark.story

STATUS = "SELECT status FROM broadcasts_broadcast"
LOG = "SELECT status, COUNT(*) FROM broadcasts_delivery GROUP BY status"
AT_WORK = "SELECT owner FROM broadcasts_batch WHERE state = 'leased' ORDER BY id"
SENDERS = "SELECT DISTINCT owner FROM broadcasts_batch WHERE sent > 0"
SENT = "SELECT address FROM broadcasts_delivery WHERE status = 'sent'"

# Python imports a module of this name when it starts.
NAMED = "import os, socket\nsocket.gethostname = lambda: os.environ.get('HOST_OF_STORY', 'here')\n"


class Host:
    """A host by its name; on SQLite, whose database is a file in DATA_DIR, hosts are two supervisors of one folder."""

    def __init__(self, installation, name: str) -> None:
        self.installation = installation
        self.mark = f"HOST_OF_STORY={name}.{installation.name}"
        self.name = self.mark.partition("=")[2]
        self.room = installation.room / name
        self.room.mkdir()

    def start(self) -> None:
        own = {"DATA_DIR": str(self.room)} if "DATABASE_URL" in self.installation.env else {}
        self.installation.start("work", HOST_OF_STORY=self.name, **own)

    def kill(self) -> None:
        """End all its processes at once, as a power cut would."""
        for process in self.installation.leftovers(self.mark):
            os.kill(int(process.split()[0]), signal.SIGKILL)


@pytest.fixture
def hosts(installation, tmp_path_factory):
    folder = tmp_path_factory.mktemp("named")
    Path(folder, "sitecustomize.py").write_text(NAMED)
    installation.env |= {
        "PYTHONPATH": str(folder), "BATCH_SIZE": "20", "PUMPS": "1",
        "SECRET_KEY": "s" * 50, "LINK_KEY": "l" * 50, "ENCRYPTION_KEYS": "e" * 50,
    }  # fmt: skip
    made = [Host(installation, name) for name in ("ash", "birch")]
    for host in made:
        host.start()
    return made


def assert_accounted_for(installation, inbox, people: int, unknown: int) -> None:
    log = dict(installation.query(LOG))
    assert max(inbox.recipients.values()) == 1
    assert log.get("sent", 0) + log.get("unknown", 0) == people
    assert log.get("unknown", 0) <= unknown
    sent = {row[0] for row in installation.query(SENT)}
    assert sent <= set(inbox.recipients)
    assert len(inbox.recipients) <= people


def test_two_hosts_share_a_broadcast_and_one_takes_over_when_the_other_dies(installation, inbox, seed, hosts):
    def owners(sql: str) -> set[str]:
        return {owner.rpartition(":")[0] for (owner,) in installation.query(sql)}

    both = {host.name for host in hosts}
    inbox.is_shut = True  # until both are at work, however long one takes to begin
    seed(400, send=True)
    installation.wait_for(lambda: owners(AT_WORK) == both)
    inbox.pause, inbox.is_shut = 0.1, False
    installation.wait_for(lambda: owners(SENDERS) == both)
    inbox.is_shut = True
    installation.wait_for(lambda: hosts[0].name in owners(AT_WORK))
    hosts[0].kill()
    inbox.pause, inbox.is_shut = 0, False
    installation.wait_for(lambda: installation.value(STATUS) == "SENT")
    assert_accounted_for(installation, inbox, 400, unknown=100)


def test_a_worker_frozen_for_longer_than_its_lease_writes_nothing_when_it_wakes(installation, inbox, seed):
    installation.start("work")
    inbox.is_shut = True
    seed(60, send=True)
    installation.wait_for(lambda: inbox.recipients)
    pid = int(str(installation.value(AT_WORK)).rpartition(":")[2])
    os.kill(pid, signal.SIGSTOP)
    try:
        inbox.is_shut = False
        installation.wait_for(lambda: installation.value(STATUS) == "SENT")
        log, received = installation.query(LOG), sum(inbox.recipients.values())
    finally:
        os.kill(pid, signal.SIGCONT)
    installation.wait_for(lambda: "Stopped: " in (installation.room / "work.log").read_text())
    assert installation.query(LOG) == log
    assert sum(inbox.recipients.values()) == received
    assert_accounted_for(installation, inbox, 60, unknown=100)


@pytest.mark.skipif("not os.environ.get('DATABASE_URL', '').startswith('postgres')", reason="a file has no connections")
def test_a_database_that_drops_all_its_connections_loses_nobody(installation, inbox, seed):
    inbox.pause = 0.01
    installation.start("work")
    seed(300, send=True)
    for received in (20, 100, 200):
        installation.wait_for(lambda received=received: len(inbox.recipients) > received)
        installation.query(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    installation.wait_for(lambda: installation.value(STATUS) == "SENT")
    assert dict(installation.query(LOG)) == {"sent": 300}
    assert inbox.recipients == {f"p{n}@example.com": 1 for n in range(300)}
