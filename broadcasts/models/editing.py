from django.conf import settings
from django.db import models

from .base import Base
from .broadcasts import Broadcast


class Editing(Base):
    """Who has a page of a broadcast open, and what they typed there that could not be saved.

    One row for each user and place; a page that is open writes it every few seconds. `form` is the form as the browser
    posted it, kept because it is not valid yet or because somebody else changed the same; blank when all is saved.
    """

    organization_path = "broadcast__organization"

    broadcast = models.ForeignKey(Broadcast, models.CASCADE, related_name="edited_by", db_index=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    place = models.CharField(max_length=40)  # the step of the guided page; of content with the message: what:<pk>
    form = models.TextField(blank=True)  # as application/x-www-form-urlencoded
    why_not = models.JSONField(default=list)  # why it could not be saved, in words
    seen_at = models.DateTimeField()  # when the page was open last

    class Meta:
        constraints = [
            # Also finds who else edits a broadcast.
            models.UniqueConstraint(fields=["broadcast", "user", "place"], name="editing_once"),
        ]

    def __str__(self) -> str:
        return f"{self.user} at {self.place} of {self.broadcast}"
