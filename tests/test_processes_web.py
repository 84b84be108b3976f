"""How a supervisor sees that a process of the web server answers; small scripts stand for it."""

import os
import signal
import socket
import sys
import time

import pytest

from broadcasts.processes.web import BEGINS_WITHIN, DEAF_AFTER, web

ANSWERING = """
import contextlib, socket, sys
own = socket.socket(fileno=int(sys.argv[1]))
while True:
    one, _ = own.accept()
    with one, contextlib.suppress(OSError):  # whoever asked the one before may have hung up
        one.recv(1000)
        one.sendall({answer!r})
"""
ASLEEP = "import time; time.sleep(600)"


@pytest.fixture
def process():
    """One process of a web server, which runs a script instead."""
    made = []

    def begin(script: str):
        one = web("127.0.0.1", 0, 1)[0]
        one.command = [sys.executable, "-c", script, str(one.own.fileno())]
        made.append(one)
        return one

    yield begin
    for one in made:
        one.kill()
        one.hang_up()
        one.own.close()
        one.shared.close()


def well() -> str:
    return ANSWERING.format(answer=b"HTTP/1.0 200 OK\r\n\r\nok")


def look(one, times: int) -> None:
    for _ in range(times):
        one.watch()


def until_answered(one) -> int:
    deadline = time.monotonic() + 60
    one.watch()
    while not one.has_answered:
        assert time.monotonic() < deadline
        one.patience = BEGINS_WITHIN * 1000  # looks are quicker here
        one.watch()
        time.sleep(0.01)
    return one.process.pid


def answered_again(one) -> None:
    one.has_answered = False
    until_answered(one)


def test_a_server_that_answers_is_left_alone(process):
    one = process(well())
    pid = until_answered(one)
    for _ in range(3):
        answered_again(one)
    assert one.process.pid == pid


def test_a_server_that_freezes_is_ended_and_started_again(process, caplog):
    one = process(well())
    pid = until_answered(one)
    os.kill(pid, signal.SIGSTOP)
    look(one, DEAF_AFTER)
    assert one.process.pid == pid
    look(one, 3)
    assert one.process.pid != pid
    assert "does not answer" in caplog.text
    until_answered(one)


def test_a_server_that_answers_with_an_error_is_deaf(process):
    one = process(ANSWERING.format(answer=b"HTTP/1.0 500 Oh no\r\n\r\n"))
    one.watch()
    pid = one.process.pid
    look(one, BEGINS_WITHIN + 2)
    assert one.process.pid != pid


def test_a_server_that_is_starting_has_more_time(process):
    one = process(ASLEEP)
    one.watch()
    pid = one.process.pid
    look(one, BEGINS_WITHIN - 1)
    assert one.process.pid == pid
    look(one, 2)
    assert one.process.pid != pid


def test_connections_wait_while_there_is_no_process(process):
    one = process(ASLEEP)
    with socket.create_connection(one.shared.getsockname(), timeout=10) as waiting:
        assert waiting.getpeername() == one.shared.getsockname()
