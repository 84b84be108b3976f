"""The shares of a channel or receiving domain, the thresholds that they are judged by, and both in words."""

from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property

from django.conf import settings

from broadcasts import formats
from broadcasts.models import Organization

from .totals import Numbers

LEAST_SENT = 1000  # mails, before shares are judged
LEAST_COMPLAINTS = 5
LEAST_UNDELIVERED = 20
LEVELS = ["good", "slow", "pause"]

COMPLAINTS = "complaints"
UNDELIVERED = "bounces and refusals"
WHY = {
    COMPLAINTS: "Mail providers refuse senders with that many complaints. Send only to people who asked for your mail, "
    "and make unsubscribing easy.",
    UNDELIVERED: "Mail providers take that for a list that was bought or is too old. Remove the addresses that do not "
    "exist, and ask where they came from.",
}


@dataclass(frozen=True)
class Share:
    """One share with its thresholds, in percent: above `slow` it slows, above `pause` it pauses."""

    name: str
    n: int
    of: int
    least: int
    slow: Decimal
    pause: Decimal
    of_domain: bool = False  # then it slows only

    @property
    def share(self) -> float:
        return self.n / self.of if self.of else 0.0

    @property
    def is_judged(self) -> bool:
        return self.of >= LEAST_SENT

    @property
    def level(self) -> str:
        """`good`, `slow` or `pause`; good while there are too few to judge."""
        if not self.is_judged or self.n < self.least or 100 * self.n <= self.slow * self.of:
            return "good"
        return "pause" if 100 * self.n > self.pause * self.of else "slow"

    @property
    def percent(self) -> str:
        return formats.percent(self.share, 2)

    @property
    def words(self) -> str:
        """What it means, such as “Good (above 0.1% slows, above 0.3% pauses)”."""
        pauses = "" if self.of_domain else f", above {percent_of(self.pause)} pauses"
        limits = f"above {percent_of(self.slow)} slows{pauses}"
        if not self.is_judged:
            return f"Not judged yet: {formats.number(LEAST_SENT)} sent are needed ({limits})"
        if self.level == "good" and 100 * self.n > self.slow * self.of:
            return f"Not judged yet: {self.least} are needed ({limits})"
        if self.level == "good":
            return f"Good ({limits})"
        if self.level == "pause" and not self.of_domain:
            return f"Much too high: above {percent_of(self.pause)}, which pauses"
        also = "" if self.of_domain else f" (above {percent_of(self.pause)} pauses)"
        return f"Too high: above {percent_of(self.slow)}, which slows{also}"


@dataclass(frozen=True)
class Gauge:
    """The shares of a receiving domain, or of the whole channel where `domain` is ""."""

    organization: Organization
    domain: str
    numbers: Numbers

    @property
    def sent(self) -> int:
        return self.numbers.sent

    @property
    def complained(self) -> int:
        return self.numbers.complained

    @property
    def bounced(self) -> int:
        return self.numbers.bounced

    @property
    def refused(self) -> int:
        return self.numbers.failed

    @cached_property
    def complaints(self) -> Share:
        limits = self.organization.complaints_slow, self.organization.complaints_pause
        return Share(COMPLAINTS, self.complained, self.sent, LEAST_COMPLAINTS, *limits, of_domain=bool(self.domain))

    @cached_property
    def undelivered(self) -> Share:
        """Bounces and refusals together, of all that was tried."""
        limits = self.organization.bounces_slow, self.organization.bounces_pause
        n, of = self.bounced + self.refused, self.sent + self.refused
        return Share(UNDELIVERED, n, of, LEAST_UNDELIVERED, *limits, of_domain=bool(self.domain))

    @property
    def shares(self) -> tuple[Share, Share]:
        return self.complaints, self.undelivered

    @property
    def worst(self) -> Share:
        """The share of the highest level."""
        return max(self.shares, key=lambda one: LEVELS.index(one.level))

    @property
    def level(self) -> str:
        """`good`, `slow` or `pause`."""
        return self.worst.level

    @property
    def is_judged(self) -> bool:
        return any(one.is_judged for one in self.shares)

    def fact(self, channel: object, when: str = "") -> str:
        """Say which share is too high: of which mails, in which time, and the reason to mind."""
        one = self.worst
        to = f" to {self.domain}" if self.domain else ""
        when = when or within()
        n, of = formats.number(one.n), formats.number(one.of)
        if one.name == COMPLAINTS:
            return f"{n} of the {of} mails that “{channel}” sent{to} {when} brought a complaint ({one.percent})"
        return f"{n} of the {of} mails that “{channel}” tried{to} {when} bounced or were refused ({one.percent})"

    @property
    def advice(self) -> str:
        return WHY[self.worst.name]


def within() -> str:
    """Say how long the window is."""
    days = settings.GAUGE_DAYS
    return "in the last day" if days == 1 else f"in the last {formats.number(days)} days"


def percent_of(limit: Decimal) -> str:
    """Write a threshold, which is in percent: 0.3%."""
    return f"{formats.number(limit)}%"
