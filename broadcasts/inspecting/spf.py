"""SPF (RFC 7208): who may send with a domain as the sender of the envelope."""

from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import ip_address

from .findings import Finding, good, warning
from .resolver import DnsAnswer, DnsResolver

MOST_LOOKUPS = 10  # RFC 7208, 4.6.4: with more, receivers take the record for broken
LOOKING_UP = frozenset({"include", "a", "mx", "ptr", "exists"})
SHOWN = 300


@dataclass
class LookupCount:
    """The lookups of a record and of those that it includes, and what is wrong with any of them."""

    lookups: int = 0
    faults: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)


def spf(resolver: DnsResolver, name: str, hosts: list[str]) -> Finding:
    """Judge the SPF record of the domain of the return path.

    hosts: the mail servers that the channels of the domain send through, for the record that is proposed.
    """
    answer = resolver.texts(name, "v=spf1")
    proposed = f"v=spf1 {' '.join(filter(None, map(_source, hosts))) or 'mx'} ~all"
    if answer.has_failed:
        return warning("spf", f"The SPF record of {name} could not be read: the DNS did not answer.")
    if answer.is_missing:
        text = (
            f"{name} has no SPF record, so large providers refuse its bulk mail. Publish one that names the servers "
            "that its mail leaves from; a relay tells what to include for it."
        )
        return warning("spf", text, host=name, record=proposed)
    if len(answer.records) > 1:
        text = f"{name} has {len(answer.records)} SPF records, and receivers then use none. Merge them into one."
        return warning("spf", text, host=name, record=_merged(answer))
    record = answer.records[0]
    count = LookupCount()
    last = _count(resolver, name, record, count, ())
    faults = [*count.faults, *_end(last)]
    if count.lookups > MOST_LOOKUPS:
        faults.append(
            f"it needs more than {MOST_LOOKUPS} lookups with what it includes, so receivers take it for broken; "
            "remove what no longer sends"
        )
    if faults:
        mended = _with_end(record) if _end(last) else ""
        return warning("spf", f"The SPF record of {name}: {'; '.join(faults[:4])}.", host=name, record=mended)
    if count.failed:
        text = f"The SPF record of {name} includes {count.failed[0]}, for which the DNS did not answer."
        return warning("spf", text)
    return good("spf", f"{name} has an SPF record with {count.lookups} of {MOST_LOOKUPS} lookups: {record[:SHOWN]}")


def _count(resolver: DnsResolver, name: str, record: str, count: LookupCount, above: tuple[str, ...]) -> str:
    """Count the lookups of a record, following what it includes; return the qualifier of its `all`, "" for none."""
    last = ""
    redirect = ""
    for term in record.lower().split()[1:]:
        qualifier, mechanism = (term[0], term[1:]) if term[0] in "+-~?" else ("+", term)
        kind, _, rest = mechanism.partition(":")
        kind = kind.partition("/")[0]
        if mechanism.startswith("redirect="):
            redirect = mechanism.removeprefix("redirect=")
        elif kind == "all":
            last = qualifier
        elif kind in LOOKING_UP:
            count.lookups += 1
            if kind == "ptr":
                count.faults.append("it uses ptr, which receivers are told not to follow; name the servers instead")
            if kind == "include" and count.lookups <= MOST_LOOKUPS:
                _follow(resolver, rest, count, (*above, name))
        elif kind not in ("ip4", "ip6") and "=" not in mechanism:
            count.faults.append(f"“{term[:40]}” is not a term of SPF")
    if redirect and not last:
        count.lookups += 1
        last = _follow(resolver, redirect, count, (*above, name)) if count.lookups <= MOST_LOOKUPS else ""
    return last


def _follow(resolver: DnsResolver, name: str, count: LookupCount, above: tuple[str, ...]) -> str:
    """Count what another domain's record needs."""
    shown = name[:100]
    if "%" in name:  # a macro: what it means depends on each mail
        return ""
    if name in above:
        count.faults.append(f"{shown} includes itself, which never ends; remove one of the includes")
        return ""
    answer = resolver.texts(name, "v=spf1")
    if answer.has_failed:
        count.failed.append(shown)
        return ""
    if len(answer.records) != 1:
        n = "no" if answer.is_missing else "several"
        count.faults.append(f"it includes {shown}, which has {n} SPF record{'' if n == 'no' else 's'}")
        return ""
    return _count(resolver, name, answer.records[0], count, above)


def _source(host: str) -> str:
    """Return the mechanism that names a mail server; "" within a network, whose mail leaves from another address."""
    with suppress(ValueError):
        address = ip_address(host)
        return f"ip{address.version}:{host}" if address.is_global else ""
    return f"a:{host}"


def _end(qualifier: str) -> list[str]:
    match qualifier:
        case "-" | "~":
            return []
        case "+":
            return ["it ends in +all, by which everybody may send; end it in ~all"]
        case "?":
            return ["it ends in ?all, which says nothing of other servers; end it in ~all"]
    return ["it does not end in ~all or -all"]


def _with_end(record: str) -> str:
    """Return a record with ~all as its end."""
    terms = [term for term in record.split() if term.lower().lstrip("+-~?") != "all"]
    return " ".join([*terms, "~all"])


def _merged(answer: DnsAnswer) -> str:
    """Return one record with the mechanisms of several."""
    terms = [term for record in answer.records for term in record.split()[1:]]
    kept = dict.fromkeys(term for term in terms if term.lower().lstrip("+-~?") != "all")
    return " ".join(["v=spf1", *kept, "~all"])
