"""The web server as `up` runs it: slow clients, and a process that freezes."""

import http.client
import os
import signal
import socket

import pytest

from broadcasts.management import serving

pytestmark = [pytest.mark.story, pytest.mark.one_database]

SLOW = (
    b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: ",
    b"POST /admin/login/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000\r\n\r\nuser",
    b"",
)
CLIENTS = 40  # of which one process has eight threads for


@pytest.fixture
def port(installation) -> int:
    """A web server of one process."""
    port = serving.free_port("127.0.0.1", 22000 + os.getpid() % 10_000)
    installation.start("up", "--port", str(port), "--workers", "1")
    installation.wait_for(lambda: "Listening" in (installation.room / "up.log").read_text())
    return port


def status(port: int, path: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", path)
    return connection.getresponse().status


def processes(installation) -> set[int]:
    return {int(found.split()[0]) for found in installation.leftovers() if "broadcasts.web" in found}


def test_slow_clients_hold_nobody_up_and_are_cut_off(port):
    slow = [socket.create_connection(("127.0.0.1", port), timeout=60) for _ in range(CLIENTS)]
    for n, one in enumerate(slow):
        one.sendall(SLOW[n % len(SLOW)])
    assert {status(port, path) for path in ("/healthz", "/admin/login/")} == {200}
    assert {one.recv(100) for one in slow} == {b""}


def test_a_frozen_process_is_replaced(installation, port):
    (frozen,) = processes(installation)
    os.kill(frozen, signal.SIGSTOP)
    installation.wait_for(lambda: processes(installation) - {frozen})
    assert status(port, "/healthz") == 200
    assert frozen not in processes(installation)
    assert "does not answer" in (installation.room / "up.log").read_text()
