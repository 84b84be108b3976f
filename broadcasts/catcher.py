"""The demo's mail catcher: an SMTP server that keeps whatever it is sent, and a page to look at it.

A development tool: no login is refused, nothing is encrypted, a hard kill may lose the last COMMIT_EVERY seconds.
"""

import json
import logging
import re
import socket
import sqlite3
from collections import Counter
from contextlib import ExitStack, closing, suppress
from datetime import UTC, datetime
from email import message_from_bytes
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.message import Message
from functools import partial
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread
from typing import Any, NamedTuple, Self, cast
from urllib.parse import parse_qs, quote_plus

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP

from broadcasts import formats
from broadcasts.exceptions import BroadcastsError

LARGEST = 25 * 1024 * 1024
COMMIT_EVERY = 0.2  # seconds
PER_PAGE = 50

# The sources lie apart, so that a search does not read through them.
SCHEMA = """PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
CREATE TABLE IF NOT EXISTS messages (id INTEGER PRIMARY KEY, "to" TEXT, subject TEXT, size INTEGER, received TEXT);
CREATE TABLE IF NOT EXISTS sources (id INTEGER PRIMARY KEY, source BLOB);"""
PAGE_POLICY = "default-src 'self'; script-src 'none'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"
MAIL_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:"
STYLE = """:root { color-scheme: light dark; --line: #8886 }
body { max-width: 72rem; margin: 0 auto; padding: 1.5rem 1rem; font: 1rem/1.5 system-ui, sans-serif }
form, nav { display: flex; flex-wrap: wrap; gap: .5rem 1rem; align-items: center; margin: 1rem 0 }
input, button { font: inherit; padding: .35rem .7rem } input { flex: 0 1 24rem; min-width: 0 }
table { width: 100%; border-collapse: collapse } tr { border-bottom: 1px solid var(--line) }
th, td { padding: .5rem 1rem .5rem 0; text-align: left; vertical-align: top; overflow-wrap: anywhere }
th { white-space: nowrap; overflow-wrap: normal } h1, h2 { font-size: 1.3rem; overflow-wrap: anywhere }
pre, iframe { box-sizing: border-box; width: 100%; border: 1px solid var(--line); border-radius: .4rem }
pre { padding: 1rem; white-space: pre-wrap; overflow-wrap: anywhere }
iframe { height: 36rem; resize: vertical; background: #fff; color-scheme: light }"""


class PortTaken(BroadcastsError):
    """A port cannot be listened on; the text names it."""


class Store:
    """Messages in a file, only ever appended, so that the last id is also their number."""

    def __init__(self, path: Path) -> None:
        self._address = f"{path.absolute().as_uri()}?mode=ro"
        self._lock = Lock()
        self._db = sqlite3.connect(path, check_same_thread=False)
        self._db.executescript(SCHEMA)
        self.count: int = self._db.execute("SELECT coalesce(max(id), 0) FROM messages").fetchone()[0]

    def close(self) -> None:
        self.commit()
        self._db.close()

    def add(self, recipients: list[str], source: bytes) -> bool:
        """Keep a message; return whether it is the first that waits for `commit`."""
        # SQLite takes no halves of surrogate pairs, which broken mail can hold.
        to, subject = (text.encode(errors="replace").decode() for text in ("\n".join(recipients), subject_of(source)))
        now = datetime.now(UTC).isoformat(" ", "seconds")
        with self._lock:
            first, number = not self._db.in_transaction, self.count + 1
            # The source first: without its message it is not seen, and the next one replaces it.
            self._db.execute("INSERT OR REPLACE INTO sources VALUES (?, ?)", (number, source))
            self._db.execute("INSERT INTO messages VALUES (?, ?, ?, ?, ?)", (number, to, subject, len(source), now))
            self.count = number
        return first

    def commit(self) -> None:
        with self._lock:
            self._db.commit()

    def find(self, search: str, page: int) -> list[dict[str, Any]]:
        """Return a page of messages, newest first, and one more when there is a next page."""
        pattern = "%" + re.sub(r"([\\%_])", r"\\\1", search) + "%"
        query = r"""SELECT * FROM messages WHERE ?1 = '%%' OR "to" LIKE ?1 ESCAPE '\' OR subject LIKE ?1 ESCAPE '\'
            ORDER BY id DESC LIMIT ?2 OFFSET ?3"""
        return self._read(query, (pattern, PER_PAGE + 1, (page - 1) * PER_PAGE))

    def recipients(self, after: int) -> Counter[str]:
        rows = self._read('SELECT "to" FROM messages WHERE id > ?', (after,))
        return Counter(address for row in rows for address in row["to"])

    def get(self, number: int) -> dict[str, Any] | None:
        return next(iter(self._read("SELECT * FROM messages JOIN sources USING (id) WHERE id = ?", (number,))), None)

    def _read(self, query: str, values: tuple[Any, ...]) -> list[dict[str, Any]]:
        self.commit()
        # On a connection of its own, so that a slow search does not keep mail waiting.
        with closing(sqlite3.connect(self._address, uri=True)) as db:
            db.row_factory = sqlite3.Row
            return [{**row, "to": row["to"].split("\n")} for row in db.execute(query, values)]


