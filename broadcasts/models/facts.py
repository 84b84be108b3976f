"""The facts that are reported about deliveries after they are sent, and the engagement that follows from them."""

from django.db import models

# Facts that are set once; each is a nullable time of Delivery and a counter of Batch.
FACTS = ("delivered", "bounced", "opened", "clicked", "played", "replied", "complained", "unsubscribed")
# Facts from our own pages and from STOP, for any channel; all others need a transport that `reports` them.
OWN_FACTS = frozenset({"unsubscribed"})
# Facts that links and a picture of our own measure in mail, with the names of their switches.
TRACKED = {"opened": "track_opens", "clicked": "track_clicks"}


class Engagement(models.TextChoices):
    """How a recipient reacted to an earlier broadcast; for retargeting and rules."""

    SENT = "sent", "Was sent it"
    DELIVERED = "delivered", "Received it"
    OPENED = "opened", "Opened it"
    NOT_OPENED = "not_opened", "Was sent it and did not open it"
    CLICKED = "clicked", "Clicked in it"
    REPLIED = "replied", "Replied to it"
    FAILED = "failed", "Could not be reached"

    @property
    def who(self) -> str:
        """The predicate for “those who …”, such as “opened it”."""
        return _WORDS[self][0]

    def did(self, what: str) -> str:
        """Return the predicate for “they must …”, such as “have opened” and `what`."""
        return _WORDS[self][1].format(what)

    @property
    def fact(self) -> str:
        """The reported fact that it depends on; "" if sending itself records it."""
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
