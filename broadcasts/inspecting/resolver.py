"""Questions to the DNS, with bounded answers and a bounded time for all of them together."""

import time
from collections.abc import Callable
from enum import Enum, auto
from ipaddress import ip_address
from typing import Any, NamedTuple

import dns.exception
import dns.name
import dns.rdatatype
import dns.resolver
import dns.reversename
from django.conf import settings
from dns.nameserver import Do53Nameserver

from broadcasts.database import storable

QUESTION_SECONDS = 3
DOMAIN_SECONDS = 15
MOST_QUESTIONS = 80  # about one domain, with all its keys and the names that its SPF record includes
MOST_RECORDS = 50
LONGEST = 4096  # characters of one record
PORT = 53


class State(Enum):
    FOUND = auto()
    MISSING = auto()  # there is no such name, or it has no record of the type
    FAILED = auto()  # nobody answered, or not what was asked


class DnsAnswer(NamedTuple):
    """What the DNS said: its records as text that can be printed."""

    state: State
    records: tuple[str, ...] = ()

    @property
    def is_missing(self) -> bool:
        return self.state is State.MISSING

    @property
    def has_failed(self) -> bool:
        return self.state is State.FAILED


MISSING, FAILED = DnsAnswer(State.MISSING), DnsAnswer(State.FAILED)


class DnsResolver:
    """Asks the servers of DNS_RESOLVERS, or the system's, about one domain."""

    def __init__(self, seconds: float = DOMAIN_SECONDS) -> None:
        self.ends = time.monotonic() + seconds
        self.left = MOST_QUESTIONS
        self.known: dict[tuple[str, str], DnsAnswer] = {}
        self.resolver: dns.resolver.Resolver | None = None

    def ask(self, name: str, kind: str) -> DnsAnswer:
        """Ask for the records of a name; the same question is asked once."""
        question = name.lower().rstrip("."), kind
        if question not in self.known:
            self.known[question] = self._ask(*question)
        return self.known[question]

    def texts(self, name: str, begins: str) -> DnsAnswer:
        """Return the TXT records of a name that begin with a word, whatever its case."""
        answer = self.ask(name, "TXT")
        found = tuple(one for one in answer.records if _begins(one, begins))
        return DnsAnswer(State.FOUND, found) if found else MISSING if answer.state is State.FOUND else answer

    def addresses(self, name: str) -> DnsAnswer:
        """Return the IP addresses of a name."""
        answers = [self.ask(name, kind) for kind in ("A", "AAAA")]
        found = tuple(one for answer in answers for one in answer.records)
        if found:
            return DnsAnswer(State.FOUND, found)
        return FAILED if any(answer.has_failed for answer in answers) else MISSING

    def names_of(self, address: str) -> DnsAnswer:
        """Return the names of an IP address."""
        return self.ask(dns.reversename.from_address(str(ip_address(address))).to_text(), "PTR")

    def _ask(self, name: str, kind: str) -> DnsAnswer:
        seconds = min(QUESTION_SECONDS, self.ends - time.monotonic())
        self.left -= 1
        if seconds <= 0 or self.left < 0:
            return FAILED
        try:
            found = self._made().resolve(name, kind, lifetime=seconds, raise_on_no_answer=False, search=False)
        except (dns.resolver.NXDOMAIN, dns.name.EmptyLabel, dns.name.LabelTooLong, dns.name.NameTooLong, UnicodeError):
            return MISSING
        except (dns.exception.DNSException, OSError, ValueError):
            return FAILED
        if found.rrset is None:
            return MISSING
        rows = [row for row in found.rrset if row.rdtype == dns.rdatatype.from_text(kind)][:MOST_RECORDS]
        records = sorted((_printable(_WRITTEN[kind](row)) for row in rows), key=_preference)
        return DnsAnswer(State.FOUND, tuple(records)) if records else MISSING

    def _made(self) -> dns.resolver.Resolver:
        if self.resolver is None:
            self.resolver = dns.resolver.Resolver(configure=not settings.DNS_RESOLVERS)
            if settings.DNS_RESOLVERS:
                self.resolver.nameservers = [Do53Nameserver(host, port) for host, port in settings.DNS_RESOLVERS]
        return self.resolver


def _begins(record: str, word: str) -> bool:
    start, _, _ = record.lower().replace(";", " ").partition(" ")
    return start == word


def _preference(record: str) -> tuple[int, str]:
    """Order MX records by their preference, and others by their text: a resolver gives them in any order."""
    number, _, _ = record.partition(" ")
    return int(number) if number.isdecimal() else 0, record


def _host(name: dns.name.Name) -> str:
    return name.to_text(omit_final_dot=True) or "."


_WRITTEN: dict[str, Callable[[Any], str]] = {
    "TXT": lambda row: b"".join(row.strings).decode("utf-8", "replace"),
    "A": lambda row: row.address,
    "AAAA": lambda row: row.address,
    "MX": lambda row: f"{row.preference} {_host(row.exchange)}",
    "PTR": lambda row: _host(row.target),
}


def _printable(text: str) -> str:
    """Return what can be stored and shown of a record."""
    text = storable(text[:LONGEST])
    return text if text.isprintable() else "".join(char if char.isprintable() else "?" for char in text)