class LenientSmtp(SMTP):
    line_length_limit = LARGEST  # it accepts overlong lines, to show exactly what was sent


class SmtpServer(Controller):
    """Stores received messages; its socket is bound before, since aiosmtpd reports a port in use after five seconds."""

    def __init__(self, store: Store, listening: socket.socket) -> None:
        self.store, self.listening = store, listening
        # Without a name, this machine's would be looked up for every connection.
        options: dict[str, Any] = {"server_hostname": "localhost", "data_size_limit": LARGEST, "enable_SMTPUTF8": True}
        options |= {"auth_require_tls": False, "auth_callback": lambda *login: True}  # any login will do
        super().__init__(self, *listening.getsockname()[:2], **options)

    def factory(self) -> SMTP:
        return LenientSmtp(self, loop=self.loop, **self.SMTP_kwargs)

    def _create_server(self) -> Any:
        return self.loop.create_server(self._factory_invoker, sock=self.listening)

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Any) -> str:
        try:
            if self.store.add(envelope.rcpt_tos, envelope.content):
                self.loop.call_later(COMMIT_EVERY, self.store.commit)
        except sqlite3.Error as error:
            return f"451 4.3.0 The message could not be kept: {error}"
        return "250 2.0.0 OK"


class CatcherResponse(NamedTuple):
    body: str | bytes
    kind: str = "text/html"
    policy: str = PAGE_POLICY
    status: int = 200


class CatcherHandler(BaseHTTPRequestHandler):
    """Serves the pages and the JSON of the catcher, which are read-only."""

    def __init__(self, store: Store, smtp_address: str, *args: Any) -> None:
        self.store, self.smtp_address = store, smtp_address
        super().__init__(*args)  # which answers

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        answer = self._answer(path, {name: values[-1] for name, values in parse_qs(query).items()})
        body = answer.body if isinstance(answer.body, bytes) else answer.body.encode(errors="replace")
        self.send_response(answer.status)
        self.send_header("Content-Type", f"{answer.kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", answer.policy)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Referrer-Policy", "no-referrer")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_HEAD = do_GET

    def log_message(self, format: str, *args: Any) -> None:
        """Leave the terminal to the demo."""

    def _answer(self, path: str, query: dict[str, str]) -> CatcherResponse:
        if path == "/style.css":
            return CatcherResponse(STYLE, "text/css")
        if path in ("/", "/api/messages.json"):
            return self._list(path, query)
        match = re.fullmatch(r"/messages/([0-9]{1,18})/(html|raw|)", path)
        found = self.store.get(int(match[1])) if match else None
        answer = message_answer(found, match[2]) if match and found else None
        return answer or CatcherResponse(page("Not found", "<p>There is nothing here."), status=404)

    def _list(self, path: str, query: dict[str, str]) -> CatcherResponse:
        store, search, number = self.store, query.get("q", "").strip(), query.get("page", "")
        current = max(1, int(number)) if re.fullmatch("[0-9]{1,9}", number) else 1
        found = store.find(search, current)
        if path != "/":
            return CatcherResponse(json.dumps(found[:PER_PAGE]), "application/json")
        empty = f"<p>Nothing caught yet. Mail sent through SMTP {escape(self.smtp_address)} appears here."
        content = list_of(found, store.count, search, current) if store.count else empty
        return CatcherResponse(page("Messages", content))


class Catcher:
    """Both servers on one store, in threads of this process; port 0 means any that is free."""

    def __init__(self, directory: Path, smtp_port: int = 1025, http_port: int = 8025, host: str = "127.0.0.1") -> None:
        self.directory, self.host, self.smtp_port, self.http_port = directory, host, smtp_port, http_port
        self._store: Store | None = None
        self._running = ExitStack()

    def start(self) -> None:
        """Start both servers or, when a port is taken, neither."""
        logging.getLogger("mail.log").setLevel(logging.WARNING)  # aiosmtpd tells of each command
        self.directory.mkdir(parents=True, exist_ok=True)
        with ExitStack() as running:
            for_mail = running.enter_context(listen(self.host, self.smtp_port))
            for_pages = running.enter_context(listen(self.host, self.http_port))
            self.smtp_port, self.http_port = for_mail.getsockname()[1], for_pages.getsockname()[1]
            self._store = running.enter_context(closing(Store(self.directory / "caught.sqlite3")))
            smtp = SmtpServer(self._store, for_mail)
            smtp.start()
            running.callback(smtp.stop)
            handler = partial(CatcherHandler, self._store, f"{self.host}:{self.smtp_port}")
            pages = running.enter_context(ThreadingHTTPServer(("", 0), handler, bind_and_activate=False))
            pages.socket.close()
            pages.socket = for_pages
            Thread(target=pages.serve_forever, args=(0.05,), daemon=True).start()
            running.callback(pages.shutdown)
            self._running = running.pop_all()

    def stop(self, *exc_info: object) -> None:
        self._running.close()

    def count(self) -> int:
        return self._store.count if self._store else 0

    def recipients(self, after: int = 0) -> Counter[str]:
        """Count how often each address was written to, in messages that came after so many."""
        return self._store.recipients(after) if self._store else Counter()

    def __enter__(self) -> Self:
        self.start()
        return self

    __exit__ = stop


