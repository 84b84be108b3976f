"""Requests of a token are counted over all processes; each has its own purse here, as processes have."""

import threading

import pytest
from django.core.cache import cache
from django.db import DatabaseError, connection

from broadcasts import throttling
from broadcasts.models import Allowance
from broadcasts.throttling import Allowances
from tests.make import make_member

from .conftest import URL, client_of

HOUR, LIMIT = 500_000, 100


def granted(process: Allowances, hour: int = HOUR, n: int = 2 * LIMIT) -> int:
    return sum(process.take("token:1", hour, LIMIT) for _ in range(n))


def test_a_token_that_asks_too_much_waits(viewer, settings):
    settings.API_THROTTLE_PER_HOUR = 2
    client, other = client_of(viewer), client_of(make_member(viewer.organization, "viewer"))
    assert [client.get(URL).status_code for _ in range(3)] == [200, 200, 429]
    assert 0 < int(client.get(URL)["Retry-After"]) <= 3600
    assert other.get(URL).status_code == 200


def test_a_cache_that_forgets_does_not_set_the_count_back(viewer, settings):
    settings.API_THROTTLE_PER_HOUR, settings.REDIS_URL = 2, "redis://localhost:6379/0"
    client = client_of(viewer)
    assert [client.get(URL).status_code for _ in range(2)] == [200, 200]
    cache.clear()
    assert client.get(URL).status_code == 429


@pytest.mark.django_db
def test_one_process_grants_all_of_an_hour_and_no_more():
    process = Allowances()
    assert granted(process) == LIMIT
    assert granted(process, HOUR + 1) == LIMIT
    assert Allowance.objects.get().granted == LIMIT


@pytest.mark.django_db
def test_two_processes_grant_no_more_together_and_nearly_all():
    first, second = Allowances(), Allowances()
    assert first.take("token:1", HOUR, LIMIT)
    total = 1 + granted(second)
    assert total >= LIMIT - LIMIT // throttling.SHARE - 1
    assert total + granted(first) == LIMIT


@pytest.mark.django_db
def test_a_used_up_hour_asks_the_database_no_more(django_assert_num_queries):
    process = Allowances()
    granted(process)
    with django_assert_num_queries(0):
        assert granted(process) == 0


def test_requests_at_once_are_granted_no_more(transactional_db, monkeypatch):
    monkeypatch.setattr(throttling, "LOCK_SECONDS", 30)
    processes, taken, let_through = [Allowances() for _ in range(2)], [], []

    def ask(process: Allowances) -> None:
        for _ in range(LIMIT):
            try:
                taken.append(process.take("token:1", HOUR, LIMIT))
            except DatabaseError:
                let_through.append(1)
        connection.close()

    threads = [threading.Thread(target=ask, args=(process,)) for process in processes for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert let_through == []
    assert LIMIT * 0.8 < sum(taken) <= LIMIT


def test_a_count_that_cannot_be_reached_lets_through_and_is_logged_once(viewer, settings, monkeypatch, caplog):
    def fail(*args, **kwargs):
        raise DatabaseError("gone")

    settings.API_THROTTLE_PER_HOUR = 1
    client = client_of(viewer)
    monkeypatch.setattr(Allowance, "take", fail)
    monkeypatch.setattr(throttling, "complaints", throttling.Complaints())
    assert [client.get(URL).status_code for _ in range(3)] == [200] * 3
    assert [record.message for record in caplog.records if "uncounted" in record.message] == [
        "Requests are let through uncounted, since the throttle cannot count: gone"
    ]


def test_the_throttle_is_off_with_0(viewer, settings):
    settings.API_THROTTLE_PER_HOUR = 0
    client = client_of(viewer)
    assert {client.get(URL).status_code for _ in range(5)} == {200}
