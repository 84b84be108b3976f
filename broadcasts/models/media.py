"""Uploaded files."""

import re
import secrets
from functools import reduce
from operator import or_
from pathlib import Path, PurePosixPath
from typing import Any

from django.conf import settings
from django.db import models, transaction
from django.db.models import ProtectedError, Q, Sum

from broadcasts import formats, links
from broadcasts.exceptions import FileRefused, WrongState
from broadcasts.filetypes import BINARY, EXTENSIONS, SHOWN, clean_name, file_type

from .base import Base
from .broadcasts import Broadcast
from .layouts import Layout
from .messages import MessageTranslation
from .organizations import Organization
from .templates import Template, TemplateTranslation

# The fields of content that name files by their uuids or addresses, in JSON, and those that have addresses only.
NAMING, SHOWING = ("attachments", "parameters", "blocks", "slots"), ("html", "text", "source")


def media_path(media: "Media", filename: str) -> str:
    """Return a random path to store a file under, with the extension of its detected type."""
    name = secrets.token_hex(16)
    return f"{name[:2]}/{name}.{media.extension}"


class Media(Base):
    """A file that messages attach or show.

    It is stored under a random name; `filename` is its name in lists and as an attachment. Its type is detected from
    its content. The file cannot be replaced, since messages refer to it by uuid.
    """

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="media")
    file = models.FileField(upload_to=media_path)
    filename = models.CharField(
        max_length=255, blank=True, help_text="What mail calls the file; without one, as it was called when uploaded."
    )
    content_type = models.CharField(max_length=100, blank=True, editable=False)
    size = models.PositiveBigIntegerField(default=0, editable=False)
    alternative_text = models.CharField(
        max_length=500, blank=True, help_text="What a picture shows, for people and programs that do not see it."
    )
    width = models.PositiveIntegerField(null=True, editable=False)  # in pixels, of pictures
    height = models.PositiveIntegerField(null=True, editable=False)

    THUMBNAILS = "thumbnails"  # the folder of thumbnails, within that of files

    class Meta:
        verbose_name_plural = "media"

    def __str__(self) -> str:
        return self.filename or str(self.file.name)

    @staticmethod
    def matching(words: str) -> Q:
        """Return the clause of a search, by name or alternative text."""
        return Q(filename__icontains=words) | Q(alternative_text__icontains=words)

    @staticmethod
    def used_bytes(organization_id: int) -> int:
        """Return how much of an organization's quota is used."""
        return Media.objects.for_organization(organization_id).aggregate(sum=Sum("size"))["sum"] or 0

    @staticmethod
    def check_size(size: int) -> None:
        """Raise FileRefused if a file of so many bytes is too large."""
        limit = settings.MEDIA_MAX_MB
        if size > limit * 10**6:
            raise FileRefused(
                f"It is larger than {formats.number(limit)} MB; publish it elsewhere and link to it.", "size"
            )

    def check_quota(self) -> None:
        """Raise FileRefused if the new file is too large with the organization's other files.

        Call it in the transaction that saves the row: other uploads of the organization wait until its end, so that
        each counts the files of those before it.
        """
        Organization.objects.select_for_update(no_key=True).get(pk=self.organization_id)
        quota = settings.MEDIA_QUOTA_MB
        if quota and self.used_bytes(self.organization_id) + self.file.size > quota * 10**6:
            refusal = (
                f"With it, the files of the organization are larger than {formats.number(quota)} MB together; "
                "delete some that are no longer needed."
            )
            raise FileRefused(refusal, "quota")

    @property
    def thumbnail_path(self) -> Path:
        """Where its thumbnail is kept, if it has one; beside the files of media, which are not named like that."""
        return settings.MEDIA_ROOT / self.THUMBNAILS / str(PurePosixPath(str(self.file.name)).with_suffix(".webp"))

    def keep_thumbnail(self, content: bytes) -> None:
        path = self.thumbnail_path
        for folder in (path.parent.parent, path.parent):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.write_bytes(content)

    @property
    def extension(self) -> str:
        return EXTENSIONS.get(self.content_type, BINARY.extension)

    @property
    def is_picture(self) -> bool:
        return self.content_type in SHOWN

    @property
    def address(self) -> str:
        """Its permanent public address, for the HTML of messages: a picture is shown, any other file is downloaded."""
        return links.media_address(self.pk, self.extension)

    @property
    def url(self) -> str:
        """An address at which a provider can fetch it without a token, for `links.MEDIA_DAYS`."""
        return links.media_url(self.pk)

    @property
    def is_new_file(self) -> bool:
        """Whether a file is assigned that is not stored yet."""
        return bool(self.file) and not self.file._committed  # type: ignore[attr-defined]

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.filename = clean_name(self.filename or str(self.file.name))
        if self.is_new_file:
            self.content_type = file_type(self.file, self.filename).media_type
            self.size = self.file.size
        super().save(*args, **kwargs)

    def delete(self, *args: Any, even_sent: bool = False, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Delete the row and, after commit, its file.

        Raises ProtectedError while `users` returns any, and WrongState if `senders` does, unless `even_sent`.
        """
        if users := self.users():
            raise ProtectedError(f"“{users[0]}” carries it.", set(users))
        if not even_sent and (sent := self.senders()):
            raise WrongState(f"Mail that was sent shows or links it, such as “{sent[0]}”: its readers would miss it.")
        deleted = super().delete(*args, **kwargs)
        transaction.on_commit(self._delete_files, robust=True)
        return deleted

    def _delete_files(self) -> None:
        self.file.storage.delete(str(self.file.name))
        self.thumbnail_path.unlink(missing_ok=True)

    def users(self) -> list[models.Model]:
        """Return what needs this file, up to ten of each kind.

        These are unfinished broadcasts, templates and layouts that name it or have its address, and the organization if
        one of its values for templates has.
        """
        content = self._named_in(*NAMING) | self._shown_in(*SHOWING)
        open_ones = self._broadcasts(content, self._named_in("messages__parameters")).exclude(Broadcast.ENDED)
        contents = TemplateTranslation.objects.for_organization(self.organization_id).filter(content)
        templates = Template.objects.filter(translations__in=contents.order_by()).distinct()
        layouts = Layout.objects.for_organization(self.organization_id).filter(self._named_in("header", "footer"))
        owner = Organization.objects.filter(self._named_in("globals"), pk=self.organization_id)
        return [*open_ones[:10], *templates[:10], *layouts[:10], *owner]

    def senders(self) -> list[Broadcast]:
        """Return up to ten finished broadcasts, newest first, whose copies show or link this file by its address."""
        found = self._broadcasts(self._shown_in("html", "text"))
        return list(found.filter(Broadcast.ENDED).order_by("-id")[:10])

    def _broadcasts(self, content: Q, also: Q | None = None) -> models.QuerySet[Broadcast]:
        """Return the broadcasts of which a language fits a clause, or that fit another."""
        contents = MessageTranslation.objects.for_organization(self.organization_id).filter(content)
        fits = Q(messages__translations__in=contents.order_by()) | (also or Q())
        return Broadcast.objects.for_organization(self.organization_id).filter(fits).distinct()

    def _named_in(self, *fields: str) -> Q:
        """Return the clause for JSON that has its uuid or its address."""
        # By one expression: a database writes the whole field as text for each that it compares.
        marks = "|".join(map(re.escape, (str(self.uuid), self.uuid.hex, self._mark)))
        return reduce(or_, (Q(**{f"{field}__iregex": marks}) for field in fields))

    def _shown_in(self, *fields: str) -> Q:
        """Return the clause for texts that have its address."""
        return reduce(or_, (Q(**{f"{field}__contains": self._mark}) for field in fields))

    @property
    def _mark(self) -> str:
        """What its address has and that of no other file, whatever BASE_URL and its extension were then."""
        return f"/m/{links.library_token(self.pk)}."
