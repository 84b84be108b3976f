"""A real Postfix (Debian's): it refuses some recipients at once, defers some, and bounces others later by a report."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

START_SECONDS = 20
MAIN = """
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file = {folder}/queue/mail.log
maillog_file_prefixes = {folder}
myhostname = relay.club.example
mydestination =
alias_maps =
inet_interfaces = all
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
smtpd_peername_lookup = no
smtp_host_lookup = native
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_recipient_restrictions = check_recipient_access texthash:{folder}/etc/recipients, permit_mynetworks, reject
transport_maps = texthash:{folder}/etc/transports
default_transport = discard:
relay_transport = discard:
local_transport = discard:
notify_classes =
"""
MASTER = """
127.0.0.1:{port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
anvil unix - - n - 1 anvil
smtp unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
postlog unix-dgram n - n - 1 postlogd
"""


def is_there() -> bool:
    """Tell whether a Postfix is installed that this user may start."""
    return shutil.which("postfix") is not None and os.geteuid() == 0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def postfix(recipients: dict[str, str], transports: dict[str, str]) -> Iterator[int]:
    """Run an instance of its own while the block runs; yields its port.

    `recipients` has what it answers at RCPT, `transports` what it does with those that it accepts; the rest it takes
    and discards.
    """
    folder = Path(tempfile.mkdtemp(prefix="broadcasts-postfix-", dir="/var/tmp"))  # its own user has to walk there
    port = free_port()
    for one in (folder, *(folder / name for name in ("etc", "queue", "data"))):
        one.mkdir(exist_ok=True)
        one.chmod(0o755)
    shutil.chown(folder / "data", "postfix")
    for name, words in (("main.cf", MAIN), ("master.cf", MASTER)):
        (folder / "etc" / name).write_text(words.format(folder=folder, port=port))
    for name, rows in (("recipients", recipients), ("transports", transports)):
        (folder / "etc" / name).write_text("".join(f"{key} {value}\n" for key, value in rows.items()))
    command = ["postfix", "-c", str(folder / "etc")]
    try:
        subprocess.run([*command, "start"], check=True, capture_output=True)
        deadline = time.monotonic() + START_SECONDS
        while not answers(port):
            assert time.monotonic() < deadline, (folder / "queue" / "mail.log").read_text()
            time.sleep(0.05)
        yield port
    finally:
        subprocess.run([*command, "abort"], capture_output=True)
        shutil.rmtree(folder, ignore_errors=True)


def answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            return connection.recv(3) == b"220"
    except OSError:
        return False
