"""The web server against clients that take their time; real sockets, a small application, and short deadlines."""

import errno
import socket
import threading
import time
from collections.abc import Callable, Iterator
from io import BytesIO

import pytest

from broadcasts.web import connections
from broadcasts.web import server as web
from broadcasts.web.application import content_type_fault
from config.wsgi import application as ours

GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n"
MANY = 3 * web.THREADS  # clients, more than there are threads


class Streaming(list):
    """An answer of unknown length, larger than what sockets and buffers take in."""

    streaming = True
    closed = 0

    def __iter__(self):
        return iter([b"x" * (1 << 20)] * 64)

    def close(self):
        type(self).closed += 1


class Echo:
    """Answers with the body; waits where it is told to, and streams at /stream."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.gate.set()

    def __call__(self, environ, start_response):
        body = environ["wsgi.input"].read()
        start_response("200 OK", [])
        if environ["PATH_INFO"] == "/stream":
            return Streaming()
        if environ["PATH_INFO"] == "/wait":
            self.gate.wait(30)
        return [body or b"here"]


@pytest.fixture
def echo():
    return Echo()


@pytest.fixture
def served(echo, monkeypatch) -> Iterator[web.WebServer]:
    monkeypatch.setattr(connections, "HEADER_SECONDS", 2)
    monkeypatch.setattr(connections, "GRACE_SECONDS", 2)
    monkeypatch.setattr(connections, "IDLE_SECONDS", 2)
    Streaming.closed = 0
    server = web.WebServer(echo, [socket.create_server(("127.0.0.1", 0))])
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    yield server
    echo.gate.set()
    server.stop()
    thread.join(30)
    assert not thread.is_alive()


@pytest.fixture
def client(served) -> Iterator[Callable[..., socket.socket]]:
    """Connect, and send something."""
    opened = []

    def connect(*pieces: bytes) -> socket.socket:
        one = socket.create_connection(("127.0.0.1", int(served.servers[0].effective_port)), timeout=30)
        opened.append(one)
        for piece in pieces:
            one.sendall(piece)
        return one

    yield connect
    for one in opened:
        one.close()


def answer(one: socket.socket) -> bytes:
    """Read until the other side closes."""
    received = bytearray()
    try:
        while piece := one.recv(1 << 16):
            received += piece
    except ConnectionResetError:
        pass
    return bytes(received)


def read_to(one: socket.socket, end: bytes) -> bytes:
    received = b""
    while not received.endswith(end):
        piece = one.recv(1 << 16)
        assert piece, received
        received += piece
    return received


def is_answered(client) -> bool:
    return answer(client(GET, b"Connection: close\r\n\r\n")).endswith(b"here")


def drip(one: socket.socket) -> None:
    """Send a byte now and then for as long as the other side takes it."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            one.sendall(b"a")
        except OSError:
            return
        time.sleep(0.1)
    raise AssertionError("it was never cut off")


SLOW = {
    "headers": GET + b"X: ",
    "a body": b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n",
    "an upload": b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 400000000\r\n\r\n" + b"x" * 10_000,
}


@pytest.mark.parametrize("begun", SLOW.values(), ids=SLOW)
def test_slow_senders_hold_nobody_up_and_are_cut_off_however_active(client, begun, monkeypatch):
    monkeypatch.setattr(connections, "LEAST_RATE", 1 << 20)
    slow = [client(begun) for _ in range(MANY)]
    assert is_answered(client)
    drip(slow[0])
    assert {answer(one) for one in slow} == {b""}


def test_a_request_that_comes_as_its_connection_expires_is_answered(client, served, monkeypatch):
    one = client(GET, b"\r\n")
    read_to(one, b"here")
    go_on = threading.Event()
    poll = served.poll
    monkeypatch.setattr(served, "poll", lambda: go_on.wait(30) and poll())
    time.sleep(connections.IDLE_SECONDS + 1)
    one.sendall(GET + b"\r\n")
    go_on.set()
    assert read_to(one, b"here").startswith(b"HTTP/1.1 200 OK")


def test_empty_lines_buy_no_time(client):
    one = client()
    deadline = time.monotonic() + 30
    with pytest.raises(OSError):
        while time.monotonic() < deadline:
            one.sendall(b"\r\n\r\n")
            time.sleep(0.1)


def test_a_client_that_says_nothing_is_cut_off(client):
    assert answer(client()) == b""


def test_a_connection_is_kept_between_requests_for_a_while(client):
    one = client(GET + b"\r\n")
    for _ in range(2):
        assert read_to(one, b"here")
        one.sendall(GET + b"\r\n")
    assert read_to(one, b"here")
    assert one.recv(1 << 16) == b""


def test_an_answer_leaves_in_one_packet(client, monkeypatch):
    sent, send = [], connections.HttpConnection.send
    told = lambda *args, **how: sent.append(args[1]) or send(*args, **how)  # noqa: E731
    monkeypatch.setattr(connections.HttpConnection, "send", told)
    assert is_answered(client)
    assert [(piece[:15], piece[-4:]) for piece in sent] == [(b"HTTP/1.1 200 OK", b"here")]


