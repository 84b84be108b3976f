"""The address policy: which network addresses the connections of organizations may go to.

Organizations name hosts freely, so a host must not lead into the networks around this server. Only public addresses
are open, and what the operator opens with OPEN_NETWORKS. `connect` resolves a name once and connects to the very
address that it judged, so a name that changes its address in between gains nothing.

An HTTP transport needs the same three steps: `check_host` when its URL is saved, `resolve` for its resolver, and
`open_socket` when it connects, since HTTP clients remember what they resolved and do not resolve IP addresses.
"""

import re
import socket
import time
import unicodedata
from collections.abc import Sequence
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from django.conf import settings

Address = IPv4Address | IPv6Address
Found = tuple[int, int, int, str, tuple]  # an answer of socket.getaddrinfo(): family, type, protocol, name, address

# IANA's registries of special-purpose addresses (RFC 6890) and of IPv6: 2000::/3 alone is public. The first one counts.
CLOSED = [
    (name, ip_network(network))
    for name, networks in {
        "a loopback address": "127.0.0.0/8 ::1/128",
        "a private network": "10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 fc00::/7 fec0::/10",
        "a link-local address": "169.254.0.0/16 fe80::/10",
        "a shared address of a provider's network (CGNAT)": "100.64.0.0/10",
        "a multicast address": "224.0.0.0/4 ff00::/8",
        "an unspecified address": "0.0.0.0/8 ::/128",
        "an address for documentation": "192.0.2.0/24 198.51.100.0/24 203.0.113.0/24 2001:db8::/32 3fff::/20",
        "a reserved address": "192.0.0.0/24 192.88.99.0/24 198.18.0.0/15 240.0.0.0/4 2001::/23 ::/3 4000::/2 8000::/1",
    }.items()
    for network in networks.split()
]
NAT64 = ip_network("64:ff9b::/96")  # RFC 6052

# A last label that is a number makes a host an IPv4 address to some resolvers: 2130706433, 0x7f.1, 017700000001, 127.1.
ENDS_IN_A_NUMBER = re.compile(r"(?:.*\.)?(?:\d+|0x[\da-f]*)\.?", re.IGNORECASE)


class ClosedAddress(OSError):
    """The address policy forbids a host; str() says by which rule, and never which address its name leads to."""

    def __init__(self, host: str, rule: str) -> None:
        super().__init__(
            f"“{host}” leads to {rule}; only public addresses can be reached, such as that of smtp.example.org. "
            "The operator of this server can open a network with OPEN_NETWORKS."
        )
        self.rule = rule


def is_open(address: Address | str) -> bool:
    """Tell whether the policy lets connections go to an IP address."""
    return not closed_by(ip_address(address))


def closed_by(address: Address) -> str:
    """Return what closes an IP address, in words such as "a loopback address"; "" when it is open."""
    if any(address in network for network in settings.OPEN_NETWORKS):
        return ""
    if isinstance(address, IPv6Address):
        if address.scope_id:
            return "an address of one network interface"
        if inner := _embedded(address):
            return next(filter(None, map(closed_by, inner)), "")
    return next((name for name, network in CLOSED if address in network), "")


def is_opened(host: str) -> bool:
    """Tell whether a host is an IP address that the operator opened, as within the operator's own network."""
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return any(address in network for network in settings.OPEN_NETWORKS)


def _embedded(address: IPv6Address) -> list[IPv4Address]:
    """Return the IPv4 addresses that packets to an IPv6 address may end at."""
    if address in NAT64:
        return [IPv4Address(int(address) & 0xFFFFFFFF)]
    return [one for one in (address.ipv4_mapped, address.sixtofour, *(address.teredo or ())) if one]


def _address(found: tuple) -> Address:
    """Read the address of a socket, with the network interface that an IPv6 address may be bound to."""
    plain = found[0].partition("%")[0]
    return ip_address(f"{plain}%{found[3]}" if found[3:] and found[3] else plain)


def check_host(host: str) -> None:
    """Refuse a host that needs no resolving to be judged.

    Raises ClosedAddress for a closed IP address, and ValueError for what is no whole IP address and no name.
    """
    with suppress(ValueError):
        if rule := closed_by(ip_address(host)):
            raise ClosedAddress(host, rule)
        return
    if ENDS_IN_A_NUMBER.fullmatch(unicodedata.normalize("NFKC", host)):
        raise ValueError(
            f"“{host}” is a number and not a host; give a name such as smtp.example.org, or a whole IP address."
        )
    try:
        host.removesuffix(".").encode("idna")  # as Python does before it resolves a name
    except UnicodeError:
        raise ValueError(f"“{host:.100}” is no name of a host; give one such as smtp.example.org.") from None


def open_ones(host: str, found: Sequence[Found]) -> list[Found]:
    """Return those of a host's addresses that are open; ClosedAddress when there is none."""
    rules = [closed_by(_address(address)) for *_, address in found]
    if rules and all(rules):
        raise ClosedAddress(host, rules[0])
    return [one for one, rule in zip(found, rules, strict=True) if not rule]


def resolve(host: str, port: int) -> list[Found]:
    """Look a host up and return its open addresses, ready to connect to; OSError when there is none."""
    return open_ones(host, socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))


def open_socket(found: Found) -> socket.socket:
    """Make the socket for one address, ready to connect to it; ClosedAddress where the policy forbids it."""
    family, kind, protocol, _, address = found
    if rule := closed_by(_address(address)):
        raise ClosedAddress(str(address[0]), rule)
    return socket.socket(family, kind, protocol)


def connect(host: str, port: int, timeout: float, source: tuple[str, int] | None = None) -> socket.socket:
    """Connect to the first open address of a host that answers, in `timeout` seconds for all of them together.

    Raises ClosedAddress, TimeoutError or another OSError. `timeout` stays the socket's own.
    """
    deadline = time.monotonic() + timeout
    found = resolve(host, port)
    failure = OSError("The host has no address.")
    for tried, (family, kind, protocol, _, address) in enumerate(found):
        seconds = (deadline - time.monotonic()) / (len(found) - tried)  # a silent address leaves time for the others
        if seconds <= 0:
            raise TimeoutError
        try:
            connected = socket.socket(family, kind, protocol)
        except OSError as error:  # such as of a machine without IPv6
            failure = error
            continue
        try:
            connected.settimeout(seconds)
            if source:
                connected.bind(source)
            connected.connect(address)
        except OSError as error:
            connected.close()
            failure = error
        else:
            connected.settimeout(timeout)
            return connected
    raise failure
