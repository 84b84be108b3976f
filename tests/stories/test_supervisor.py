"""What the supervisor does when its cluster, or it itself, is killed."""

import os
import signal

import pytest

pytestmark = pytest.mark.story


def leader(processes: set[int]) -> int:
    return next(pid for pid in processes if os.getpgid(pid) == pid)


def test_a_killed_cluster_is_replaced_whole_and_that_of_a_killed_supervisor_ends(installation):
    def cluster() -> set[int]:
        return {int(found.split()[0]) for found in installation.leftovers() if "qcluster" in found}

    installation.start("work")
    installation.wait_for(lambda: installation.value("SELECT COUNT(*) FROM broadcasts_heartbeat"))
    before = cluster()
    os.kill(leader(before), signal.SIGKILL)
    installation.wait_for(lambda: len(cluster()) == len(before) and not cluster() & before)
    installation.processes[0].kill()
    installation.processes[0].wait()
    installation.wait_for(lambda: not cluster())
