from django.conf import settings
from django.db import models

from .base import Base
from .messages import Message


class MessageVersion(Base):
    """What a message said at one time: who wrote it, when, and all of its content.

    Saves by one user that follow each other closely are one version: `created` is when it began, `modified` when it was
    written last.
    """

    organization_path = "message__broadcast__organization"

    message = models.ForeignKey(Message, models.CASCADE, related_name="versions", db_index=False)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, editable=False, related_name="+")
    author_name = models.CharField(max_length=255, blank=True, editable=False)
    # {"channel": uuid, "template": uuid, "layout": uuid, "syntax", "parameters", "translations": {language: content},
    # "languages": in their order, "names": {uuid: name} of the channel, template, layout and files}
    content = models.JSONField(default=dict, editable=False)
    checksum = models.CharField(max_length=64, editable=False)  # of the content, to tell that nothing changed
    # A digest of each field, by its place in the content: lists tell what changed without reading the content.
    parts = models.JSONField(default=dict, editable=False)

    class Meta:
        ordering = ["-id"]
        indexes = [
            # The versions of one message, the newest first.
            models.Index(fields=["message", "-id"], name="version_by_message"),
        ]

    def __str__(self) -> str:
        return f"{self.message}, {self.author_name or 'by a program'}"
