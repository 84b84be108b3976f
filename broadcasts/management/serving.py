"""What `up`, `work` and `demo` share: a database that is ready, a free port, and word of when the server answers."""

import os
import shlex
import socket
import sys
from argparse import ArgumentTypeError
from collections.abc import Callable, Mapping, Sequence
from ipaddress import ip_network
from pathlib import Path

from django.conf import settings
from django.core.management import call_command

from broadcasts.processes import WebProcess
from broadcasts.schedules import ensure_schedules

LOOPBACK = "127.0.0.0/8,::1/128"


def prepare() -> None:
    """Bring the database up to date, and make what the server expects to find."""
    call_command("migrate", interactive=False, verbosity=0)
    ensure_schedules()
    settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)


def at_least_one(value: str) -> int:
    """Read a number of processes from the command line."""
    if not (value.isascii() and value.isdigit() and int(value)):
        raise ArgumentTypeError(f"“{value}” is no whole number from 1 up")
    return int(value)


def is_free(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except (OSError, OverflowError):  # taken, not of this host, or no port at all
            return False
    return True


def free_port(host: str, port: int) -> int:
    """Return the port, or the next one that is free."""
    return next((one for one in range(port, min(port + 100, 65536)) if is_free(host, one)), port)


def answers(host: str, port: int) -> bool:
    """Tell whether a server listens."""
    reached = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    try:
        socket.create_connection((reached, port), timeout=1).close()
    except OSError:
        return False
    return True


def reached_at(address: str) -> dict[str, str]:
    """Have links, here and in the processes to come, start with this address; return what that changed."""
    changed = {} if address == settings.BASE_URL else {"BASE_URL": address}
    os.environ["BASE_URL"] = address
    settings.BASE_URL = address
    return changed


def open_loopback() -> dict[str, str]:
    """Have channels reach this machine, here and in the processes to come; return what that changed.

    Where the operator opens something else, nothing.
    """
    if settings.OPEN_NETWORKS:
        return {}
    os.environ["OPEN_NETWORKS"] = LOOPBACK
    settings.OPEN_NETWORKS = [ip_network(network) for network in LOOPBACK.split(",")]
    return {"OPEN_NETWORKS": LOOPBACK}


def command_line(name: str, changed: Mapping[str, str]) -> str:
    """Return how a command is started from another shell that is to read the settings that were changed here."""
    python = Path(sys.executable)
    here = python.relative_to(Path.cwd()) if python.is_relative_to(Path.cwd()) else python
    given = [f"{variable}={shlex.quote(value)}" for variable, value in changed.items()]
    return " ".join([*given, shlex.join([str(here), "manage.py", name])])


def is_told(name: str) -> bool:
    """Tell whether a setting was given, by the environment or by `.env`."""
    return name in os.environ


def all_answer(servers: Sequence[WebProcess]) -> bool:
    """Tell whether the whole web server is up."""
    return all(server.has_answered for server in servers)


def once_answering(servers: Sequence[WebProcess], then: Callable[[], None]) -> Callable[[], None]:
    """Return what a supervisor calls at each poll; it does something once, when the web server is up."""
    waiting = [then]

    def poll() -> None:
        if waiting and all_answer(servers):
            waiting.pop()()

    return poll
