"""DMARC (RFC 7489): what receivers do with mail that neither SPF nor DKIM vouches for, and whether either can."""

from typing import NamedTuple

from .dkim import tags
from .findings import Finding, good, warning
from .resolver import DnsAnswer, DnsResolver, State

MOST_LEVELS = 5  # a name and those above it that are asked for a record
POLICIES = ("none", "quarantine", "reject")


class Policy(NamedTuple):
    """The DMARC policy of a domain: where its record is, and its tags; no place if it has none."""

    place: str
    tags: dict[str, str]
    answer: DnsAnswer

    def is_strict(self, of: str) -> bool:
        return self.tags.get(of, "r").lower() == "s"


def policy(resolver: DnsResolver, name: str) -> Policy:
    """Find the record of a domain, or of one above it, as the tree walk of DMARC does."""
    labels = name.split(".")
    for start in range(min(MOST_LEVELS, len(labels) - 1)):
        place = ".".join(labels[start:])
        answer = resolver.texts(f"_dmarc.{place}", "v=dmarc1")
        if answer.state is not State.MISSING:
            read = tags(answer.records[0]) if len(answer.records) == 1 else {}
            return Policy(place, read, answer)
    return Policy("", {}, DnsAnswer(State.MISSING))


def dmarc(found: Policy, name: str) -> Finding:
    """Judge the DMARC policy of a domain."""
    host, answer = f"_dmarc.{found.place or name}", found.answer
    proposed = f"v=DMARC1; p=none; rua=mailto:dmarc@{name}"
    if answer.has_failed:
        return warning("dmarc", f"The DMARC record at {host} could not be read: the DNS did not answer.")
    if answer.is_missing:
        text = f"{name} has no DMARC record, so Gmail, Yahoo and Microsoft refuse its bulk mail. Publish one."
        return warning("dmarc", text, host=host, record=proposed)
    if len(answer.records) > 1:
        text = f"There are {len(answer.records)} DMARC records at {host}, and receivers then use none. Leave one."
        return warning("dmarc", text, host=host, record=answer.records[0])
    asked = _asked(found, name)
    if asked not in POLICIES:
        text = f"The DMARC record at {host} has no valid policy: p= is none, quarantine or reject."
        return warning("dmarc", text, host=host, record=proposed)
    text = f"The DMARC record at {host} asks receivers for p={asked}."
    if not found.tags.get("rua", "").lower().startswith("mailto:"):
        text += " It names no rua=mailto:…, so nobody gets the reports that receivers write."
    return good("dmarc", text)


def _asked(found: Policy, name: str) -> str:
    """Return the policy that a record asks for: of a domain below it, sp= if it has one."""
    below = found.tags.get("sp") if found.place != name else None
    return (below or found.tags.get("p", "")).lower()


def alignment(found: Policy, name: str, signs: bool, senders: list[str], spf_is_good: bool) -> Finding:
    """Judge whether SPF or DKIM vouches for the domain of From.

    signs: whether an active key of the domain is published; its d= is the domain itself, which is aligned always.
    senders: the domains of the return paths.
    """
    apart = [one for one in senders if not is_aligned(one, name, found)]
    if signs and not apart:
        return good("alignment", f"DKIM and the return path are both aligned with {name}.")
    if signs:
        text = f"DKIM signs as {name}, which is aligned; the return path is on {apart[0]}, so SPF is not."
        return good("alignment", text)
    if not apart and spf_is_good:
        text = f"SPF alone is aligned with {name}. It breaks when mail is forwarded: sign it with a key, too."
        return warning("alignment", text)
    text = (
        f"Nothing of this server is aligned with {name}. Unless the relay signs as {name}, receivers with DMARC refuse "
        "the mail: activate a key."
    )
    return warning("alignment", text)


def is_aligned(sender: str, name: str, found: Policy) -> bool:
    """Tell whether the domain of a return path is aligned with that of From, strictly or relaxed (RFC 7489, 3.1).

    Relaxed, both have the same organizational domain: the one that has the DMARC record, or either above the other.
    """
    if sender == name:
        return True
    if found.is_strict("aspf"):
        return False
    tops = {one for one in (name, sender, found.place) if one}
    return any(_is_within(name, top) and _is_within(sender, top) for top in tops)


def _is_within(name: str, top: str) -> bool:
    return name == top or name.endswith(f".{top}")
