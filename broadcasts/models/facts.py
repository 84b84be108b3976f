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
    def who(self) -> str:
        """What follows "those who"."""
        return _WORDS[self][0]

    def did(self, what: str) -> str:
        """Return what somebody must do or have done with a broadcast: what follows "they must"."""
        return _WORDS[self][1].format(what)

    @property
    def fact(self) -> str:
        """The fact that has to be measured to know it; "" for what sending itself knows."""
        name = self.value.removeprefix("not_")
        return name if name in FACTS else ""


_WORDS = {
    Engagement.SENT: ("were sent it", "have been sent {}"),
    Engagement.DELIVERED: ("received it", "have received {}"),
    Engagement.OPENED: ("opened it", "have opened {}"),
    Engagement.NOT_OPENED: ("did not open it", "have been sent {} and not opened it"),
    Engagement.CLICKED: ("clicked in it", "have clicked in {}"),
    Engagement.REPLIED: ("replied to it", "have replied to {}"),
    Engagement.FAILED: ("could not be reached", "be somebody whom {} failed to reach"),
}
