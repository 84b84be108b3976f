"""The client address of a request, for evidence, limits and the audit log."""

from collections.abc import Mapping
from ipaddress import IPv6Address, IPv6Network, ip_address
from typing import Any

from django.conf import settings
from django.http import HttpRequest

SUBSCRIBER = 64  # prefix length of the IPv6 network of one subscriber, who may choose the other bits


def network_address(request: HttpRequest) -> str:
    """Return the client's IP address; "" if it is unknown.

    Behind a proxy (BEHIND_PROXY) it is the last address of `X-Forwarded-For`, which the proxy added; the client may
    have sent those before. Without a proxy the header is ignored.
    """
    return address_of(request.META)


def address_of(environ: Mapping[str, Any]) -> str:
    """Return the client's IP address as `network_address` does, by the variables of CGI of its request."""
    told = environ.get("HTTP_X_FORWARDED_FOR", "") if settings.SECURE_PROXY_SSL_HEADER else ""
    address = told.rpartition(",")[2].strip() or environ.get("REMOTE_ADDR", "")
    try:
        return str(ip_address(address.partition("%")[0]))  # without the zone of a link-local one, which names our port
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
