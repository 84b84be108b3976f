"""Which errors mean that the database, or a disk, is out of order; made by real ones where that is easy."""

import errno
import sqlite3

import psycopg
import pytest
from django.db import DatabaseError, connection

from broadcasts import database
from broadcasts.database import BROKEN, BUSY, FULL, GONE, NO_ROOM, READ_ONLY, outage, waiting_at_most


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "one.sqlite3"
    with sqlite3.connect(path, timeout=0) as made:
        made.execute("CREATE TABLE t (x)")
    return path


def failure(act) -> BaseException:
    with pytest.raises(sqlite3.Error) as caught:
        act()
    return caught.value


def test_a_locked_file_is_busy(file):
    holder, other = sqlite3.connect(file), sqlite3.connect(file, timeout=0)
    holder.execute("BEGIN IMMEDIATE")
    assert outage(failure(lambda: other.execute("INSERT INTO t VALUES (1)"))) is BUSY


def test_a_full_disk_is_told_from_one_that_may_not_be_written(file):
    one = sqlite3.connect(file)
    one.execute("PRAGMA max_page_count=2")
    assert outage(failure(lambda: one.execute("INSERT INTO t VALUES (zeroblob(100000))"))) is FULL
    one.execute("PRAGMA query_only=1")
    assert outage(failure(lambda: one.execute("INSERT INTO t VALUES (1)"))) is READ_ONLY


def test_a_folder_that_is_gone_is_out_of_reach(tmp_path):
    assert outage(failure(lambda: sqlite3.connect(tmp_path / "no" / "file").execute("SELECT 1"))) is GONE


@pytest.mark.parametrize("sql", ["SELECT * FROM nothing", "INSERT INTO t VALUES (1, 2)"])
def test_a_mistake_of_ours_is_no_outage(file, sql):
    assert outage(failure(lambda: sqlite3.connect(file).execute(sql))) is None


@pytest.mark.parametrize(
    ("state", "found"),
    [
        ("53100", FULL), ("53300", GONE), ("57P03", GONE), ("57P01", GONE), ("55P03", BUSY), ("40P01", BUSY),
        ("25006", READ_ONLY), ("08006", GONE), ("58030", BROKEN), ("57014", None), ("23505", None), ("42601", None),
    ],
)  # fmt: skip
def test_postgresql_says_it_by_its_codes(state, found):
    assert outage(psycopg.errors.lookup(state)()) is found


def test_a_postgresql_that_is_not_there_is_out_of_reach():
    with pytest.raises(psycopg.OperationalError) as caught:
        psycopg.connect("postgres://127.0.0.1:2/none", connect_timeout=2)
    assert outage(caught.value) is GONE


def test_it_is_found_behind_the_error_that_django_makes_of_it():
    error = DatabaseError("disk I/O error")
    error.__cause__ = OSError(errno.ENOSPC, "No space left on device")
    assert outage(error) is NO_ROOM
    assert outage(ValueError()) is outage(None) is None


def test_waiting_for_a_lock_ends(club, db_lock):
    db_lock.begin()
    with pytest.raises(DatabaseError) as caught, waiting_at_most(0.05):
        club.save()
    assert outage(caught.value) is BUSY


@pytest.mark.django_db
def test_the_usual_patience_is_back_afterwards(club):
    setting = "SHOW lock_timeout" if connection.vendor == "postgresql" else "PRAGMA busy_timeout"
    with connection.cursor() as cursor:
        before = cursor.execute(setting).fetchone()
        with waiting_at_most(0.05):
            club.save()
        assert cursor.execute(setting).fetchone() == before


def test_every_outage_is_a_sentence():
    named = [one for one in vars(database).values() if isinstance(one, database.Outage)]
    assert all(one.sentence.endswith(".") for one in named)
