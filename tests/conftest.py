"""The standard cast: a club with its members, and a stranger from elsewhere."""

import gc
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import suppress
from fcntl import LOCK_EX, LOCK_NB, LOCK_SH, flock
from ipaddress import ip_network
from typing import Any

import psycopg
import pytest
from django.apps import apps
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.db.transaction import atomic
from django.test import TransactionTestCase, override_settings

from broadcasts import gauging, health, noting, tracking
from broadcasts.models import Channel, Organization, Role
from broadcasts.public.files import known_file
from broadcasts.receiving import called
from broadcasts.throttling import allowances
from broadcasts.transports.email import Email

from .make import make_member
from .recorder import Recorder
from .stories.installation import Installation

sys.dont_write_bytecode = False  # or all tests are compiled anew in every process, for a quarter of a minute


def pytest_addoption(parser):
    parser.addoption("--database", action="store_true", help="only the tests that another database may change")


def pytest_collection_modifyitems(config, items):
    """Begin with the stories: they wait for processes of their own, while the rest keeps the other core busy."""
    items.sort(key=lambda item: "story" not in item.keywords)
    if config.getoption("database"):
        others = [item for item in items if not differs_by_database(item)]
        config.hook.pytest_deselected(items=others)
        items[:] = [item for item in items if differs_by_database(item)]


def pytest_collection_finish():
    """Have the garbage collector look at what tests make, seldom, and never again at the program and the tests."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 50)


def differs_by_database(item) -> bool:
    if item.get_closest_marker("one_database"):
        return False
    marked = any(item.get_closest_marker(name) for name in ("django_db", "story"))
    return marked or bool({"db", "transactional_db"} & set(item.fixturenames))


@pytest.fixture(scope="session", autouse=True)
def quick_and_apart(tmp_path_factory):
    """A cache and a folder per test process, since row ids repeat across them; passwords hashed fast, and static
    files found when they are asked for: otherwise every test client looks for all of them as it begins. The servers
    of tests listen on this machine."""
    with override_settings(
        DATA_DIR=tmp_path_factory.mktemp("data"),
        CACHES={"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}},
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
        WHITENOISE_AUTOREFRESH=True,
        OPEN_NETWORKS=[ip_network("127.0.0.0/8")],
        API_THROTTLE_PER_HOUR=0,
    ):
        yield


@pytest.fixture(scope="session", autouse=True)
def emptied_tables():
    """After a test that commits, the tables that hold rows are emptied, which takes a tenth of the time of all; but not
    those of content types and permissions, which Django would make again each time: twenty times as long."""

    def empty(self):
        kept = {model._meta.db_table for model in (ContentType, Permission)}
        tables = set(connection.introspection.django_table_names(include_views=False)) - kept
        with atomic(), connection.cursor() as cursor:
            cursor.execute(" UNION ALL ".join(f"SELECT '{one}' WHERE EXISTS (SELECT 1 FROM {one})" for one in tables))
            for (table,) in cursor.fetchall():
                cursor.execute(f"DELETE FROM {table}")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", empty)
        yield


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker):
    """A browser keeps its connections to the live server, whose threads keep theirs to the database: with one of them
    PostgreSQL drops no database."""
    yield
    if connection.vendor == "postgresql":
        with django_db_blocker.unblock(), connection.cursor() as cursor:
            others = "datname = current_database() AND pid <> pg_backend_pid()"
            cursor.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}")


@pytest.fixture(autouse=True)
def nothing_remembered():
    """What a process knows of rows that an earlier test had."""
    allowances.forget()
    called.forget()
    tracking.forget()
    health.forget()
    noting.forget()
    gauging.forget()
    known_file.cache_clear()


@pytest.fixture
def club(db) -> Organization:
    return Organization.objects.create(name="Swimming Club", slug="club", languages=["en", "es"], country="ES")


@pytest.fixture
def elsewhere(db) -> Organization:
    return Organization.objects.create(name="Elsewhere", slug="elsewhere")


@pytest.fixture
def mail(club) -> Channel:
    """The club's default e-mail channel; nothing listens there unless a test starts a server."""
    return Channel.objects.create(
        organization=club,
        name="Newsletter",
        kind="email",
        is_default=True,
        from_name="Swimming Club",
        from_address="news@club.example",
        settings={"host": "127.0.0.1", "port": 2, "security": "none", "timeout": 5},
        track_opens=False,  # what measures is not what most tests are about
        track_clicks=False,
    )


@pytest.fixture
def server(monkeypatch, mail) -> Recorder:
    """What the club's channel speaks to."""
    recorder = Recorder()
    monkeypatch.setattr(Channel, "transport", lambda self: recorder)
    return recorder


class Lock:
    """Somebody else holds the lock that writing needs, and who wants it is not patient."""

    holder: Any = None

    def begin(self) -> None:
        if connection.vendor == "postgresql":
            self.holder = psycopg.connect(**{**connection.get_connection_params(), "cursor_factory": psycopg.Cursor})
            tables = ", ".join(model._meta.db_table for model in apps.get_models())
            self.holder.execute(f"LOCK TABLE {tables} IN SHARE ROW EXCLUSIVE MODE")
            connection.cursor().execute("SET lock_timeout = '200ms'")
        else:
            self.holder = sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)
            self.holder.execute("BEGIN IMMEDIATE")
            connection.cursor().execute("PRAGMA busy_timeout = 200")

    def end(self) -> None:
        if self.holder:
            self.holder.close()


@pytest.fixture
def db_lock(transactional_db) -> Iterator[Lock]:
    lock = Lock()
    yield lock
    lock.end()
    connection.close()  # and its impatience


@pytest.fixture
def tracked(monkeypatch) -> None:
    """E-mail tells what becomes of it, as a transport does whose provider calls back."""
    monkeypatch.setattr(Email, "reports", frozenset({"delivered", "opened", "clicked", "replied"}))


@pytest.fixture
def viewer(club):
    return make_member(club, Role.VIEWER)


@pytest.fixture
def author(club):
    return make_member(club, Role.AUTHOR)


@pytest.fixture
def sender(club):
    return make_member(club, Role.SENDER)


@pytest.fixture
def admin(club):
    return make_member(club, Role.ADMIN)


@pytest.fixture
def stranger(elsewhere):
    return make_member(elsewhere, Role.ADMIN)


@pytest.fixture(scope="session")
def migrated(tmp_path_factory, testrun_uid, worker_id) -> Iterator[Installation]:
    """What every installation is a copy of: made by the first test process that needs it, dropped by the last."""
    base = tmp_path_factory.getbasetemp()
    room = (base if worker_id == "master" else base.parent) / "migrated"
    room.mkdir(exist_ok=True)
    made = Installation(room, testrun_uid[:12])
    with (room / "in_use").open("w") as in_use:
        flock(in_use, LOCK_SH)
        with (room / "being_made").open("w") as being_made:
            flock(being_made, LOCK_EX)
            if not (room / "made").exists():
                made.migrate()
                (room / "made").touch()
        yield made
        with suppress(BlockingIOError):  # another test process still copies it
            flock(in_use, LOCK_EX | LOCK_NB)
            made.drop()
            (room / "made").unlink()


@pytest.fixture
def installation(tmp_path, migrated) -> Iterator[Installation]:
    """Settings, a database and processes of its own, for stories."""
    made = Installation(tmp_path)
    made.copy(migrated)
    yield made
    made.drop()
