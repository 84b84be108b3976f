"""DKIM (RFC 6376): whether the DNS publishes the keys that sign the mail of a domain."""

import re
from collections.abc import Sequence

from broadcasts.models import SigningKey

from .findings import Finding, good, stop, warning
from .publishing import host_of, record_of
from .resolver import DnsResolver

# It begins at no letter within a name: that would take the square of the length of a record without a tag.
_TAG = re.compile(r"(?<![a-z0-9_])([a-z][a-z0-9_]*)\s*=\s*([^;]*)", re.IGNORECASE)


def dkim(resolver: DnsResolver, keys: Sequence[SigningKey]) -> list[Finding]:
    """Judge the record of each key, the active ones first."""
    if not keys:
        text = (
            "This server has no key to sign with. Unless the relay signs for this domain, large providers refuse its "
            "bulk mail: make a key below, publish its record, and activate it."
        )
        return [warning("dkim", text)]
    return [_of_key(resolver, key) for key in sorted(keys, key=lambda key: (not key.is_active, key.selector))]


def _of_key(resolver: DnsResolver, key: SigningKey) -> Finding:
    host, wanted = host_of(key), record_of(key)
    answer = resolver.ask(host, "TXT")
    about = {"host": host, "record": wanted, "key": str(key.uuid)}
    if answer.has_failed:
        return warning(
            "dkim", f"The record of the key {key.selector} could not be read: the DNS did not answer.", **about
        )
    if answer.is_missing:
        return _wrong(key, "has no record", about)
    if len(answer.records) > 1:
        return _wrong(key, f"has {len(answer.records)} records, of which receivers take any; leave one", about)
    if fault := _fault(tags(answer.records[0]), key):
        return _wrong(key, fault, about)
    signs = "It signs the mail of this domain." if key.is_active else "It can be activated."
    return good("dkim", f"The DNS publishes the key {key.selector}. {signs}", host=host, key=str(key.uuid))


def tags(record: str) -> dict[str, str]:
    """Read the tags of a record, {name: value without blanks}."""
    return {name.lower(): "".join(value.split()) for name, value in _TAG.findall(record)}


def _fault(found: dict[str, str], key: SigningKey) -> str:
    """Return what is wrong with a record; "" for nothing."""
    if found.get("v", "DKIM1") != "DKIM1" or "p" not in found:
        return "has a record that is none of DKIM"
    if not found["p"]:
        return "is revoked: its record has an empty p="
    if found["p"] != key.public or found.get("k", "rsa").lower() != key.algorithm:
        return "has a record with another key"
    if "sha256" not in found.get("h", "sha256").lower().split(":"):
        return "has a record that forbids SHA-256"
    if not {"*", "email"} & set(found.get("s", "*").lower().split(":")):
        return "has a record that is not for e-mail"
    return ""


def _wrong(key: SigningKey, fault: str, about: dict[str, str]) -> Finding:
    text = f"The key {key.selector} {fault}."
    if key.is_active:
        return stop("dkim", f"{text} It signs mail that nobody can verify: publish its record, or retire it.", **about)
    return warning("dkim", f"{text} Publish it before you activate the key.", **about)
