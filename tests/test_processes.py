"""The supervisor by its parts; what it does with a real cluster is in the stories."""

import os
import signal
import sys
import time
from datetime import timedelta
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.conf import settings
from django.db.models.functions import Now
from django.test import override_settings
from django.utils import timezone

from broadcasts import health, queue, tasks
from broadcasts.models import Broadcast, Heartbeat
from broadcasts.processes import Child, Supervisor, children, heartbeat, supervisor
from broadcasts.processes.children import MARK, STEADY_SECONDS, end_leftovers, marked, registered
from broadcasts.processes.heartbeat import HeartbeatMonitor
from tests.make import make_broadcast

# A leader with one follower; both live until they are ended.
FAMILY = "import subprocess, sys; subprocess.Popen(['sleep', '600']); print('up', flush=True); sys.stdin.close(); "
GENTLE = [sys.executable, "-c", FAMILY + "import time; time.sleep(600)"]
STUBBORN = [sys.executable, "-c", "import signal; signal.signal(15, signal.SIG_IGN); " + FAMILY + "signal.pause()"]
BRIEF = [sys.executable, "-c", "pass"]


@pytest.fixture
def own_folder(settings, tmp_path):
    settings.DATA_DIR = tmp_path
    return tmp_path


@pytest.fixture
def family(tmp_path):
    """Start a command under a mark of its own, and wait until all of it runs."""
    started = []

    def start(command) -> tuple[Child, str]:
        mark = f"test-{os.getpid()}-{len(started)}"
        child = Child("family", command, {MARK: mark})
        child.output = (tmp_path / f"{mark}.log").open("w")
        child.start()
        started.append((child, mark))
        wait_for(lambda: (tmp_path / f"{mark}.log").read_text() == "up\n")
        return child, mark

    yield start
    for child, mark in started:
        child.kill()
        end_leftovers(mark, seconds=0)


def wait_for(condition) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    path = Path(f"/proc/{pid}/stat")
    return path.exists() and path.read_text().rpartition(")")[2].split()[0] != "Z"


def test_ending_a_child_ends_all_that_it_started(family):
    child, mark = family(STUBBORN)
    assert len(marked(mark)) == 2
    child.kill()
    wait_for(lambda: not marked(mark))
    assert not child.is_running


def test_only_the_main_process_is_asked_to_stop(family):
    child, mark = family(GENTLE)
    child.ask_to_stop()
    assert child.wait(30)
    assert len(marked(mark)) == 1


def test_what_a_dead_leader_left_is_ended_before_it_is_started_again(family):
    child, mark = family(GENTLE)
    os.kill(child.process.pid, signal.SIGKILL)
    child.process.wait()
    child.watch()
    wait_for(lambda: not marked(mark))
    child.watch()
    assert not child.is_running  # not at once
    child.start_at = 0
    child.watch()
    assert child.is_running


def test_a_child_that_keeps_dying_waits_longer_each_time(caplog):
    child = Child("brief", BRIEF)
    for _ in range(8):
        child.start_at = 0
        child.watch()
        child.process.wait()
        child.watch()
    assert [record.args[-1] for record in caplog.records] == [1, 2, 4, 8, 16, 30, 30, 30]


def test_a_child_that_ran_steadily_is_not_held_to_earlier_deaths():
    child = Child("brief", BRIEF)
    child.deaths = 5
    child.watch()
    child.process.wait()
    child.started_at -= STEADY_SECONDS
    child.watch()
    assert child.deaths == 1


def test_a_child_hears_when_its_supervisor_is_gone(tmp_path):
    script = (
        "import django; django.setup()\n"
        "from broadcasts.processes import Child\n"
        "import os, sys\n"
        "child = Child('x', ['sleep', '600']); child.start(); print(child.process.pid, flush=True); os._exit(0)"
    )
    parent = Child("parent", [sys.executable, "-c", script], {"DJANGO_SETTINGS_MODULE": "config.settings"})
    parent.output = (tmp_path / "pid").open("w")
    parent.start()
    parent.process.wait()
    pid = int((tmp_path / "pid").read_text())
    wait_for(lambda: not is_alive(pid))


