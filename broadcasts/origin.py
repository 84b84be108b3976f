"""Where a request comes from: the one rule for evidence, brakes and the audit."""

from ipaddress import IPv6Address, IPv6Network, ip_address

from django.conf import settings
from django.http import HttpRequest

SUBSCRIBER = 64  # bits of an IPv6 address that a provider gives to one subscriber, who is free to choose the rest


def network_address(request: HttpRequest) -> str:
    """Return the client's IP address; "" where it is not known.

    Behind a proxy (BEHIND_PROXY) that is what the proxy itself added, the last of `X-Forwarded-For`; what comes before
    is told by the client, and without a proxy all of it is.
    """
    told = request.headers.get("X-Forwarded-For", "") if settings.SECURE_PROXY_SSL_HEADER else ""
    address = told.rpartition(",")[2].strip() or request.META.get("REMOTE_ADDR", "")
    try:
        return str(ip_address(address))
    except ValueError:
        return ""


def subscriber(request: HttpRequest) -> str | None:
    """Return the address that failures are counted by: of IPv6 the network of one subscriber; None for unknown."""
    address = network_address(request)
    if not address:
        return None
    parsed = ip_address(address)
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped:
            return str(parsed.ipv4_mapped)
        return str(IPv6Network((int(parsed), SUBSCRIBER), strict=False).network_address)
    return address
