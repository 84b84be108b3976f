"""What the supervisor does when its cluster, or it itself, is killed."""

import os
import signal

import pytest

pytestmark = pytest.mark.story


@pytest.fixture
def cluster(installation):
    """The processes of the installation's cluster that live now, once it beats."""
    installation.start("work")
    installation.wait_for(lambda: installation.value("SELECT COUNT(*) FROM broadcasts_heartbeat"))
    return lambda: {int(found.split()[0]) for found in installation.leftovers() if "qcluster" in found}


def leader(processes: set[int]) -> int:
    return next(pid for pid in processes if os.getpgid(pid) == pid)


def test_a_cluster_whose_main_process_was_killed_is_replaced_whole(installation, cluster):
    before = cluster()
    os.kill(leader(before), signal.SIGKILL)
    installation.wait_for(lambda: len(cluster()) == len(before) and not cluster() & before)


def test_a_supervisor_that_was_killed_leaves_nothing(installation, cluster):
    before = cluster()
    installation.processes[0].kill()
    installation.processes[0].wait()
    installation.wait_for(lambda: not cluster())
    assert before