def test_a_new_supervisor_ends_what_a_killed_one_left(own_folder, family):
    _, mark = family(STUBBORN)
    children_of_killed = own_folder / "run" / f"{mark}.lock"
    children_of_killed.parent.mkdir()
    children_of_killed.touch()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(children.end_leftovers, "__defaults__", (0.2,))
        with registered():
            assert not children_of_killed.exists()
    wait_for(lambda: not marked(mark))


def test_a_supervisor_that_lives_is_left_alone(own_folder, family):
    with registered() as first:
        _, mark = family(GENTLE)
        with registered() as second:
            assert first.stem != second.stem
            assert first.with_suffix(".lock").exists()
        assert len(marked(mark)) == 2
    assert list((own_folder / "run").iterdir()) == []


def test_workers_end_once_the_file_is_there(tmp_path, monkeypatch):
    assert not queue.is_told_to_stop()
    monkeypatch.setenv(queue.STOP_FILE, str(tmp_path / "stop"))
    assert not queue.is_told_to_stop()
    (tmp_path / "stop").touch()
    assert queue.is_told_to_stop()


@pytest.fixture
def beats(monkeypatch):
    """Beats that were asked for; each time the heartbeat is checked, another is due."""
    asked = []
    monkeypatch.setattr(heartbeat, "async_task", lambda *args: asked.append(args))
    clock = count(step=3600.0)
    monkeypatch.setattr(heartbeat, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    return asked


def run_beat(host: str = settings.HOST_NAME) -> None:
    """Do what the task does on a host that runs it."""
    with override_settings(HOST_NAME=host):
        tasks.beat(health.CLUSTER, timezone.now().isoformat())


ALONE = health.STALE_SECONDS // heartbeat.BEAT_SECONDS  # so many beats may be missed
SHARED = health.STALE_SECONDS // heartbeat.SHARED_BEAT_SECONDS


def test_a_queue_that_answers_is_never_lost(db, beats):
    monitor = HeartbeatMonitor()
    for _ in range(3 * ALONE):
        monitor.check()
        run_beat()
    assert not monitor.is_lost
    assert beats[-1][:2] == ("broadcasts.tasks.beat", health.CLUSTER)


def test_a_queue_that_answers_nothing_is_lost_after_as_many_beats(db, beats):
    monitor = HeartbeatMonitor()
    for _ in range(ALONE):
        monitor.check()
        assert not monitor.is_lost
    monitor.check()
    assert monitor.is_lost


def test_a_beat_is_written_by_the_host_that_runs_it(db):
    run_beat()
    run_beat("elsewhere")
    run_beat("elsewhere")
    assert set(Heartbeat.objects.values_list("name", "host")) == {
        (health.CLUSTER, settings.HOST_NAME),
        (health.CLUSTER, "elsewhere"),
    }


def test_a_host_that_runs_no_beat_while_others_do_is_lost(db, beats):
    monitor = HeartbeatMonitor()
    run_beat("elsewhere")
    for _ in range(SHARED):
        monitor.check()
        run_beat("elsewhere")
        assert not monitor.is_lost
    monitor.check()
    assert monitor.is_lost


def test_a_host_that_runs_a_beat_now_and_then_is_not_lost(db, beats):
    monitor = HeartbeatMonitor()
    run_beat("elsewhere")
    for _ in range(3):
        for _ in range(SHARED):
            monitor.check()
            run_beat("elsewhere")
        run_beat()
    monitor.check()
    assert not monitor.is_lost


def test_a_host_that_was_killed_leaves_the_others_at_their_usual_pace(db, beats):
    run_beat("elsewhere")
    Heartbeat.objects.update(beaten_at=timezone.now() - timedelta(minutes=5))
    monitor = HeartbeatMonitor()
    monitor.check()
    assert monitor.unanswered == heartbeat.BEAT_SECONDS


def test_beats_that_could_not_be_asked_for_blame_nobody(db, monkeypatch):
    def refuse(*args):
        raise ConnectionError("no broker")

    monkeypatch.setattr(heartbeat, "async_task", refuse)
    monitor = HeartbeatMonitor()
    for _ in range(3 * ALONE):
        with pytest.raises(ConnectionError):
            monitor.check()
    assert not monitor.is_lost


@pytest.fixture
def quiet(monkeypatch, own_folder):
    """Supervisors that have no rows to look after."""
    monkeypatch.setattr(supervisor, "guarded", lambda step: step() if step.__name__ == "watch" else None)


def test_a_supervisor_runs_its_children_and_leaves_none(quiet, own_folder):
    asleep = Child("sleeper", ["sleep", "600"])
    running = []

    def once_up() -> bool:
        running.append(asleep.is_running)
        return asleep.is_running

    Supervisor(asleep).run(once_up)
    assert running[-1]
    assert asleep.process is None


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_a_supervisor_and_its_children(quiet, number):
    asleep = Child("sleeper", ["sleep", "600"])
    before = signal.getsignal(number)
    Supervisor(asleep).run(lambda: os.kill(os.getpid(), number) if asleep.is_running else None)
    assert asleep.process is None
    assert signal.getsignal(number) == before


def test_a_second_signal_waits_for_nobody(quiet):
    stubborn = Child("stubborn", STUBBORN)
    watcher = Supervisor(stubborn)
    watcher.on_signal(signal.SIGINT, None)
    watcher.on_signal(signal.SIGINT, None)
    stubborn.start()
    watcher.stop()
    assert stubborn.process is None


def test_a_round_that_fails_is_logged_and_the_next_one_comes(db, monkeypatch, caplog, own_folder):
    rounds = []

    def fail() -> None:
        rounds.append(1)
        raise RuntimeError("database is gone")

    monkeypatch.setattr(tasks, "ROUND", (fail,))
    monkeypatch.setattr(supervisor, "ROUND_SECONDS", 0)
    monkeypatch.setattr(supervisor, "connection", type("Connection", (), {"close": staticmethod(lambda: None)}))
    Supervisor(Child("sleeper", ["sleep", "600"])).run(lambda: len(rounds) >= 2)
    assert "database is gone" in caplog.text


def test_a_step_of_a_round_that_fails_holds_up_no_other(db, beats, monkeypatch):
    done = []
    monkeypatch.setattr(tasks, "ROUND", (lambda: 1 / 0, lambda: done.append(1)))
    monkeypatch.setattr(supervisor, "connection", SimpleNamespace(close=lambda: None))
    Supervisor(Child("sleeper", ["sleep", "600"])).round()
    assert done == [1]


@pytest.mark.parametrize(
    ("seconds", "status", "pause"),
    [(0.4, "SCHEDULED", 0.4), (30, "SCHEDULED", 1), (-30, "SCHEDULED", 1), (0.4, "DRAFT", 1), (0.4, "CANCELLED", 1)],
)
def test_the_next_round_comes_when_a_broadcast_is_due(mail, beats, monkeypatch, seconds, status, pause):
    monkeypatch.setattr(tasks, "ROUND", ())
    later = timezone.now() + timedelta(days=1)
    broadcast = make_broadcast(mail, status=status, scheduled_at=later, due_from=later)
    watcher = Supervisor(Child("sleeper", ["sleep", "600"]))
    monkeypatch.setattr(watcher, "children", [])
    Broadcast.objects.filter(pk=broadcast.pk).update(due_from=Now() + timedelta(seconds=seconds))
    begun = time.monotonic()
    watcher.round()
    assert begun < watcher.next_round and abs(watcher.next_round - begun - pause) < 0.3


def test_a_cluster_that_does_nothing_is_ended(db, beats, family):
    child, _ = family(GENTLE)
    watcher = Supervisor(child)
    for _ in range(ALONE + 1):
        assert child.is_running
        watcher.check_heartbeat()
    assert child.process.wait(30) == -signal.SIGKILL
