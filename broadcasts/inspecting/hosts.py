"""MX, PTR and MTA-STS: whether answers arrive, and whether the mail server is known by its name."""

from collections.abc import Sequence
from contextlib import suppress
from ipaddress import ip_address

from .findings import Finding, good, stop, warning
from .resolver import DnsAnswer, DnsResolver, State

MOST_ADDRESSES = 4
MOST_NAMES = 4


def mx(resolver: DnsResolver, name: str) -> Finding:
    """Judge whether mail to a domain, such as replies and bounces, can arrive."""
    answer = resolver.ask(name, "MX")
    if answer.has_failed:
        return warning("mx", f"The MX records of {name} could not be read: the DNS did not answer.")
    hosts = [record.partition(" ")[2] for record in answer.records]
    if hosts == ["."]:
        text = f"{name} says that it takes no mail (a null MX): bounces and replies are lost, and some refuse it."
        return warning("mx", text, host=name, record="10 mail.example.org.")
    if hosts:
        return good("mx", f"Mail to {name} goes to {', '.join(hosts[:3])}.")
    addresses = resolver.addresses(name)
    if addresses.has_failed:
        return warning("mx", f"{name} has no MX record, and its addresses could not be read.")
    if addresses.is_missing:
        text = f"{name} has neither MX nor address, so replies and bounces cannot arrive, and servers refuse its mail."
        return stop("mx", text, host=name, record="10 mail.example.org.")
    text = f"{name} has no MX record, so replies and bounces go to its web server. Publish the server that takes mail."
    return warning("mx", text, host=name, record="10 mail.example.org.")


def ptr(resolver: DnsResolver, hosts: Sequence[str]) -> list[Finding]:
    """Judge the names of the addresses of mail servers: each must lead to a name that leads back."""
    return [one for host in hosts if (one := _of_host(resolver, host)) is not None]


def _of_host(resolver: DnsResolver, host: str) -> Finding | None:
    """Judge one mail server; None for one without a public address, whose mail leaves from another one."""
    found = _addresses(resolver, host)
    if found.has_failed:
        return warning("ptr", f"The addresses of {host} could not be read: the DNS did not answer.")
    public = [one for one in found.records if ip_address(one).is_global][:MOST_ADDRESSES]
    for address in public:
        names = resolver.names_of(address)
        if names.has_failed:
            return warning("ptr", f"The name of {address} ({host}) could not be read: the DNS did not answer.")
        back = [name for name in names.records[:MOST_NAMES] if address in resolver.addresses(name).records]
        if not back:
            known = f"is called {names.records[0]}, which does not lead back" if names.records else "has no name"
            text = (
                f"{address}, an address of {host}, {known}. Where mail leaves from this address, receivers refuse it: "
                "whoever provides the address sets its PTR record."
            )
            return warning("ptr", text, host=address, record=host)
    return good("ptr", f"The addresses of {host} have names that lead back to them.") if public else None


def _addresses(resolver: DnsResolver, host: str) -> DnsAnswer:
    with suppress(ValueError):
        return DnsAnswer(State.FOUND, (str(ip_address(host)),))
    return resolver.addresses(host)


def mta_sts(resolver: DnsResolver, name: str) -> Finding:
    """Tell whether others have to encrypt mail to a domain; its policy file is not fetched."""
    answer = resolver.texts(f"_mta-sts.{name}", "v=stsv1")
    if answer.has_failed:
        return warning("mta-sts", f"The MTA-STS record of {name} could not be read: the DNS did not answer.")
    if answer.is_missing:
        return good("mta-sts", f"{name} has no MTA-STS record. It is optional, and has others encrypt mail to you.")
    if len(answer.records) > 1:
        return warning("mta-sts", f"{name} has several MTA-STS records, and senders then use none. Leave one.")
    return good("mta-sts", f"{name} announces MTA-STS, which has others encrypt mail to you.")
