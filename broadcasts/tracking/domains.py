"""The hosts at which tracked links of organizations arrive, beside the server's own."""

import http.client
import logging
import ssl
import threading
import time
from collections import defaultdict
from collections.abc import Mapping
from functools import lru_cache
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http.request import split_domain_port, validate_host

from broadcasts import links, outgoing
from broadcasts.database import outage
from broadcasts.models import Organization

log = logging.getLogger(__name__)

SECONDS = 10  # after which a new domain is known
PROBE_SECONDS = 5
HTTPS = 443


class TrackingDomains:
    """The organizations of each tracking domain, read anew every SECONDS; kept while the database is out of order."""

    def __init__(self) -> None:
        self.reading = threading.Lock()
        self.known: dict[str, frozenset[int]] | None = None
        self.read_at = -float(SECONDS)

    def organizations(self, host: str) -> frozenset[int]:
        """Return the ids of the organizations whose links arrive at a host, as the header Host names it."""
        # One thread reads; the others use what is known meanwhile, and wait if nothing is.
        if self._is_old() and self.reading.acquire(blocking=self.known is None):
            try:
                if self._is_old():
                    self._read()
            finally:
                self.reading.release()
        return (self.known or {}).get(split_domain_port(host)[0].removesuffix("."), frozenset())

    def _is_old(self) -> bool:
        return time.monotonic() >= self.read_at + SECONDS

    def _read(self) -> None:
        found: dict[str, set[int]] = defaultdict(set)
        try:
            rows = Organization.objects.exclude(tracking_domain="").values_list("tracking_domain", "pk")
            for domain, pk in rows:
                found[domain.lower()].add(pk)
        except Exception as error:
            if not outage(error):
                raise
            log.warning("The tracking domains could not be read: %s", type(error).__name__)
        else:
            self.known = {domain: frozenset(pks) for domain, pks in found.items()}
        self.read_at = time.monotonic()

    def forget(self) -> None:
        self.known, self.read_at = None, -float(SECONDS)


tracking_domains = TrackingDomains()


def host_of(environ: Mapping[str, Any]) -> str:
    """Return the host that a request names, by its variables of CGI."""
    return environ.get("HTTP_HOST") or environ.get("SERVER_NAME", "")


def is_own_host(host: str) -> bool:
    """Tell whether a host, as the header Host names it, is the server's own, where all its pages are.

    A tracking domain is none of them, unless ALLOWED_HOSTS or BASE_URL names the very host.
    """
    names, patterns = _allowed(tuple(settings.ALLOWED_HOSTS))
    return _matches(host, names) or (_matches(host, patterns) and not tracking_domains.organizations(host))


def is_tracking_host(host: str) -> bool:
    """Tell whether a host is the tracking domain of an organization, where tracked links work and nothing else does."""
    return not is_own_host(host) and bool(tracking_domains.organizations(host))


@lru_cache(1)
def _allowed(allowed: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the whole names among allowed hosts, and the patterns, such as .example.org and *."""
    patterns = tuple(one for one in allowed if one.startswith((".", "*")))
    return tuple(one for one in allowed if one not in patterns), patterns


@lru_cache(1_000)
def _matches(host: str, allowed: tuple[str, ...]) -> bool:
    domain, _ = split_domain_port(host)
    return bool(domain) and validate_host(domain, list(allowed))


def leads_here(host: str, organization_id: int) -> bool:
    """Tell whether a link of an organization may be followed at a host: the server's own, or one of its own."""
    return is_own_host(host) or organization_id in tracking_domains.organizations(host)


class _Probe(http.client.HTTPSConnection):
    """A connection that the address policy allows."""

    def connect(self) -> None:
        plain = outgoing.connect(self.host, self.port, PROBE_SECONDS)
        self.sock = ssl.create_default_context().wrap_socket(plain, server_hostname=self.host)


def fault_of(domain: str) -> str:
    """Return what is wrong with a tracking domain as readers reach it; "" if it leads to this installation.

    It is asked for a link that only those who have our LINK_KEY know.
    """
    connection = _Probe(domain, HTTPS, timeout=PROBE_SECONDS)
    try:
        connection.request(
            "GET", urlsplit(links.hidden_url(f"https://{domain}", links.delivery_token(links.TEST_SEND))).path
        )
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return f"{error or type(error).__name__}"
    finally:
        connection.close()
    return "" if status == HTTPStatus.NO_CONTENT else f"Another server answers there, with status {status}."
