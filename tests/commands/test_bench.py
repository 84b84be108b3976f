"""Measuring: the arithmetic, what is refused, and one whole run at a small size."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from broadcasts.management.benchmarks import content, people, processes, sink
from broadcasts.management.benchmarks.figures import Figures, Target, cost_ratios, medians, table
from broadcasts.models import Contact
from tests.stories.installation import ROOT

FIGURES = Figures(
    contacts=10_000, message_bytes=5_000, seconds=2, first_seconds=0.2, expand_seconds=0.5, source_rate=10_000,
    loop_rate=500, cpu_seconds=1.5, progress_ms=1, peaks=[60_000_000, 50_000_000],
)  # fmt: skip

try:
    sink.tool("smtp-sink")
    missing = ""
except CommandError as error:
    missing = str(error)


def test_rates_and_ratios_follow_from_what_was_measured():
    assert (FIGURES.rate, FIGURES.of_source, FIGURES.of_loop) == (5_000, 0.5, 10)
    assert (FIGURES.cpu_us, FIGURES.thousand_seconds) == (pytest.approx(150), 0.2)


def test_medians_are_taken_of_each_thing_by_itself_and_memory_is_the_most():
    runs = [
        replace(FIGURES, seconds=1, cpu_seconds=3),
        replace(FIGURES, seconds=9, cpu_seconds=1, peaks=[90_000_000]),
        replace(FIGURES, seconds=2, cpu_seconds=2),
    ]
    assert medians(runs) == replace(FIGURES, seconds=2, cpu_seconds=2, peaks=[90_000_000])


def test_sizes_are_compared_by_the_cost_of_a_message():
    sizes = [FIGURES, replace(FIGURES, contacts=100_000, seconds=25)]
    assert cost_ratios(sizes) == [(100_000, 10_000, 1.25)]
    told = table(sizes)
    assert "cost per message at 100,000 / at 10,000: 1.25" in told
    assert "peak memory of each worker, MB" in told and "60 50" in told


def test_each_figure_says_how_far_its_target_was_reached():
    lines = {line.split("  ")[0]: line for line in table([FIGURES]).splitlines()}
    assert lines["of smtp-source"].split()[-4:] == ["0.50", "no", "0.65", "0.9"]
    assert lines["peak memory of each worker, MB"].split()[-4:] == ["50", "aim", "80", "65"]


def test_the_processor_time_of_all_who_took_part_is_told_for_a_message():
    told = table([replace(FIGURES, source_cpu_us=120, database_cpu_seconds=0.5, sink_cpu_seconds=0.2)])
    lines = {line.strip().split("  ")[0]: line.split()[-4:] for line in told.splitlines()}
    assert lines["workers, of smtp-source"] == ["1.25", "ok", "1.5", "1"]
    assert lines["PostgreSQL"] == ["50", "ok", "70", "45"]
    assert lines["smtp-sink"][-1] == "20"


def test_a_run_beside_other_work_is_not_called_valid():
    assert "NOT VALID" not in table([replace(FIGURES, others_share=0.1)])
    assert "NOT VALID" in table([replace(FIGURES, others_share=0.11)])


def test_the_time_of_others_is_what_the_cores_were_busy_with_beside_us(monkeypatch):
    monkeypatch.setattr(processes.os, "cpu_count", lambda: 2)
    begun, ended = processes.MachineLoad(seconds=100, at=0, ours=10), processes.MachineLoad(seconds=108, at=10, ours=14)
    assert ended.others_since(begun) == pytest.approx(0.2)


def test_the_target_of_an_expansion_speaks_of_a_million():
    assert Target(15, 8).mark(9) == "ok"
    assert " aim " not in next(line for line in table([FIGURES]).splitlines() if "expand" in line)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "WHAT"),
        (["send", "--contacts", "0"], "not a number of at least 1"),
        (["send", "--sizes", "1000,many"], "“many” is not a number"),
        (["send", "--sizes", "10", "--contacts", "10"], "not allowed with"),
    ],
)
def test_arguments_that_mean_nothing_are_refused(arguments, words):
    with pytest.raises(CommandError, match=words):
        call_command("bench", *arguments)


def test_a_missing_receiver_is_told_with_how_to_install_it(monkeypatch, db):
    monkeypatch.setattr(sink.shutil, "which", lambda name, path=None: None)
    with pytest.raises(CommandError, match=r"smtp-sink is missing; .* apt install postfix"):
        call_command("bench", "send")


def test_the_people_are_loaded_as_contacts_are_saved(club):
    people.load(club, 200)
    assert Contact.objects.count() == 202
    assert Contact.objects.filter(attributes__plan=people.LEFT).count() == 2
    assert set(club.attributes.values_list("key", "type")) == {
        ("plan", "text"), ("city", "text"), ("visits", "number"), ("member", "number"),
    }  # fmt: skip
    one = Contact.objects.get(external_id="bench-7")
    before = Contact.objects.filter(pk=one.pk).values().get()
    one.full_clean()
    one.save()
    assert before | {"modified": one.modified} == Contact.objects.filter(pk=one.pk).values().get()


def test_both_languages_hold_text_and_html_with_the_personal_link():
    for translation in content.translations().values():
        assert "{{ unsubscribe_url }}" in translation["text"]
        assert "{{ unsubscribe_url }}" in translation["html"]
        assert "{{ contact.first_name }}" in translation["subject"]


def test_processes_below_one_are_found_with_what_they_used():
    child = subprocess.Popen([sys.executable, "-c", "sum(range(5_000_000)); input()"], stdin=subprocess.PIPE)
    try:
        assert child.pid in processes.below(os.getpid())
        deadline = time.monotonic() + 30
        while processes.cpu_seconds([child.pid]) == 0 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert processes.cpu_seconds([child.pid]) > 0
        assert processes.peaks([child.pid])[child.pid] > 1_000_000
    finally:
        child.communicate(b"\n")
    assert processes.peaks([child.pid]) == {}


@pytest.mark.story
@pytest.mark.skipif(bool(missing), reason=missing)
def test_a_run_reports_its_figures_and_leaves_nothing(installation):
    printed = installation.run("bench", "send", "--sizes", "200", "--json")
    document = json.loads(printed[printed.index("{\n") :])
    [figures] = document["medians"]
    assert figures["contacts"] == 200
    assert all(figures[name] > 0 for name in ("rate", "of_source", "of_loop", "cpu_us", "progress_ms"))
    assert figures["peaks"] and 4_000 < figures["message_bytes"] < 6_500
    left_nothing(installation)


@pytest.mark.story
@pytest.mark.skipif(bool(missing), reason=missing)
def test_an_interrupted_run_leaves_nothing(installation):
    process = subprocess.Popen(
        [sys.executable, "manage.py", "bench", "send", "--contacts", "500"],
        cwd=ROOT, env=installation.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    installation.wait_for(lambda: any("smtp-sink" in line for line in bench_processes(installation)))
    process.send_signal(signal.SIGINT)
    assert process.wait(90) == 130
    left_nothing(installation)


def left_nothing(installation) -> None:
    installation.wait_for(lambda: not bench_processes(installation))
    assert not list(installation.room.glob("bench_*"))
    assert installation.value("SELECT COUNT(*) FROM broadcasts_contact") == 0
    if installation.server.startswith("postgres"):
        # A run of another test may be under way beside this one; it ends, too.
        installation.wait_for(
            lambda: not installation.query("SELECT 1 FROM pg_database WHERE starts_with(datname, 'bench_')")
        )


def bench_processes(installation) -> list[str]:
    """Processes that work in a room of this installation."""
    mark = f"BROADCASTS_BENCH_ROOM={installation.room}/".encode()
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (path / "environ").read_bytes():
                found.append((path / "cmdline").read_text())
        except OSError:
            pass
    return found
