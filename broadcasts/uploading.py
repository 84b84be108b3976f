"""Take uploaded files for messages: what is accepted, what is made of pictures, and where it is kept."""

import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Any

from django.conf import settings
from django.core.files.base import ContentFile, File
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction

from broadcasts import formats
from broadcasts.exceptions import FileRefused
from broadcasts.filetypes import PICTURES, FileType, clean_name, file_type, is_for_messages, is_picture, is_svg
from broadcasts.models import Media, Organization

log = logging.getLogger(__name__)

PICTURES_ACCEPTED = "pictures (PNG, JPEG, GIF, WebP, AVIF)"
ACCEPTED = f"{PICTURES_ACCEPTED}, audio, video, PDF, office documents, calendars (ICS) and contact cards (VCF)"
KINDS = {file_type.media_type: kind.upper() for kind, file_type in PICTURES.items()}  # as `pictures` calls them
MOST_BYTES = 64 * 10**6  # of a picture, whatever larger files of other types are allowed
PICTURE_SECONDS = 30  # for the process that makes a picture; it has its own limit of CPU time
WAITING_SECONDS = 20  # for the pictures of others
REFUSALS = {
    "damaged": "The picture is damaged or incomplete: open it in an image program, save it again and upload that.",
    "costly": "The picture takes too much time or memory to read: save a smaller copy and upload that.",
    "pixels": "The picture has too many pixels{size}; the limit is {limit} million. Save a smaller copy.",
    "frames": "The animation has more than {limit} frames, too many for its size: shorten it or make it smaller.",
    "busy": "Too many pictures are being uploaded at the moment; try again.",
}
_turn = threading.BoundedSemaphore(1)  # one at a time in each web process, since each may take much memory


def store(
    organization: Organization,
    file: UploadedFile,
    filename: str = "",
    alternative_text: str = "",
    accepts: Callable[[str], bool] = is_for_messages,
) -> Media:
    """Store an uploaded file; raises FileRefused. It takes seconds for some pictures: call it outside transactions.

    filename: what messages call it; without one, as it was called when uploaded. accepts: whether a media type, which
    is detected from the content, may be stored; `filetypes.is_for_chats` takes fewer. Of a picture only what messages
    show is kept (`pictures.prepare`). Providers fetch the file at `url` of the returned row, HTML shows it at its
    `address`, and messages name it by its uuid.
    """
    Media.check_size(file.size or 0)
    if is_svg(file):
        raise FileRefused("It is an SVG, which may hold programs: export it as a PNG and upload that.", "type")
    found = file_type(file, str(file.name))
    if not accepts(found.media_type):
        accepted = PICTURES_ACCEPTED if accepts is is_picture else ACCEPTED
        raise FileRefused(f"Its content is of another type than those accepted: {accepted}.", "type")
    name = clean_name(filename or str(file.name))
    media = Media(organization=organization, file=file, filename=name, alternative_text=alternative_text)
    small = _make_picture(media, file, found) if is_picture(found.media_type) else b""
    with transaction.atomic():
        media.check_file()
        media.save()
        if small:
            media.keep_thumbnail(small)
    return media


def thumbnail(media: Media) -> bytes | None:
    """Return a small picture of a picture, in WebP; None if it cannot be read. It is made when it is first asked for
    of a picture that was uploaded before there were any.
    """
    if not media.is_picture:
        return None
    try:
        return media.thumbnail_path.read_bytes()
    except OSError:
        pass
    try:
        with media.file.open("rb") as file:
            _, small = picture(file, file_type(file))
    except (FileRefused, OSError):
        return None
    media.keep_thumbnail(small)
    return small


def picture(file: File | Any, found: FileType) -> tuple[dict[str, Any], bytes]:
    """Make what messages show of a picture, in a process of its own; raises FileRefused.

    Returns {"content", "format", "width", "height"} and its thumbnail.
    """
    if file.size > MOST_BYTES:
        raise FileRefused(REFUSALS["costly"], "picture")
    file.seek(0)
    data = file.read()
    if not _turn.acquire(timeout=WAITING_SECONDS):
        raise FileRefused(REFUSALS["busy"], "busy")
    try:
        answer = _run(data, KINDS.get(found.media_type, ""))
    finally:
        _turn.release()
    head, _, rest = answer.partition(b"\n")
    told = json.loads(head)
    if why := told.get("refused"):
        raise FileRefused(_words(why, told), "picture")
    content, small = rest[: told["size"]], rest[told["size"] :]
    return {"content": content, **{name: told[name] for name in ("format", "width", "height")}}, small


def _run(data: bytes, kind: str) -> bytes:
    command = [sys.executable, "-m", "broadcasts.pictures", kind]
    environment = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH") if name in os.environ}
    try:
        done = subprocess.run(  # noqa: S603
            command,
            input=data,
            capture_output=True,
            cwd=settings.BASE_DIR,
            env={**environment, "MALLOC_ARENA_MAX": "1"},
            timeout=PICTURE_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise FileRefused(REFUSALS["costly"], "picture") from None
    if done.returncode > 0:
        log.error("A picture could not be read: %s", done.stderr.decode(errors="replace")[-500:])
        raise FileRefused(REFUSALS["damaged"], "picture")
    if done.returncode:  # it was killed at a limit, or by what it read
        raise FileRefused(REFUSALS["costly"], "picture")
    return done.stdout


def _make_picture(media: Media, file: UploadedFile, found: FileType) -> bytes:
    """Put what messages show of a picture in place of the upload; return its thumbnail."""
    made, small = picture(file, found)
    kind = PICTURES[made["format"].lower()]
    media.width, media.height = made["width"], made["height"]
    if kind != found:  # the name told the format that it had
        media.filename = str(PurePosixPath(media.filename).with_suffix(f".{kind.extension}"))
    media.file = ContentFile(made["content"], name=media.filename)
    return small


def _words(why: str, facts: dict[str, Any]) -> str:
    limit = facts.get("limit", 0)
    has_size = "width" in facts
    size = f" ({formats.number(facts['width'])} by {formats.number(facts['height'])})" if has_size else ""
    told = formats.number(limit // 10**6 if why == "pixels" else limit)
    return REFUSALS.get(why, REFUSALS["damaged"]).format(limit=told, size=size)
