"""Imports of small files in chunks of two rows, without a queue."""

import csv

import pytest

from broadcasts import importing
from broadcasts.importing import job as job_module
from broadcasts.importing import slices

LINES = "".join(f"p{n}@example.com,{n}\n" for n in range(4)) + "bad,4\n" + "p5@example.com,5\np5@example.com,6\n"
CSV = f"mail,age\n{LINES}"


@pytest.fixture
def small(monkeypatch, settings, tmp_path):
    settings.DATA_DIR = tmp_path
    monkeypatch.setattr(job_module, "CHUNK", 2)


@pytest.fixture
def enqueued(monkeypatch):
    found = []
    for module in (slices, importing.lifecycle):
        monkeypatch.setattr(module, "enqueue", lambda *task: found.append(task))
    monkeypatch.setattr(slices, "queue_is_full", lambda: False)
    return found


@pytest.fixture
def begin(club, enqueued):
    def run(content=CSV, **options):
        return importing.begin(club, importing.store([content.encode()]), filename="people.csv", **options)

    return run


def go(job, times=1, seconds=60.0):
    for _ in range(times):
        importing.run_import(job.pk, seconds)
    job.refresh_from_db()
    return job


def counts(job):
    return job.rows, job.created_count, job.updated_count, job.unchanged_count, job.invalid_count


def refused(job):
    return list(csv.reader(b"".join(importing.refused_lines(job)).decode().splitlines()))[1:]
