"""The whole inspection of one domain; the library that asks the DNS is loaded with it."""

import logging

from . import dmarc
from .dkim import dkim
from .findings import Finding, warning
from .hosts import mta_sts, mx, ptr
from .resolver import DnsResolver
from .spf import spf
from .subject import Subject

log = logging.getLogger(__name__)


def inspect(subject: Subject) -> list[Finding]:
    """Ask the DNS about a domain; whatever it answers, findings come back in a bounded time."""
    try:
        return _inspect(subject, DnsResolver())
    except Exception:
        log.exception("The domain %s could not be inspected", subject.domain.pk)
        return [warning("dkim", "The domain could not be checked; the log of the workers says why.")]


def _inspect(subject: Subject, resolver: DnsResolver) -> list[Finding]:
    name, senders = subject.domain.name, list(subject.senders) or [subject.domain.name]
    policy = dmarc.policy(resolver, name)
    keys = dkim(resolver, subject.keys)
    paths = [spf(resolver, sender, list(subject.hosts)) for sender in senders]
    active = {str(key.uuid) for key in subject.keys if key.is_active}
    signs = any(one.key in active and one.level == "good" for one in keys)
    spf_is_good = all(one.level == "good" for one in paths)
    return [
        *keys,
        *paths,
        dmarc.dmarc(policy, name),
        dmarc.alignment(policy, name, signs, senders, spf_is_good),
        *(mx(resolver, one) for one in dict.fromkeys([name, *senders])),
        *ptr(resolver, subject.hosts),
        mta_sts(resolver, name),
    ]
