"""A provider that is spoken to by HTTP, in this process, which answers as it is told to."""

import json
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qsl

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

Act = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: "Listener"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"] or 0))
        self.said = said_in(body)
        with self.server.lock:
            self.server.received.append(self.said["to"])
            self.server.headers.append(dict(self.headers))
            self.server.calls.append((f"{self.command} {self.path}", body))
        act = self.server.acts.get(self.said["to"], self.server.act)
        act(self)

    do_GET = do_PUT = do_POST

    def answer(self, status: int, body: Any, headers: Mapping[str, str] = {}) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(data)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args: Any) -> None:
        pass


def said_in(body: bytes) -> dict[str, Any]:
    """Return what a request says, with its address as `to`, however its provider writes it."""
    said = json.loads(body) if body.startswith(b"{") else dict(parse_qsl(body.decode()))
    if "messages" in said:
        said["to"] = said["messages"][0]["destinations"][0]["to"]
    elif "data" in said:
        said["to"] = said["data"]["recipient"]["address"]
    to = said.get("to", said.get("To", "nobody"))
    return said | {"to": (to[0] if isinstance(to, list) else to).removeprefix("+")}


def take(handler: Handler) -> None:
    handler.answer(200, {"id": f"id-{handler.said['to']}"})


def answer(status: int, body: Any = b"", **headers: str) -> Act:
    return lambda handler: handler.answer(status, body, {name.replace("_", "-"): headers[name] for name in headers})


def drop(handler: Handler) -> None:
    """Hang up without an answer."""
    handler.close_connection = True
    handler.connection.shutdown(socket.SHUT_RDWR)


def hang(handler: Handler) -> None:
    handler.server.released.wait(30)
    drop(handler)


def break_off(handler: Handler) -> None:
    """Begin the answer's body, and hang up within it."""
    handler.answer(200, b'{"id": ', {"Content-Length": "500"})
    drop(handler)


def trickle(handler: Handler) -> None:
    """Send the answer's body so slowly that it does not come to its end."""
    handler.answer(200, b'{"id": ', {"Content-Length": "500"})
    while not handler.server.released.wait(0.05):
        handler.wfile.write(b" ")
    handler.close_connection = True


def self_signed(folder: Path) -> Path:
    """Write a certificate for 127.0.0.1 with its key into one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    start = datetime(2020, 1, 1, tzinfo=UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, start, start + timedelta(days=20_000))
    pem = made.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)
    path = folder / "self-signed.pem"
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + pem)
    return path


class Listener(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, *args: Any) -> None:
        pass  # whoever called has hung up


class HttpServer:
    """Takes everything; `acts` maps an address to what is done with it instead, and `act` is for all others."""

    handler: type[Handler] = Handler

    def __init__(self) -> None:
        self.listener = Listener(("127.0.0.1", 0), self.handler)
        self.listener.lock = threading.Lock()  # type: ignore[attr-defined]
        self.listener.released = threading.Event()  # type: ignore[attr-defined]
        self.listener.received, self.listener.headers = [], []  # type: ignore[attr-defined]
        self.listener.calls = []  # type: ignore[attr-defined]
        self.listener.acts, self.listener.act = {}, take  # type: ignore[attr-defined]

    def __enter__(self) -> Self:
        self.thread = threading.Thread(target=self.listener.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.listener.released.set()  # type: ignore[attr-defined]
        self.listener.shutdown()
        self.thread.join()
        with suppress(OSError):
            self.listener.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.listener.server_port}/send"

    @property
    def received(self) -> list[str]:
        return self.listener.received  # type: ignore[attr-defined]

    @property
    def headers(self) -> list[dict[str, str]]:
        return self.listener.headers  # type: ignore[attr-defined]

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.listener.server_port}"

    @property
    def calls(self) -> list[tuple[str, bytes]]:
        """The requests as (method and path, body)."""
        return self.listener.calls  # type: ignore[attr-defined]

    def secure(self, folder: Path) -> None:
        """Speak TLS from now on, with a certificate that nobody trusts."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self_signed(folder))
        self.listener.socket = context.wrap_socket(self.listener.socket, server_side=True)

    @property
    def acts(self) -> dict[str, Act]:
        return self.listener.acts  # type: ignore[attr-defined]

    def does(self, act: Act) -> None:
        self.listener.act = act  # type: ignore[attr-defined]
