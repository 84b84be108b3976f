"""What is told of a delivery after it left, and what may be asked of an earlier broadcast because of it."""

from django.db import models

# The set-once facts that the outside tells; each is a nullable time of Delivery and a counter of Batch.
FACTS = ("delivered", "bounced", "opened", "clicked", "played", "replied", "complained", "unsubscribed")
# Those that our own pages tell, whatever the channel; all others are told where a transport `reports` them.
OWN_FACTS = frozenset({"unsubscribed"})


class Engagement(models.TextChoices):
    """What became of an earlier broadcast for somebody; for retargeting and rules."""

    SENT = "sent", "Was sent it"
    DELIVERED = "delivered", "Received it"
    OPENED = "opened", "Opened it"
    NOT_OPENED = "not_opened", "Was sent it and did not open it"
    CLICKED = "clicked", "Clicked in it"
    REPLIED = "replied", "Replied to it"
    FAILED = "failed", "Could not be reached"

    @property
    def fact(self) -> str:
        """The fact that has to be measured to know it; "" for what sending itself knows."""
        name = self.value.removeprefix("not_")
        return name if name in FACTS else ""
