"""The bench of opens and clicks: what it has fetched, what it compares, and what it tells."""

from dataclasses import replace
from random import Random

import pytest
from django.test import Client

from broadcasts import tracking
from broadcasts.management.benchmarks import track
from broadcasts.management.benchmarks.caller import reading
from broadcasts.management.benchmarks.track import TrackRun, table
from broadcasts.models import Broadcast, Delivery, Hit, Link
from tests.make import make_broadcast, make_delivery

RUN = TrackRun(
    hits=17_000, taken_seconds=10.0, counted_seconds=8.5, caller_cpu_us=90.0, web_cpu_us=500.0, worker_cpu_us=200.0,
    median_ms=7.5, slow_ms=30.0, repeats=0, kills={}, lost=0, is_consistent=True,
)  # fmt: skip


@pytest.fixture
def broadcast(mail):
    broadcast = make_broadcast(mail, status=Broadcast.Status.SENT)
    for _ in range(12):
        make_delivery(broadcast)
    return broadcast


def fetch_all(readers, but: int = 0) -> None:
    """Fetch as the bench does, and judge at once; the last ones are left out."""
    Delivery.objects.update(sent_at="2026-01-01T00:00Z")
    for one in readers.requests[: len(readers.requests) - but]:
        head, *lines = one.decode().split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines if ": " in line and not line.startswith("Host"))
        assert Client().get(head.split()[1], headers=headers).status_code in (200, 302)
    Hit.objects.update(due_at="2026-01-01T00:00Z", at="2026-01-02T00:00Z")
    tracking.judge_due()


def test_everybody_opens_and_some_click_and_some_do_it_twice(broadcast):
    readers = track._readers(broadcast, 8000, Random(1))
    assert readers.opened == 12 and 0 < readers.clicked < 12 <= len(readers.requests) - readers.clicks
    assert Link.objects.count() == track.LINKS
    assert len(set(readers.requests)) < len(readers.requests)


def test_what_is_counted_agrees_with_what_was_fetched(broadcast):
    readers = track._readers(broadcast, 8000, Random(1))
    fetch_all(readers)
    assert track._is_consistent(broadcast, readers, repeated=0)


def test_a_hit_that_is_lost_is_noticed(broadcast):
    readers = track._readers(broadcast, 8000, Random(1))
    fetch_all(readers, but=1)
    assert not track._is_consistent(broadcast, readers, repeated=0)


def test_a_request_that_reads_has_no_body():
    assert reading("/o/x.gif", 80, {"Accept": "*/*"}) == (
        b"GET /o/x.gif HTTP/1.1\r\nHost: localhost:80\r\nAccept: */*\r\n\r\n"
    )


def test_the_figures_are_told_beside_the_targets():
    told = table(RUN)
    assert "2,000 aim" in told and "7.5 ok" in told and "none" in told
    killed = table(replace(RUN, kills={"web processes": 2}, web_cpu_us=None, lost=1, is_consistent=False))
    assert "2 web processes" in killed and "aim\n" in killed and "some" in killed