def listen(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port))
    except OSError as error:
        raise PortTaken(f"Port {port} of {host} cannot be listened on: {error.strerror}") from error


def readable(header: str) -> str:
    """Decode a header as the parser keeps it: folded, in encoded words, or in raw UTF-8."""
    text = re.sub(r"[\r\n]", "", header).encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    with suppress(LookupError, ValueError, HeaderParseError):
        return str(make_header(decode_header(text))) if "=?" in text else text
    return text


def subject_of(source: bytes) -> str:
    """Find the subject without the cost of parsing the message: thousands arrive in a second."""
    head = source[: 64 * 1024].partition(b"\r\n\r\n")[0]
    match = re.search(rb"^subject:[ \t]*(.*(?:\n[ \t].*)*)", head, re.IGNORECASE | re.MULTILINE)
    return readable(match[1][:2000].decode("ascii", "surrogateescape")) if match else ""


def part(message: Message, kind: str) -> str | None:
    """Return the first part of a kind that is not an attachment."""
    for found in message.walk():
        if found.get_content_type() == kind and found.get_content_disposition() != "attachment":
            content = cast(bytes, found.get_payload(decode=True))
            with suppress(LookupError, ValueError):
                return content.decode(found.get_content_charset("utf-8"), "replace")
            return content.decode("utf-8", "replace")
    return None


def page(title: str, content: str) -> str:
    return f"""<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)} - Caught mail</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="stylesheet" href="/style.css"></head>
<body><header><a href="/">Caught mail</a></header><main><h1>{escape(title)}</h1>{content}</main></body></html>"""


def list_of(found: list[dict[str, Any]], count: int, search: str, number: int) -> str:
    rows = "".join(
        f"""<tr><td><a href="/messages/{caught["id"]}/">{escape(caught["subject"]) or "(no subject)"}</a>
<td>{escape(", ".join(caught["to"]))}<td><time>{caught["received"][:19]}</time><td>{formats.number(caught["size"])}"""
        for caught in found[:PER_PAGE]
    )
    numbers = {"Newer": number - 1, "Older": number + 1 if len(found) > PER_PAGE else 0}
    links = [f'<a href="/?page={n}&amp;q={quote_plus(search)}">{label}</a>' for label, n in numbers.items() if n]
    return f"""<form role="search"><label for="q">Recipient or subject</label>
<input id="q" type="search" name="q" value="{escape(search)}"><button>Search</button>
{formats.number(count)} in all</form>
<table><thead><tr><th scope="col">Subject<th scope="col">To<th scope="col">Received (UTC)<th scope="col">Bytes</thead>
<tbody>{rows or "<tr><td colspan=4>Nothing matches."}</tbody></table><nav aria-label="Pages">{" ".join(links)}</nav>"""


def message_answer(caught: dict[str, Any], view: str) -> CatcherResponse | None:
    """Return the page of a message, or with a `view` its source or its HTML, if it has any."""
    if view == "raw":
        return CatcherResponse(caught["source"], "text/plain")
    message = message_from_bytes(caught["source"])
    text, html = part(message, "text/plain"), part(message, "text/html")
    if view == "html":
        return CatcherResponse(html, policy=MAIL_POLICY) if html is not None else None
    items = [(name, readable(str(value))) for name, value in message.raw_items()]
    headers = "".join(f'<tr><th scope="row">{escape(name)}<td>{escape(value)}' for name, value in items)
    shown = f"""<p>Sent to {escape(", ".join(caught["to"]))} at {caught["received"][:19]} UTC. <a href="raw">Source</a>
<h2>Headers</h2><table>{headers}</table>"""
    if text is not None:
        shown += f"<h2>Text</h2><pre>{escape(text)}</pre>"
    if html is not None:
        shown += '<h2>HTML</h2><p><a href="html">Open it alone</a>, where its links work</p>'
        shown += '<iframe sandbox src="html" title="HTML of the message"></iframe>'
    return CatcherResponse(page(caught["subject"] or "(no subject)", shown))
