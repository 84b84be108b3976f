from typing import Any

from django.db import models
from django.db.models import ProtectedError
from django.db.models.functions import Lower

from .base import Base
from .broadcasts import Broadcast
from .organizations import Organization


class Layout(Base):
    """What stands around the content of mail: header, footer, colours and font, the same in each message."""

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="layouts")
    name = models.CharField(max_length=255)
    header = models.JSONField(default=list, blank=True, help_text="Blocks above the content.")
    footer = models.JSONField(default=list, blank=True, help_text="Blocks below the content.")
    style = models.JSONField(default=dict, blank=True, help_text="Colours, font and width.")

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                "organization",
                Lower("name"),
                name="layout_name_ci",
                violation_error_message="There is a layout of this name already.",
            )
        ]

    def __str__(self) -> str:
        return self.name

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Delete the row; raises ProtectedError while `users` returns any."""
        if users := self.users():
            raise ProtectedError(f"“{users[0]}” uses it.", set(users))
        return super().delete(*args, **kwargs)

    def users(self) -> list[models.Model]:
        """Return up to ten unfinished broadcasts, then up to ten templates, that use this layout."""
        broadcasts = Broadcast.objects.filter(messages__layout=self).distinct()
        return [*broadcasts.exclude(Broadcast.ENDED)[:10], *self.templates.all()[:10]]
