"""Answer some addresses before Django makes a request of them, which takes three times as long as the rest."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any, ClassVar

from broadcasts.database import outage

Headers = list[tuple[str, str]]


class Shortcut(ABC):
    """A WSGI application that answers addresses with its prefixes.

    What does not work, such as a forged link or any while the database is away, is left to the application behind it,
    whose view shows the page.
    """

    prefixes: ClassVar[tuple[str, ...]]

    def __init__(self, application: Callable[..., Iterable[bytes]]) -> None:
        self.application = application

    @abstractmethod
    def reply(self, environ: dict[str, Any]) -> tuple[HTTPStatus, Headers, Iterable[bytes]] | None:
        """Return the status, the headers and the body of an answer, or None."""

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if not environ["PATH_INFO"].startswith(self.prefixes) or environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            return self.application(environ, start_response)
        try:
            reply = self.reply(environ)
        except Exception as error:
            if not outage(error):
                raise
            reply = None
        if reply is None:
            return self.application(environ, start_response)
        status, headers, body = reply
        start_response(f"{status.value} {status.phrase}", headers)
        return body
