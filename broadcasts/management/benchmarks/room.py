"""A scratch database and folder, gone at the end, in which commands run as in an installation of their own."""

import json
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management.base import CommandError
from django.db import DatabaseError, connection
from django_q.brokers import get_broker

from broadcasts.management.serving import LOOPBACK
from broadcasts.processes import Child

VARIABLE = "BROADCASTS_BENCH_ROOM"  # names the folder, to the processes that work in it
RESULT = "result.json"
CLOSE_SECONDS = 60


class Room:
    """The scratch database stands beside the configured one: SQLite in the folder, PostgreSQL on the same server."""

    def __init__(self, **environment: str) -> None:
        if connection.vendor not in ("sqlite", "postgresql"):
            raise CommandError(f"A bench needs SQLite or PostgreSQL, not {connection.display_name}.")
        if not Path("/proc/self/stat").exists():
            raise CommandError("A bench reads /proc, which only Linux has.")
        self.folder = Path(tempfile.mkdtemp(prefix="bench_", dir=settings.DATA_DIR))
        self.name = self.folder.name.lower()
        self.has_database = False
        self.given = environment
        self.child: Child | None = None

    def __enter__(self) -> Self:
        try:
            self._create_database()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._stop()
        if self.has_database:
            self._execute(f'DROP DATABASE "{self.name}" WITH (FORCE)')
        if settings.REDIS_URL:
            get_broker(self.name).delete_queue()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _create_database(self) -> None:
        if connection.vendor != "postgresql":
            return
        try:
            self._execute(f'CREATE DATABASE "{self.name}"')
        except DatabaseError as error:
            user = connection.settings_dict["USER"]
            raise CommandError(
                f"No scratch database can be made: {error}".strip()
                + f"\nLet the user make it: ALTER ROLE {user} CREATEDB"
            ) from None
        self.has_database = True

    def _execute(self, sql: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(sql)

    @property
    def environment(self) -> dict[str, str]:
        address = f"sqlite:///{self.folder / 'broadcasts.sqlite3'}"
        if self.has_database:
            address = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{self.name}").geturl()
        return {
            VARIABLE: str(self.folder),
            "DATA_DIR": str(self.folder),
            "DATABASE_URL": address,
            "Q_CLUSTER_NAME": self.name,
            "LOG_LEVEL": "WARNING",
            "OPEN_NETWORKS": os.environ.get("OPEN_NETWORKS") or LOOPBACK,  # for the receivers
            **self.given,
        }

    def run(self, *arguments: str) -> Any:
        """Run a management command in the scratch database and return its result."""
        self.start(*arguments)
        return self.result()

    def start(self, *arguments: str) -> None:
        command = [sys.executable, str(settings.BASE_DIR / "manage.py"), *arguments]
        self.child = Child(" ".join(arguments[:2]), command, self.environment)
        self.child.start()

    def result(self) -> Any:
        """Wait for the end of the command and return its result; raises CommandError if it failed."""
        assert self.child and self.child.process
        if self.child.process.wait():
            raise CommandError("The run did not come to its end; the reason stands above.")
        return json.loads((self.folder / RESULT).read_text())

    def _stop(self) -> None:
        """Interrupt what still runs, so that it cleans up."""
        if self.child and self.child.process:
            self.child.process.send_signal(signal.SIGINT)
            self.child.wait(CLOSE_SECONDS)
            self.child.kill()


def is_inside() -> bool:
    """Tell whether this process works in a room, and in no other database."""
    folder = os.environ.get(VARIABLE)
    return folder is not None and Path(folder) == Path(settings.DATA_DIR)


def leave(result: Any) -> None:
    """Leave a result for who runs the room."""
    (Path(settings.DATA_DIR) / RESULT).write_text(json.dumps(result))
