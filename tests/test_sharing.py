"""Rows that several threads insert by one statement."""

import threading
import time
from contextlib import suppress

import pytest
from django.db import IntegrityError, OperationalError, connection

from broadcasts.database import SharedInsert, Statement, sharing
from broadcasts.models import StoredCall

COLUMNS = ("channel_id", "attempts", "error", "method", "url", "headers", "body", "accounts", "things")


@pytest.fixture
def channel(transactional_db, mail):
    return mail


class Threads:
    """Threads that insert a row each while another one inserts, which ends once all of them wait."""

    def __init__(self, shared):
        self.shared, self.errors = shared, []

    def insert(self, *channels):
        threads = [threading.Thread(target=self.one, args=(channel,)) for channel in channels]
        with self.shared.inserting:
            for thread in threads:
                thread.start()
            while len(self.shared.waiting) < len(channels):
                time.sleep(0.001)
        for thread in threads:
            thread.join()

    def one(self, channel_id):
        try:
            self.shared.insert(**row(channel_id))
        except Exception as error:
            self.errors.append(error)
        finally:
            connection.close()


def row(channel_id):
    texts = {"error": "", "method": "POST", "url": "/", "headers": '{"a": "b"}', "accounts": "{}"}
    return {"channel_id": channel_id, "attempts": 0, "body": b"\0%s'\\", "things": 1, **texts}


@pytest.fixture
def statements(monkeypatch):
    """How many rows each statement had."""
    run, told = SharedInsert._run, []
    monkeypatch.setattr(SharedInsert, "_run", lambda self, rows: (told.append(len(rows)), run(self, rows)))
    return told


def test_a_row_is_stored_as_it_is_given(channel):
    SharedInsert(StoredCall, *COLUMNS).insert(**row(channel.pk))
    stored = StoredCall.objects.get()
    assert (stored.channel, bytes(stored.body), stored.headers) == (channel, b"\0%s'\\", {"a": "b"})
    assert stored.due_at and stored.left is None


def test_rows_that_wait_share_a_statement(channel, statements):
    threads = Threads(SharedInsert(StoredCall, *COLUMNS))
    threads.insert(*[channel.pk] * 3)
    assert (statements, threads.errors) == ([3], [])
    assert StoredCall.objects.filter(channel=channel, headers={"a": "b"}).count() == 3


def test_a_row_waits_for_others_only_after_rows_that_came_together(channel, monkeypatch):
    waits: list = []
    monkeypatch.setattr(sharing.time, "sleep", lambda seconds: waits.append(seconds))
    shared = SharedInsert(StoredCall, *COLUMNS)
    shared.insert(**row(channel.pk))
    shared.insert(**row(channel.pk))
    assert waits == []
    shared.is_crowded = True
    shared.insert(**row(channel.pk))
    shared.insert(**row(channel.pk))
    assert waits == [sharing.GATHER_SECONDS]


def test_more_rows_than_a_statement_takes_are_all_stored(channel, statements, monkeypatch):
    monkeypatch.setattr("broadcasts.database.sharing.MOST", 2)
    Threads(SharedInsert(StoredCall, *COLUMNS)).insert(*[channel.pk] * 5)
    assert sum(statements) == StoredCall.objects.count() == 5 and max(statements) == 2


def test_a_faulty_row_fails_alone(channel):
    threads = Threads(SharedInsert(StoredCall, *COLUMNS))
    threads.insert(channel.pk, 0, channel.pk)
    assert StoredCall.objects.count() == 2
    assert [type(error) for error in threads.errors] == [IntegrityError]


def test_an_outage_is_told_to_all_and_tried_once(channel, statements, monkeypatch):
    monkeypatch.setattr("broadcasts.database.sharing.outage", lambda error: True)
    threads = Threads(SharedInsert(StoredCall, *COLUMNS))
    threads.insert(channel.pk, 0, channel.pk)
    assert (statements, len(threads.errors)) == ([3], 3)
    assert not StoredCall.objects.exists()


def test_what_was_not_inserted_when_the_process_is_told_to_stop_is_not_called_stored(channel, monkeypatch):
    shared = SharedInsert(StoredCall, *COLUMNS)

    def run(rows):
        raise SystemExit if len(rows) == 1 else IntegrityError

    monkeypatch.setattr(shared, "_run", run)
    first, second = (sharing.SharedRow([]) for _ in range(2))
    shared.waiting = [first, second]
    with pytest.raises(SystemExit):
        shared._insert_next()
    assert all(isinstance(row.error, OperationalError) for row in (first, second))


@pytest.mark.parametrize(("is_usable", "stored"), [(False, 1), (True, 0)])
def test_a_statement_is_run_again_where_the_connection_had_broken(channel, monkeypatch, is_usable, stored):
    run, runs = Statement.run, []

    def fails_once(self, **values):
        runs.append(self)
        if len(runs) == 1:
            raise OperationalError("server closed the connection unexpectedly")
        return run(self, **values)

    monkeypatch.setattr(Statement, "run", fails_once)
    monkeypatch.setattr(connection, "health_check_enabled", True)
    monkeypatch.setattr(connection, "health_check_done", False)
    monkeypatch.setattr(connection, "is_usable", lambda: is_usable)
    with suppress(OperationalError):
        SharedInsert(StoredCall, *COLUMNS).insert(**row(channel.pk))
    assert StoredCall.objects.count() == stored
