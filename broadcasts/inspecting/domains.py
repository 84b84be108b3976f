"""Domains that are known, and their inspection by workers: when one is due, and within a bounded time."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from django.db.models import Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.module_loading import import_string

from broadcasts import queue
from broadcasts.exceptions import InvalidInput
from broadcasts.mediums import Medium, ascii_domain, email_domain
from broadcasts.models import Channel, Organization, SendingDomain

from .findings import Finding
from .subject import Subject

TASK = "inspect_domains"
MOST_DOMAINS = 100  # of one organization that staff add
CLAIMED = timedelta(minutes=2)  # after which the domain of a worker that died is due again
AGAIN = timedelta(days=1)
TASK_SECONDS = 15  # after which a task claims no more domains; it ends DOMAIN_SECONDS later at the latest
AT_ONCE = 8  # domains
AT_ONCE_OF_ONE = 4  # organization
MOST_SENDERS = 3  # domains of return paths
MOST_HOSTS = 3


def know(channel: Channel) -> None:
    """Make the row of the domain that a channel sends from, and have it inspected."""
    if channel.medium == Medium.EMAIL and (name := ascii_domain(email_domain(channel.from_address))):
        row = SendingDomain(organization_id=channel.organization_id, name=name, due_at=timezone.now())
        SendingDomain.objects.bulk_create([row], ignore_conflicts=True)


def know_all(organizations: Sequence[int] | None = None) -> None:
    """Make the rows of the domains of channels that are older than these rows."""
    rows = Channel.objects.filter(medium=Medium.EMAIL).exclude(from_address="").order_by()
    if organizations is not None:
        rows = rows.filter(organization__in=organizations)
    owned = {
        (pk, ascii_domain(email_domain(address))) for pk, address in rows.values_list("organization", "from_address")
    }
    known = SendingDomain.objects.filter(name__in={name for _, name in owned}).values_list("organization", "name")
    new = owned - set(known)
    SendingDomain.objects.bulk_create(
        [SendingDomain(organization_id=pk, name=name, due_at=timezone.now()) for pk, name in sorted(new) if name],
        ignore_conflicts=True,
    )


def check_room(organization: Organization) -> None:
    """Refuse further domains of an organization that has many; those of its channels are made regardless."""
    if organization.sending_domains.count() >= MOST_DOMAINS:
        raise InvalidInput({"name": f"There are {MOST_DOMAINS} domains already; delete those that send no more."})


def ask_again(domain: SendingDomain) -> None:
    """Have a domain inspected as soon as a worker is free."""
    SendingDomain.objects.filter(pk=domain.pk).filter(Q(due_at=None) | Q(due_at__gt=Now())).update(due_at=Now())
    queue.enqueue_once(TASK)


def _due() -> QuerySet[SendingDomain]:
    active = SendingDomain.objects.filter(organization__status=Organization.Status.ACTIVE)
    return active.filter(due_at__lte=Now()).order_by("due_at", "pk")


def enqueue_waiting() -> None:
    """Enqueue the inspection of domains that are due; called in the supervisor's round."""
    if _due().exists():
        queue.enqueue_once(TASK)


def inspect_due(ticket: int = 0) -> int:
    """Inspect the domains that are due until the time is up, some at once; return how many."""
    queue.begin(TASK, ticket)
    ends, done = time.monotonic() + TASK_SECONDS, 0
    while time.monotonic() < ends and (claimed := _claim()):
        subjects = [_subject(domain) for domain in claimed]
        with ThreadPoolExecutor(len(subjects)) as threads:  # they ask, and leave the database to this one
            inspect = import_string("broadcasts.inspecting.judging.inspect")  # with the DNS library, so only when used
            for subject, found in zip(subjects, threads.map(inspect, subjects), strict=True):
                _store(subject.domain, found)
        done += len(claimed)
    return done


def _claim() -> list[SendingDomain]:
    """Claim domains that are due, few of one organization; of several workers one gets each."""
    claimed: list[SendingDomain] = []
    for domain in _due().select_related("organization")[: 4 * AT_ONCE]:
        own = sum(one.organization_id == domain.organization_id for one in claimed)
        if len(claimed) >= AT_ONCE or own >= AT_ONCE_OF_ONE:
            continue
        if SendingDomain.objects.filter(pk=domain.pk, due_at__lte=Now()).update(due_at=Now() + CLAIMED):
            domain.refresh_from_db(fields=["due_at"])
            claimed.append(domain)
    return claimed


def _store(domain: SendingDomain, found: list[Finding]) -> None:
    """Store findings, unless the claim was lost; one who asked again meanwhile is asked again."""
    values = {"findings": [one.stored() for one in found], "checked_at": Now()}
    mine = SendingDomain.objects.filter(pk=domain.pk, due_at=domain.due_at)
    if not mine.update(**values, due_at=Now() + AGAIN):
        SendingDomain.objects.filter(pk=domain.pk).update(**values)


def _subject(domain: SendingDomain) -> Subject:
    channels = Channel.objects.filter(
        organization=domain.organization_id, medium=Medium.EMAIL, is_active=True, from_address__icontains="@"
    )
    own = [one for one in channels.order_by("pk")[:1000] if email_domain(one.from_address) == domain.name]
    hosts = dict.fromkeys(host for one in own if (host := str(one.settings.get("host") or "")))
    paths = (str(one.settings.get("return_path") or one.from_address) for one in own)
    senders = dict.fromkeys(name for path in paths if (name := ascii_domain(email_domain(path))))
    return Subject(domain, list(domain.keys.defer("secret")), list(hosts)[:MOST_HOSTS], list(senders)[:MOST_SENDERS])
