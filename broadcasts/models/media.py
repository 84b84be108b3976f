"""Uploaded files."""

import secrets
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models import ProtectedError, Q, Sum

from broadcasts import formats, links
from broadcasts.exceptions import FileRefused
from broadcasts.filetypes import BINARY, EXTENSIONS, SHOWN, clean_name, file_type

from .base import Base
from .broadcasts import Broadcast
from .messages import MessageTranslation
from .organizations import Organization
from .templates import Template, TemplateTranslation


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

    class Meta:
        verbose_name_plural = "media"

    def __str__(self) -> str:
        return self.filename or str(self.file.name)

    def clean(self) -> None:
        super().clean()
        if self.is_new_file and self.organization_id is not None:  # None in a form that lacks it, which says so
            try:
                self.check_file()
            except FileRefused as error:
                raise ValidationError(error.errors) from None

    @staticmethod
    def check_size(size: int) -> None:
        """Raise FileRefused if a file of so many bytes is too large."""
        limit = settings.MEDIA_MAX_MB
        if size > limit * 10**6:
            raise FileRefused(
                f"It is larger than {formats.number(limit)} MB; publish it elsewhere and link to it.", "size"
            )

    def check_file(self) -> None:
        """Raise FileRefused if the new file is too large, alone or with the organization's other files.

        Call it in the transaction that saves the row: other uploads of the organization wait until its end, so that
        each counts the files of those before it.
        """
        self.check_size(self.file.size)
        Organization.objects.select_for_update(no_key=True).get(pk=self.organization_id)
        quota = settings.MEDIA_QUOTA_MB
        stored = Media.objects.for_organization(self.organization_id).aggregate(sum=Sum("size"))["sum"] or 0
        if quota and stored + self.file.size > quota * 10**6:
            refusal = (
                f"With it, the files of the organization are larger than {formats.number(quota)} MB together; "
                "delete some that are no longer needed."
            )
            raise FileRefused(refusal, "quota")

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

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Delete the row and, after commit, its file; raises ProtectedError while `users` returns any."""
        if users := self.users():
            raise ProtectedError(f"“{users[0]}” carries it.", set(users))
        deleted = super().delete(*args, **kwargs)
        transaction.on_commit(lambda: self.file.storage.delete(str(self.file.name)), robust=True)
        return deleted

    def users(self) -> list[Broadcast | Template]:
        """Return up to ten unfinished broadcasts, then up to ten templates, whose content names this file."""
        named = self._named_in("attachments") | self._named_in("parameters")
        messages = MessageTranslation.objects.for_organization(self.organization_id).filter(named)
        carries = Q(messages__translations__in=messages.order_by()) | self._named_in("messages__parameters")
        broadcasts = Broadcast.objects.for_organization(self.organization_id).filter(carries)
        open_ones = broadcasts.exclude(Broadcast.BEGUN, status__in=Broadcast.FINISHED).distinct()
        contents = TemplateTranslation.objects.for_organization(self.organization_id).filter(named)
        templates = Template.objects.filter(translations__in=contents.order_by()).distinct()
        return [*open_ones[:10], *templates[:10]]

    def _named_in(self, field: str) -> Q:
        return Q(**{f"{field}__icontains": str(self.uuid)}) | Q(**{f"{field}__icontains": self.uuid.hex})
