"""An independent receiver of events: it checks signatures by the published package, and answers as it is told to."""

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from standardwebhooks import Webhook, WebhookVerificationError

Answer = tuple[int, dict[str, str], bytes]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: "EventReceiver"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status, headers, words = self.server.take(body, {name.lower(): value for name, value in self.headers.items()})
        self.send_response(status)
        for name, value in {"Content-Length": str(len(words)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(words)

    def log_message(self, *args: Any) -> None:
        pass


class EventReceiver(ThreadingHTTPServer):
    """Keeps the calls that it accepted, in their order, as (webhook-id, events)."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.secret = ""
        self.calls: list[tuple[str, list[dict[str, Any]]]] = []
        self.refused: list[str] = []  # ids of calls that were answered otherwise
        self.unsigned = 0
        self.answer: Callable[[str], Answer] = lambda identity: (204, {}, b"")
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/events?key=1"

    @property
    def events(self) -> list[dict[str, Any]]:
        return [event for _, events in self.calls for event in events]

    @property
    def types(self) -> list[str]:
        return [event["type"] for event in self.events]

    def take(self, body: bytes, headers: dict[str, str]) -> Answer:
        identity = headers["webhook-id"]
        with self.lock:
            try:
                told = Webhook(self.secret).verify(body, headers)
            except WebhookVerificationError:
                self.unsigned += 1
                return 401, {}, b"not signed"
            found = self.answer(identity)
            if found[0] < 300:
                self.calls.append((identity, told["data"]))
            else:
                self.refused.append(identity)
        return found

    def handle_error(self, *args: Any) -> None:
        """An answer that raises hangs up, without a word."""

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.shutdown()
        self.server_close()
