"""Uploaded files: for providers at addresses that are signed and expire, and for readers at permanent ones."""

import os
from collections.abc import Iterable, Mapping
from functools import lru_cache
from http import HTTPStatus
from pathlib import Path
from typing import IO, Any, NamedTuple

from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.utils.http import content_disposition_header, parse_etags
from django.views.decorators.http import require_safe

from broadcasts import links, tracking
from broadcasts.filetypes import HARMLESS, SHOWN, clean_name, file_type, served
from broadcasts.models import Media

from .shortcut import Headers, Shortcut

PREFIX = "/m/"
YEAR_SECONDS = 31_536_000
KNOWN = 10_000  # files in the memory of a process
AT_ONCE = 1 << 18  # bytes of a file that leave in one piece
ALWAYS = [
    ("Cache-Control", f"public, max-age={YEAR_SECONDS}, immutable"),
    *HARMLESS.items(),
    ("Cross-Origin-Resource-Policy", "cross-origin"),  # web mail shows it within pages of other sites
    ("X-Robots-Tag", "noindex"),
]


class KnownFile(NamedTuple):
    """What a process remembers of a file, which never changes."""

    path: Path
    extension: str
    headers: Headers


class FileAnswer(NamedTuple):
    """What a permanent address is answered with; file: the body, or None if it has none."""

    status: HTTPStatus
    headers: Headers
    file: IO[bytes] | None = None


class FilesShortcut(Shortcut):
    """Answers permanent addresses of files: every reader of mail asks for some."""

    prefixes = (PREFIX,)

    def reply(self, environ: dict[str, Any]) -> tuple[HTTPStatus, Headers, Iterable[bytes]] | None:
        answer = None if tracking.is_tracking_host(tracking.host_of(environ)) else answered(environ)
        if answer is None:
            return None
        return answer.status, answer.headers, [] if answer.file is None else sent(answer.file, environ)


@require_safe
def permanent(request: HttpRequest, name: str) -> HttpResponse:
    """Show a picture, or give out another file, at its permanent address; all others get 404."""
    answer = answered(request.META)
    if answer is None:
        raise Http404
    return HttpResponse(answer.file or b"", status=answer.status, headers=dict(answer.headers))


def answered(environ: Mapping[str, Any]) -> FileAnswer | None:
    """Answer a permanent address; None for what is not ours, or whose file is gone."""
    token, _, extension = environ["PATH_INFO"].removeprefix(PREFIX).partition(".")
    media_id = links.library_id(token)
    try:
        known = known_file(media_id or 0)
        file = known.path.open("rb")  # the server closes it
    except (LookupError, OSError):
        return None
    if known.extension != extension:
        file.close()
        return None
    headers = [*ALWAYS, ("ETag", f'"{token}"')]
    is_known_there = f'"{token}"' in parse_etags(environ.get("HTTP_IF_NONE_MATCH", ""))
    length = os.fstat(file.fileno()).st_size
    if is_known_there or environ["REQUEST_METHOD"] == "HEAD":
        file.close()
    if is_known_there:
        return FileAnswer(HTTPStatus.NOT_MODIFIED, headers)
    headers += [*known.headers, ("Content-Length", str(length))]
    return FileAnswer(HTTPStatus.OK, headers, None if file.closed else file)


@lru_cache(KNOWN)
def known_file(media_id: int) -> KnownFile:
    """Return what the answers with a file need of it; raises LookupError, which is not remembered, if there is none."""
    media = Media.objects.filter(pk=media_id).first()
    if media is None:
        raise LookupError(media_id)
    with media.file.open("rb") as file:
        media_type = file_type(file, media.filename).media_type
    headers = [("Content-Type", media_type)]
    if media_type not in SHOWN:
        headers.append(("Content-Disposition", content_disposition_header(True, clean_name(str(media))) or ""))
    return KnownFile(Path(media.file.path), media.extension, headers)


def sent(file: IO[bytes], environ: Mapping[str, Any]) -> Iterable[bytes]:
    """Return the body of an answer; the server reads a large file while it sends it, and keeps no thread for that."""
    if os.fstat(file.fileno()).st_size > AT_ONCE and "wsgi.file_wrapper" in environ:
        wrapped: Iterable[bytes] = environ["wsgi.file_wrapper"](file)
        return wrapped
    with file:
        return [file.read()]


@require_safe
def file(request: HttpRequest, token: str) -> FileResponse:
    """Serve a file to who has an address that has not expired; all others get 404."""
    media = Media.objects.filter(pk=links.media_id(token) or 0).first()
    if media is None:
        raise Http404
    try:
        content = media.file.open("rb")
    except OSError:
        raise Http404 from None
    return served(content, media.filename, str(media), "private, max-age=3600")
