"""A real Postfix as receiver: it queues each message as it would in service, and then discards it.

An instance of its own, with its own configuration and queue, tuned as for a relay of bulk mail.
"""

import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from django.core.management.base import CommandError
from django.db import connections

from broadcasts.management import serving

from . import HOST, processes
from .distance import HERE, NETWORK, ServerPlace, far_away
from .sink import Sink, sink, tool

START_SECONDS = 20
STOP_SECONDS = 10
DRAIN_SECONDS = 120
PORT = 2625
NONE: Mapping[str, str] = MappingProxyType({})
QUEUES = ("maildrop", "incoming", "active")
MAIN = """
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file = {folder}/queue/mail.log
maillog_file_prefixes = {folder}
myhostname = postfix.bench.example
mydestination =
alias_maps =
inet_interfaces = all
inet_protocols = ipv4
mynetworks = 127.0.0.0/8, {network}
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_peername_lookup = no
local_header_rewrite_clients =
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
in_flow_delay = 0
default_process_limit = 200
default_transport = discard:
relay_transport = discard:
local_transport = discard:
notify_classes =
"""
MASTER = """
{host}:{port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
anvil unix - - n - 1 anvil
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
postlog unix-dgram n - n - 1 postlogd
"""


@dataclass
class Postfix(Sink):
    """A Postfix that listens; `log` is its own."""

    queue: Path = Path()

    def received(self) -> int:
        """Wait until all that it has queued is discarded; return how many messages that were so far."""
        self.drain()
        return len(re.findall(rb"postfix/cleanup\[\d+\]: \S+ message-id=", self.log.read_bytes()))

    def pids(self) -> list[int]:
        return [self.pid, *processes.below(self.pid), *self.place.pids]

    def drain(self) -> None:
        deadline = time.monotonic() + DRAIN_SECONDS
        while any(next((self.queue / name).iterdir(), None) for name in QUEUES):
            if time.monotonic() > deadline:
                raise CommandError(f"Postfix does not discard what it has queued: {last_words(self.log)}")
            time.sleep(0.1)


def last_words(log: Path) -> str:
    return log.read_text()[-2000:].strip() if log.exists() else "it wrote no log"


@contextmanager
def postfix(
    place: ServerPlace = HERE, port: int = PORT, *, main: str = "", master: str = "", tables: Mapping[str, str] = NONE
) -> Iterator[Postfix]:
    """Run a Postfix on this machine while the block runs, at the port or the next one that is free.

    main and master: what its configuration files say besides; tables: files beside these, {name: text}.
    """
    command = tool("postfix")
    if os.geteuid() != 0:
        raise CommandError("A Postfix has to be started by root. Run the bench as root, or without --server postfix.")
    # A disk, where /tmp may be memory; and a path that Postfix's own user may walk.
    folder = Path(tempfile.mkdtemp(prefix="broadcasts-postfix-", dir="/var/tmp"))
    try:
        port = serving.free_port(HOST, port)
        configure(folder, place.host, port, {"main.cf": MAIN + main, "master.cf": MASTER + master})
        for name, text in tables.items():
            (folder / "etc" / name).write_text(text)
        yield from _running([*place.command, command, "-c", str(folder / "etc")], folder, place, port)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def configure(folder: Path, host: str, port: int, files: Mapping[str, str]) -> None:
    folders = [folder, *(folder / name for name in ("etc", "queue", "data"))]
    for one in folders:
        one.mkdir(exist_ok=True)
        one.chmod(0o755)  # Postfix's own user walks through them
    owner = subprocess.run([tool("postconf"), "-dh", "mail_owner"], capture_output=True, text=True, check=True)  # noqa: S603
    shutil.chown(folder / "data", owner.stdout.strip())
    for name, words in files.items():
        (folder / "etc" / name).write_text(words.format(folder=folder, host=host, port=port, network=NETWORK))


def _running(command: list[str], folder: Path, place: ServerPlace, port: int) -> Iterator[Postfix]:
    def order(word: str) -> str:
        done = subprocess.run([*command, word], capture_output=True, text=True)  # noqa: S603
        return done.stderr.strip() if done.returncode else ""

    log, pid = folder / "queue" / "mail.log", 0
    try:
        fault = order("start")
        deadline = time.monotonic() + START_SECONDS
        while fault or not serving.answers(place.host, port):
            if fault or time.monotonic() > deadline:
                raise CommandError(f"Postfix did not start: {fault or last_words(log)}")
            time.sleep(0.05)
        pid = int((folder / "queue" / "pid" / "master.pid").read_text())
        yield Postfix(port, log, pid, place, folder / "queue")
    finally:
        order("abort")  # it does not wait
        deadline = time.monotonic() + STOP_SECONDS
        while pid and processes.is_running(pid) and time.monotonic() < deadline:
            time.sleep(0.05)


@contextmanager
def mail_server(name: str, latency: int) -> Iterator[Sink]:
    """Run a mail server, so many milliseconds away, while the block runs."""
    connections.close_all()  # the process of the link is to inherit none
    run = postfix if name == "postfix" else sink
    with far_away(latency / 1000) if latency else nullcontext(HERE) as place, run(place) as taker:
        yield taker