def test_idle_connections_are_left_alone_while_others_are_answered(client, monkeypatch):
    """As many as the system allows may be open."""
    idle = [client() for _ in range(MANY)]
    assert is_answered(client)
    asked, readable = [], connections.HttpConnection.readable
    monkeypatch.setattr(connections.HttpConnection, "readable", lambda one: asked.append(one.addr) or readable(one))
    assert all(is_answered(client) for _ in range(5))
    assert not {one.getsockname() for one in idle} & set(asked)


def test_a_process_with_a_connection_leaves_the_next_one_to_another_process(client, monkeypatch):
    monkeypatch.setattr(web, "BREATH_SECONDS", 0.3)
    begun = time.monotonic()
    assert is_answered(client)
    assert is_answered(client)
    assert time.monotonic() >= begun + 0.3


def test_slow_readers_hold_some_threads_and_no_more(client, monkeypatch):
    monkeypatch.setattr(connections, "GRACE_SECONDS", 60)
    slow = [client(b"GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n") for _ in range(MANY)]
    assert is_answered(client)
    heads = [one.recv(15) for one in slow]
    assert heads.count(b"HTTP/1.1 200 OK") == web.STREAMS
    assert heads.count(b"HTTP/1.1 503 Se") == MANY - web.STREAMS


def test_a_slow_reader_is_cut_off_and_its_answer_closed(client, monkeypatch):
    monkeypatch.setattr(connections, "LEAST_RATE", 1 << 30)
    one = client(b"GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
    deadline = time.monotonic() + 30
    while not Streaming.closed and time.monotonic() < deadline:
        time.sleep(0.05)
    assert Streaming.closed == 1
    assert len(answer(one)) < 64 << 20


def test_a_quick_reader_gets_all_of_a_long_answer(client, monkeypatch):
    monkeypatch.setattr(connections, "GRACE_SECONDS", 60)
    one = client(b"GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert answer(one).endswith(b"\r\n0\r\n\r\n")
    assert Streaming.closed == 1


def test_a_body_in_chunks_arrives_whole(client):
    head = b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    assert answer(client(head, b"3\r\nabc\r\n", b"2\r\nde\r\n0\r\n\r\n")).endswith(b"\r\n\r\nabcde")


def test_a_large_body_arrives_whole(client):
    body = b"0123456789" * 300_000
    head = f"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    assert answer(client(head.encode(), body)).endswith(b"\r\n\r\n" + body)


@pytest.fixture
def small_imports(settings):
    settings.IMPORT_MAX_MB, settings.MEDIA_MAX_MB = 1, 3


def test_a_file_of_messages_may_be_larger_than_an_import(small_imports, client):
    test_a_large_body_arrives_whole(client)


def test_a_body_beyond_the_limit_of_imports_is_413(client, settings):
    length = (settings.IMPORT_MAX_MB + 2) * web.MEGABYTE
    head = f"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n"
    assert answer(client(head.encode())).startswith(b"HTTP/1.1 413 ")


def test_a_body_that_finds_no_room_on_the_disk_is_507(client, monkeypatch):
    def full(self):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("waitress.buffers.OverflowableBuffer._set_large_buffer", full)
    head = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 300000\r\n\r\n"
    assert answer(client(head, b"x" * 300_000)).startswith(b"HTTP/1.1 507 ")


def test_health_is_asked_in_a_thread_of_its_own(client, echo):
    echo.gate.clear()
    for _ in range(MANY):
        client(b"GET /wait HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert answer(client(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")).endswith(b"here")


def test_who_is_being_answered_when_it_stops_gets_the_whole_answer(served, client, echo):
    echo.gate.clear()
    body = b"y" * (8 << 20)
    head = f"POST /wait HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
    one, idle = client(head.encode(), body), client()
    assert is_answered(client)
    served.stop()
    assert answer(idle) == b""
    echo.gate.set()
    assert answer(one).endswith(body)


BAD_TYPES = [
    "text/plain; charset*=x'y'z", "text/plain; charset*=bogus''utf-8", "text/plain; charset=undefined",
    "application/json; charset=zip", "text/plain; charset=rot13",
]  # fmt: skip


def called(path: str, content_type: str) -> tuple[str, bytes]:
    """Ask our own application as a server would."""
    told = []
    environ = {
        "REQUEST_METHOD": "GET", "PATH_INFO": path, "SERVER_NAME": "localhost", "SERVER_PORT": "80",
        "HTTP_HOST": "localhost", "wsgi.input": BytesIO(), "wsgi.url_scheme": "http", "CONTENT_TYPE": content_type,
        "QUERY_STRING": "q=%C3%A9",
    }  # fmt: skip
    found = ours(environ, lambda status, headers: told.append(status))
    return told[0], b"".join(found)


@pytest.mark.parametrize("content_type", BAD_TYPES)
def test_a_content_type_that_django_fails_on_is_400(content_type):
    assert called("/healthz", content_type)[0] == "400 Bad Request"
    assert b'{"detail": "Content-Type' in called("/api/contacts/", content_type)[1]


@pytest.mark.parametrize("content_type", ["", "text/csv; charset=cp1252", "a; charset=klingon", "a; charset=idna"])
def test_other_content_types_are_let_through(content_type, db):  # whose connection Django looks after
    assert content_type_fault(content_type) == ""
    assert called("/healthz", content_type)[0] == "200 OK"
