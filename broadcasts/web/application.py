"""The WSGI application: Django, with checks before its request is created and limits on streamed responses."""

import codecs
import threading
from collections.abc import Callable, Iterable, Iterator
from http import HTTPStatus
from typing import Any

from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.utils.http import parse_header_parameters

from broadcasts import apis

Environ = dict[str, Any]
Start = Callable[..., Any]
Application = Callable[[Environ, Start], Iterable[bytes]]

RETRY_SECONDS = 30


class Utf8Request(WSGIRequest):
    """A request whose address and forms are UTF-8, whatever charset its body claims to be in.

    Django would read the address by that charset too, and fail where it cannot. What imports files still reads the
    claim, in `content_params`.
    """

    def _set_content_type_params(self, meta: Environ) -> None:
        self.content_type, self.content_params = parse_header_parameters(meta.get("CONTENT_TYPE", ""))


class RequestHandler(WSGIHandler):
    """Django's WSGI handler, with a 400 for a Content-Type that it fails on outside its error handling."""

    request_class = Utf8Request

    def __call__(self, environ: Environ, start_response: Start) -> Any:
        if fault := content_type_fault(environ.get("CONTENT_TYPE", "")):
            return refuse(environ, start_response, HTTPStatus.BAD_REQUEST, fault)
        return super().__call__(environ, start_response)


def content_type_fault(value: str) -> str:
    """Return the error of a Content-Type, or ""; an unknown charset is left to the parser of the body."""
    try:
        charset = parse_header_parameters(value)[1].get("charset", "")
    except Exception:  # it may be nearly any: the parser of e-mail headers was not written for this
        return "Content-Type cannot be read; send one such as “application/json”."
    try:
        codec = codecs.lookup(charset) if charset else None
    except (LookupError, ValueError):
        return ""
    try:
        usable = codec is None or bool("a".encode(codec.name))
    except (LookupError, ValueError):  # no encoding of text, such as zip; or one that always fails: undefined
        usable = False
    return "" if usable else f"Content-Type: the charset “{charset}” encodes no text; use utf-8."


def refuse(environ: Environ, start_response: Start, status: HTTPStatus, text: str, **headers: str) -> list[bytes]:
    """Answer without Django: in the shape that clients of an API expect, else in plain words."""
    api = apis.at(environ.get("PATH_INFO", ""))
    body = api.body(status, text) if api else f"{text}\n".encode()
    kind = api.content_type if api else "text/plain; charset=utf-8"
    told = [("Content-Type", kind), ("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff")]
    start_response(f"{status.value} {status.phrase}", [*told, *((k.replace("_", "-"), v) for k, v in headers.items())])
    return [body]


class Streams:
    """Limits concurrent streamed responses; further ones get 503.

    Each uses a thread for as long as its client reads; the other threads stay free.
    """

    def __init__(self, application: Application, most: int) -> None:
        self.application = application
        self.free = threading.BoundedSemaphore(most)

    def __call__(self, environ: Environ, start_response: Start) -> Iterable[bytes]:
        told: list[tuple] = []
        answer = self.application(environ, lambda *args: told.append(args))
        if not getattr(answer, "streaming", False):
            start_response(*told[0])
            return answer
        if not self.free.acquire(blocking=False):
            answer.close()  # type: ignore[attr-defined]
            text = "Too many downloads are under way; try again in a moment."
            return refuse(environ, start_response, HTTPStatus.SERVICE_UNAVAILABLE, text, Retry_After=str(RETRY_SECONDS))
        start_response(*told[0])
        return Stream(answer, self.free)


class Stream:
    """A streamed response; the server closes it in any case."""

    def __init__(self, answer: Any, free: threading.BoundedSemaphore) -> None:
        self.answer = answer
        self.free = free

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.answer)

    def close(self) -> None:
        try:
            self.answer.close()
        finally:
            self.free.release()
