"""Who stands behind the numbers of a report: the deliveries of one group of it."""

from functools import reduce
from operator import and_

import idna
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.fields.json import KT
from django.db.models.functions import Coalesce

from broadcasts.models import Delivery, DeliveryEvent, Link
from broadcasts.tallying import NO_WORDS
from broadcasts.tallying.errors import MASK, TOLD

CLICKED, OPENED, BOUNCED = DeliveryEvent.Type.CLICKED, DeliveryEvent.Type.OPENED, DeliveryEvent.Type.BOUNCED


def narrowed(rows: QuerySet[Delivery], by: str, value: str) -> QuerySet[Delivery]:
    """Return the deliveries of one group; `by` is one of BY, and a value that it cannot have finds nobody."""
    return rows.filter(BY[by](value))


def with_language(value: str) -> Q:
    return Q(language=value)


def at_domain(value: str) -> Q:
    """Addresses may be written with the domain in Unicode, which counts as the same."""
    spellings = {value, _unicode(value)}
    return Q(*(Q(address__iendswith=f"@{one}") for one in spellings), _connector=Q.OR)


def clicked(link: Link, machine: bool = False) -> Q:
    """People who clicked one link, or whose copies machines clicked it in; found by the link's index."""
    events = DeliveryEvent.objects.filter(link=link, type=CLICKED, machine=machine)
    return Q(pk__in=events.values("delivery"))


def by_machines(value: str) -> Q:
    """Copies that machines opened or clicked, whatever their recipients did."""
    return _has(type=value, machine=True)


def on_device(value: str) -> Q:
    return _has(type__in=(OPENED, CLICKED), machine=False, detail__device=value)


def with_error(value: str) -> Q:
    """Copies whose error, or whose bounce, has the words that a group has in common."""
    words = [part for part in ("" if value == NO_WORDS else value).split(MASK) if part.strip()]
    if not words:
        return Q(error="") if value == NO_WORDS else ~Q(error="") | Q(bounced_at__isnull=False)
    told = Coalesce(*(KT(f"detail__{name}") for name in TOLD))
    bounces = DeliveryEvent.objects.filter(delivery=OuterRef("pk"), type=BOUNCED, machine=False).annotate(told=told)
    failed = reduce(and_, (Q(error__contains=part) for part in words))
    bounced = reduce(and_, (Q(told__contains=part) for part in words))
    return failed | Q(Exists(bounces.filter(bounced)), bounced_at__isnull=False)


BY = {
    "language": with_language,
    "domain": at_domain,
    "device": on_device,
    "machine": by_machines,
    "error": with_error,
}


def _has(**filters: object) -> Q:
    return Q(Exists(DeliveryEvent.objects.filter(delivery=OuterRef("pk"), **filters)))


def _unicode(domain: str) -> str:
    try:
        return idna.decode(domain)
    except (idna.IDNAError, UnicodeError):
        return domain
