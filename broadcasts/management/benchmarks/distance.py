"""A link that makes a server on this machine as far away as one across a country: each packet takes its time to come.

The server runs in a network namespace of its own. The link carries packets and not the contents of connections, so that
what depends on acknowledgements of TCP takes as long as it would over a network.
"""

import fcntl
import multiprocessing
import os
import shutil
import struct
import subprocess
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from ipaddress import ip_network
from multiprocessing.connection import Connection
from pathlib import Path
from selectors import EVENT_READ, DefaultSelector

from django.core.management.base import CommandError

from . import HOST

NETWORK = "198.18.0.0/15"  # RFC 2544: for measuring; every link has addresses of its own
LONGEST_PACKET = 2_048
QUEUE = 10_000  # packets that a device holds
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000


@dataclass(frozen=True)
class ServerPlace:
    """Where a server of a bench runs."""

    host: str = HOST
    command: Sequence[str] = ()  # by which programs are run there
    pids: Sequence[int] = ()  # of what carries its packets


HERE = ServerPlace()


@contextmanager
def far_away(seconds: float) -> Iterator[ServerPlace]:
    """Make a place to which a round trip takes so many seconds, for as long as the block runs."""
    if os.geteuid() != 0 or not shutil.which("ip") or not Path("/dev/net/tun").exists():
        raise CommandError("A latency needs Linux's /dev/net/tun, the command ip, and root; run it without --latency.")
    name = f"bench{os.getpid()}"
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    process = context.Process(target=_carry, args=(name, seconds / 2, ours, theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        with suppress(EOFError):
            ours.recv()  # the devices are there
        near, far = (str(ip_network(NETWORK)[4 * (os.getpid() % 32_000) + end]) for end in (1, 2))
        _link(name, near, far)
        yield ServerPlace(far, ("ip", "netns", "exec", name), (process.pid or 0,))
    finally:
        process.kill()
        process.join()
        ours.close()
        subprocess.run(["ip", "netns", "delete", name], capture_output=True)  # noqa: S603, S607


def _link(name: str, near: str, far: str) -> None:
    """Put the far end into a namespace, and give both ends their addresses."""
    there = f"ip netns exec {name}"
    for command in (
        f"ip netns add {name}",
        f"ip link set {name}b netns {name}",
        f"ip address add {near} peer {far} dev {name}a",
        f"ip link set {name}a txqueuelen {QUEUE} up",
        f"{there} ip address add {far} peer {near} dev {name}b",
        f"{there} ip link set {name}b txqueuelen {QUEUE} up",
        f"{there} ip link set lo up",
    ):
        done = subprocess.run(command.split(), capture_output=True, text=True)  # noqa: S603
        if done.returncode:
            raise CommandError(f"No link with a latency can be made: {done.stderr.strip()}")


def _device(name: str) -> int:
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN | IFF_NO_PI))
    return device


def _carry(name: str, seconds: float, ours: Connection, theirs: Connection) -> None:
    """Carry packets from each end to the other."""
    ours.close()
    near, far = _device(f"{name}a"), _device(f"{name}b")
    theirs.send(True)
    under_way: deque[tuple[float, int, bytes]] = deque()
    with DefaultSelector() as selector:
        selector.register(near, EVENT_READ, far)
        selector.register(far, EVENT_READ, near)
        while True:
            wait = max(0.0, under_way[0][0] - time.monotonic()) if under_way else None
            for key, _ in selector.select(wait):
                with suppress(BlockingIOError):
                    while True:
                        packet = os.read(key.fd, LONGEST_PACKET)
                        under_way.append((time.monotonic() + seconds, key.data, packet))
            now = time.monotonic()
            while under_way and under_way[0][0] <= now:
                _, device, packet = under_way.popleft()
                with suppress(OSError):  # no room: it is lost, as on any network
                    os.write(device, packet)
