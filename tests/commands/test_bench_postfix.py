"""Measuring against a Postfix, and against mail servers that are far away."""

import json
import os
import shutil
import time
from dataclasses import replace
from pathlib import Path

import pytest
from django.core.management import CommandError

from broadcasts.management.benchmarks import distance, postfix, processes, sink
from broadcasts.management.benchmarks.figures import table
from broadcasts.transports import Receipt
from broadcasts.transports.email import Email

from ..transports.conftest import mails
from .test_bench import FIGURES

can_be_far = (
    os.geteuid() == 0
    and shutil.which("ip")
    and Path("/dev/net/tun").exists()
    and shutil.which("smtp-sink", path="/usr/sbin:/usr/bin")
)
needs_root = pytest.mark.skipif(not can_be_far, reason="needs root, the command ip, /dev/net/tun and smtp-sink")
needs_postfix = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("postfix", path="/usr/sbin"), reason="needs root and Postfix"
)


def test_it_is_compared_with_as_many_sessions_and_a_target_of_its_own():
    told = table([replace(FIGURES, source_rate=2_500, loop_rate=None, sessions=16)])
    lines = {line.strip().split("  ")[0]: line.split()[-4:] for line in told.splitlines()}
    assert lines["of smtp-source"] == ["2.00", "ok", "1.5", "3"]
    assert lines["connections of each"][-1] == "16"
    assert "Django loop" not in told


@pytest.mark.parametrize(
    ("run", "words"), [(postfix.postfix, "has to be started by root"), (lambda: distance.far_away(0.02), "and root")]
)
def test_what_only_root_can_do_is_refused_with_words(monkeypatch, run, words):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(CommandError, match=words), run():
        pass


@pytest.mark.story
@needs_root
def test_a_server_that_is_far_answers_after_a_round_trip(settings, tmp_path):
    settings.DATA_DIR = tmp_path
    with distance.far_away(0.1) as place, sink.sink(place) as taker:
        begun = time.monotonic()
        assert postfix.serving.answers(place.host, taker.port)
        assert time.monotonic() - begun >= 0.1


@pytest.mark.story
@needs_postfix
@pytest.mark.parametrize("in_flight", [1, 4])
def test_postfix_takes_what_is_sent_and_counts_it(in_flight):
    with postfix.postfix() as taker:
        account = {"host": taker.place.host, "port": taker.port, "security": "none", "in_flight": in_flight}
        with Email(account) as email:
            told = [outcome for _, outcome in email.send(mails(50))]
        assert sum(isinstance(outcome, Receipt) for outcome in told) == taker.received() == 50
        folder = taker.queue.parent
        assert processes.is_running(taker.pid)
    assert not folder.exists()
    assert not processes.is_running(taker.pid)


@pytest.mark.story
@needs_root
@needs_postfix
def test_a_whole_run_against_a_far_postfix(installation):
    given = ("--contacts=60", "--server=postfix", "--latency=5", "--in-flight=2", "--json")
    told = json.loads(installation.run("bench", "send", *given))
    [run] = told["runs"]
    assert told["machine"]["latency"] == 5
    assert run["sessions"] and run["source_rate"] and run["of_source"]
    assert run["loop_rate"] is None
