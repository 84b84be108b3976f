"""A whole installation of its own: settings, database and processes, used through its commands alone."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg

ROOT = Path(__file__).resolve().parent.parent.parent
DATABASE = "broadcasts.sqlite3"
# The settings of pytest, and what would have each of many processes compile all our code anew.
NOT_OURS = ("DJANGO_SETTINGS_MODULE", "PYTHONDONTWRITEBYTECODE")


class Installation:
    """Commands run as an operator would run them; `query` looks into the database behind their back."""

    def __init__(self, room: Path, name: str = "") -> None:
        self.name = f"story_{name or uuid4().hex[:12]}"
        self.room = room
        self.processes: list[subprocess.Popen] = []
        self.env = {
            **{name: value for name, value in os.environ.items() if name not in NOT_OURS},
            "DATA_DIR": str(room),
            "Q_CLUSTER_NAME": self.name,
            "LEASE_SECONDS": "4",
            "LOG_LEVEL": "WARNING",
            "OPEN_NETWORKS": "127.0.0.0/8",
        }
        self.server = os.environ.get("DATABASE_URL", "")
        if self.server.startswith("postgres"):
            self.env["DATABASE_URL"] = urlsplit(self.server)._replace(path=f"/{self.name}").geturl()

    def migrate(self) -> None:
        """Make the database, which takes as long as hundreds of tests."""
        if self.server.startswith("postgres"):
            self._on_server(f"CREATE DATABASE {self.name}")
        self.run("migrate", "-v0")

    def copy(self, migrated: "Installation") -> None:
        """Make the database, which takes a moment."""
        if self.server.startswith("postgres"):
            self._on_server(f"CREATE DATABASE {self.name} TEMPLATE {migrated.name}")
        else:
            shutil.copy(migrated.room / DATABASE, self.room / DATABASE)

    def run(self, *command: str, stdin: str = "") -> str:
        """Run a management command to its end; its output is what went wrong when it fails."""
        done = subprocess.run(
            [sys.executable, "manage.py", *command],
            cwd=ROOT, env=self.env, input=stdin, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout
        return done.stdout

    def start(self, *command: str, **environment: str) -> subprocess.Popen:
        """Start a management command that goes on; stopped with the installation."""
        output = (self.room / f"{command[0]}.log").open("a")
        process = subprocess.Popen(
            [sys.executable, "manage.py", *command],
            cwd=ROOT, env=self.env | environment, stdout=output, stderr=output, start_new_session=True,
        )  # fmt: skip
        self.processes.append(process)
        return process

    def query(self, sql: str) -> list[tuple]:
        if "DATABASE_URL" in self.env and self.env["DATABASE_URL"].startswith("postgres"):
            with psycopg.connect(self.env["DATABASE_URL"]) as connection:
                return connection.execute(sql).fetchall()
        with closing(sqlite3.connect(self.room / DATABASE, timeout=20)) as connection:
            return connection.execute(sql).fetchall()

    def value(self, sql: str) -> object:
        rows = self.query(sql)
        return rows[0][0] if rows else None

    def wait_for(self, condition: Callable[[], object], seconds: float = 180) -> object:
        """Wait until something holds; it is given far more time than it needs, and no longer than that.

        What takes long to find out is asked seldom.
        """
        deadline = time.monotonic() + seconds
        while (asked := time.monotonic()) < deadline:
            if found := condition():
                return found
            time.sleep(min(max(0.05, 5 * (time.monotonic() - asked)), 1))
        logs = "\n".join(path.read_text()[-3000:] for path in self.room.rglob("*.log"))
        raise AssertionError(f"waited {seconds} s in vain; the logs say:\n{logs}")

    def stop(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(40)
            except subprocess.TimeoutExpired:
                process.kill()

    def leftovers(self, mark: str = "") -> list[str]:
        """Processes of this installation that still live, by what their environment says."""
        mark = mark or f"Q_CLUSTER_NAME={self.name}"
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                environment = (folder / "environ").read_bytes()
                command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
            if mark.encode() in environment.split(b"\0") and command:
                found.append(f"{folder.name} {command}")
        return found

    def drop(self) -> None:
        self.stop()
        if self.server.startswith("postgres"):
            self._on_server(f"DROP DATABASE {self.name} WITH (FORCE)")

    def _on_server(self, sql: str) -> None:
        with psycopg.connect(self.server, autocommit=True) as connection:
            connection.execute(sql)
