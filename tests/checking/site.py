"""A web site that links lead to, which answers each path as it is told to."""

from collections.abc import Callable
from typing import Any

from tests.http_server import Handler, HttpServer

Act = Callable[["Page"], None]


class Page(Handler):
    def do_GET(self) -> None:
        with self.server.lock:  # type: ignore[attr-defined]
            self.server.calls.append((f"{self.command} {self.path}", b""))  # type: ignore[attr-defined]
        self.server.acts.get(self.path, fine)(self)  # type: ignore[attr-defined]

    do_HEAD = do_GET

    def answer(self, status: int, body: Any, headers: Any = None) -> None:
        super().answer(status, b"" if self.command == "HEAD" else body, headers or {})


class Site(HttpServer):
    handler = Page

    def at(self, path: str, act: Act | None = None) -> str:
        """The address of a path, and what is done there."""
        if act:
            self.acts[path] = act  # type: ignore[assignment]
        return f"{self.base}{path}"

    @property
    def asked(self) -> list[str]:
        return [call for call, _ in self.calls]


def fine(page: Page) -> None:
    page.answer(200, b"Hello")


def only_get(page: Page) -> None:
    page.answer(405 if page.command == "HEAD" else 200, b"Hello")


def to(address: str, status: int = 302) -> Act:
    return lambda page: page.answer(status, b"", {"Location": address})


def says(status: int) -> Act:
    return lambda page: page.answer(status, b"")


def endless(page: Page) -> None:
    """A body without an end, which is sent as fast as it is read."""
    page.send_response(200)
    page.end_headers()
    page.close_connection = True
    while page.command == "GET" and not page.server.released.is_set():  # type: ignore[attr-defined]
        page.wfile.write(b"a" * 65_536)
        page.server.written = getattr(page.server, "written", 0) + 65_536  # type: ignore[attr-defined]


def endless_to_get(page: Page) -> None:
    says(404)(page) if page.command == "HEAD" else endless(page)


def silent(page: Page) -> None:
    page.server.released.wait(30)  # type: ignore[attr-defined]
    page.close_connection = True
