"""Tell apart what people and what machines fetched, of the fetches of one copy; by rules, of which the first counts.

A moment is the fetches that follow each other within GAP: what machines do to a copy at once falls into one. It is
judged as a whole, so that neither the order of its fetches nor that of the workers matters. Nothing here reads the
database.
"""

from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv4Network, IPv6Network, ip_address
from itertools import islice, takewhile

from .agents import agent_of

OPEN, CLICK, HIDDEN = "open", "click", "hidden"  # kinds of Hit

GAP = timedelta(seconds=10)  # longer than each of the times below
NEW = timedelta(minutes=15)  # after the copy was sent, when scanners follow its links, and few people several at once
BURST = timedelta(seconds=5)  # in which nobody follows three links of a new copy
BURST_LINKS = 3
ALL = timedelta(seconds=2)  # in which nobody follows all links of a new copy, where there are two
AT_ONCE = timedelta(seconds=1)  # in which nobody ever follows three links; in tabs, people do within seconds
LATE_LINKS = 8  # that nobody ever follows within BURST
AROUND = timedelta(seconds=3)  # the hidden link: the same scanner, from several addresses
EARLY = timedelta(seconds=5)  # after the copy was sent

# In the order in which they are tried, with their meaning for staff.
RULES = {
    "head": "Only the headers were asked for.",
    "prefetch": "The request said that it fetches ahead.",
    "hidden": "The same program followed the link that people do not see.",
    "burst": "Many links of the copy were followed within seconds.",
    "early": "The link was followed within seconds of sending.",
    "user_agent": "The program named itself, or did not say what it is.",
    "network": "The link was followed from a network of mail filters.",
    "privacy_proxy": "A privacy proxy fetched the picture, whether or not the message was opened.",
}
SCANNERS = frozenset({"hidden", "burst", "early", "network"})  # what opens a message there is no person either

Networks = Collection[IPv4Network | IPv6Network]


@dataclass(frozen=True, slots=True)
class Fetch:
    """A Hit, as the rules see it."""

    id: int
    kind: str
    link: int | None
    at: datetime
    ip_address: str | None
    user_agent: str
    is_head: bool = False
    is_prefetch: bool = False

    @property
    def source(self) -> tuple[str | None, str]:
        return self.ip_address, self.user_agent


def moments(fetches: Iterable[Fetch], gap: timedelta = GAP) -> Iterator[list[Fetch]]:
    """Yield the fetches of one copy in groups that are more than `gap` apart, the oldest first."""
    group: list[Fetch] = []
    for one in sorted(fetches, key=lambda one: (one.at, one.id)):
        if group and one.at - group[-1].at > gap:
            yield group
            group = []
        group.append(one)
    if group:
        yield group


def judge(moment: Sequence[Fetch], sent_at: datetime | None, links: int, networks: Networks) -> list[str]:
    """Return for each fetch of a moment the rule by which it is a machine's, or "" for a person's.

    sent_at: when the copy was sent, None if that is not known. links: how many links its message has.
    """
    if len(moment) == 1:
        return [_alone(moment[0], sent_at, networks)]
    hidden = _Hidden([one for one in moment if one.kind == HIDDEN])
    is_new = sent_at is None or moment[0].at < sent_at + NEW
    burst = _burst([one for one in moment if one.kind == CLICK], links, is_new)
    rules = [_together(one, hidden, burst) or _alone(one, sent_at, networks) for one in moment]
    scanners: dict[tuple[str | None, str], str] = {}
    for one, rule in zip(moment, rules, strict=True):
        if one.kind == CLICK and rule in SCANNERS:
            scanners.setdefault(one.source, rule)
    return [
        scanners[one.source] if one.kind == OPEN and not rule and one.source in scanners else rule
        for one, rule in zip(moment, rules, strict=True)
    ]


def _said(one: Fetch) -> str:
    """Return the rule by what a request said of itself."""
    return "head" if one.is_head else "prefetch" if one.is_prefetch else ""


class _Hidden:
    """The fetches of the hidden link in a moment, the oldest first."""

    def __init__(self, fetches: Sequence[Fetch]) -> None:
        self.sources = {one.source for one in fetches}
        self.times = [one.at for one in fetches]

    def explains(self, one: Fetch) -> bool:
        """Tell whether who fetched the hidden link fetched this too: the same program, or any at the same time."""
        place = bisect_left(self.times, one.at - AROUND)
        return one.source in self.sources or (place < len(self.times) and self.times[place] <= one.at + AROUND)


def _together(one: Fetch, hidden: _Hidden, burst: Collection[int]) -> str:
    """Return the rule by which a fetch is a machine's because of the others."""
    if said := _said(one):
        return said
    if hidden.explains(one):
        return "hidden"
    return "burst" if one.id in burst else ""


def _alone(one: Fetch, sent_at: datetime | None, networks: Networks) -> str:
    """Return the rule by which a fetch is a machine's, whatever else was fetched."""
    if said := _said(one):
        return said
    if one.kind == HIDDEN:
        return "hidden"
    agent = agent_of(one.user_agent)
    if one.kind == OPEN:
        return "user_agent" if agent.is_machine else "privacy_proxy" if agent.is_privacy_proxy else ""
    if sent_at is not None and one.at < sent_at + EARLY:
        return "early"
    if agent.is_machine or agent.is_image_proxy or agent.is_privacy_proxy:
        return "user_agent"
    return "network" if is_within(one.ip_address, networks) else ""


def _burst(clicks: Sequence[Fetch], links: int, is_new: bool) -> set[int]:
    """Return the ids of the clicks that stand among so many, on different links, that no person made them."""
    found: set[int] = set()
    new, late = ((BURST, BURST_LINKS), (ALL, max(links, 2))), ((BURST, LATE_LINKS), (AT_ONCE, BURST_LINKS))
    for number, first in enumerate(clicks):
        for within, enough in new if is_new else late:
            ends = first.at + within
            some = list(takewhile(lambda one, ends=ends: one.at <= ends, islice(clicks, number, None)))  # type: ignore[misc]
            if len({one.link for one in some}) >= enough:
                found.update(one.id for one in some)
    return found


def is_within(address: str | None, networks: Networks) -> bool:
    """Tell whether an IP address is of one of the networks."""
    if not address or not networks:
        return False
    known = ip_address(address)
    return any(known in network for network in networks)
