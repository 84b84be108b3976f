"""What bounces lead to: hard ones suppress, soft ones are counted, and refusals by policy alert staff."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, get_args

from django.db import connection
from django.db.models import Count
from django.utils import timezone

from broadcasts import formats
from broadcasts.models import Organization, SoftBounce, Suppression
from broadcasts.transports import BounceClass, bounce_class, enhanced_code

from .alerting import alert
from .suppressing import Stop, hash_of, suppress_all

HARD, SOFT, POLICY = CLASSES = get_args(BounceClass)
LONGEST = {"code": 20, "words": 500, "reporter": 255}  # characters of a report

# The organization and the medium whose addresses are counted together.
Place = tuple[Organization, str]


@dataclass(frozen=True, slots=True)
class Bounce:
    """A copy that came back or was refused."""

    organization: Organization
    channel: int | None
    medium: str
    address: str
    delivery: int
    kind: str  # one of CLASSES
    at: datetime
    source: str  # who told it, for the suppression list
    report: Mapping[str, str]  # code, words, reporter, at; what is not known is left out


def class_of(detail: Mapping[str, object]) -> str:
    """Return the class of a bounce by its detail; {"hard": True} is a hard one whatever else it says."""
    if detail.get("hard") is True:
        return HARD
    if detail.get("class") in CLASSES:
        return str(detail["class"])
    code, words = (str(detail.get(name) or "") for name in ("code", "text"))
    found = bounce_class(code, words)
    return SOFT if found == HARD and detail.get("hard") is False else found


def report_of(at: datetime, code: object = "", words: object = "", reporter: object = "") -> dict[str, str]:
    """Return what a suppression keeps of the report that made it."""
    told = {"code": code, "words": words, "reporter": reporter}
    kept = {name: str(value)[: LONGEST[name]] for name, value in told.items() if value}
    return {**kept, "at": at.isoformat()}


def take_in(bounces: Sequence[Bounce], alive: Mapping[Place, Iterable[tuple[str, datetime]]] | None = None) -> None:
    """Apply the consequences of bounces, in the transaction that records them; it locks their rows and batches before.

    alive: (address, when) of copies that were delivered, opened or clicked: earlier soft bounces count no more.
    """
    now = timezone.now()
    stops = [_stop(one, Suppression.Cause.HARD_BOUNCE) for one in bounces if one.kind == HARD]
    soft: dict[Place, list[tuple[str, Bounce]]] = defaultdict(list)
    for one in bounces:
        if one.kind == SOFT and (digest := hash_of(one.address)):
            soft[one.organization, one.medium].append((digest, one))
    _hold({digest for told in soft.values() for digest, _ in told})
    _insert(soft)
    for place, signs in (alive or {}).items():
        _forget(place, signs)
    for place, told in soft.items():
        stops += _tired(place, dict(told), now)
    suppress_all(stops)
    policy: dict[int, dict[str, Mapping[str, str]]] = defaultdict(dict)
    for one in bounces:
        if one.kind == POLICY and one.channel:
            policy[one.channel][_cause(one.report)] = one.report
    for channel in sorted(policy):
        alert(channel, policy[channel])


def _cause(report: Mapping[str, str]) -> str:
    """Return the code by which refusals by policy are told apart: the enhanced one, if there is one."""
    code = report.get("code", "")
    return enhanced_code(code, report.get("words", "")) or code


def _stop(bounce: Bounce, cause: str, **told: Any) -> Stop:
    place = (bounce.organization, bounce.medium, bounce.address, cause)
    return Stop(*place, **{"source": bounce.source, "delivery": bounce.delivery, "report": bounce.report, **told})


def _hold(digests: Iterable[str]) -> None:
    """Make workers that count bounces of one address wait for each other: each alone would miss the other's row.

    SQLite has one writer at a time.
    """
    keys = sorted({int(digest[:15], 16) for digest in digests})
    if keys and connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(key) FROM unnest(%s::bigint[]) AS key", [keys])


def _insert(soft: Mapping[Place, list[tuple[str, Bounce]]]) -> None:
    """Store soft bounces, once for each copy."""
    rows = [
        SoftBounce(organization=organization, medium=medium, address_hash=digest, delivery=one.delivery, at=one.at)
        for (organization, medium), told in soft.items()
        for digest, one in told
    ]
    SoftBounce.objects.bulk_create(rows, ignore_conflicts=True)


def _forget(place: Place, signs: Iterable[tuple[str, datetime]]) -> None:
    """Delete the soft bounces of addresses that came before a sign that the address works."""
    organization, medium = place
    rows = SoftBounce.objects.for_organization(organization).filter(medium=medium)
    if not rows.exists():  # nearly always
        return
    latest: dict[str, datetime] = {}
    for address, at in signs:
        if digest := hash_of(address):
            latest[digest] = max(at, latest.get(digest, at))
    known = rows.filter(address_hash__in=latest).select_for_update(skip_locked=True)
    over = [pk for pk, digest, at in known.values_list("pk", "address_hash", "at") if at < latest[digest]]
    if over:
        SoftBounce.objects.filter(pk__in=over).delete()


def _tired(place: Place, told: Mapping[str, Bounce], now: datetime) -> list[Stop]:
    """Return the suppressions of addresses that have as many soft bounces within the window as are allowed."""
    organization, medium = place
    if not organization.soft_bounces:
        return []
    since = now - timedelta(days=organization.soft_bounce_days)
    rows = SoftBounce.objects.for_organization(organization).filter(medium=medium, address_hash__in=told, at__gt=since)
    counted = rows.order_by().values("address_hash").annotate(n=Count("pk")).filter(n__gte=organization.soft_bounces)
    until = now + timedelta(days=organization.soft_bounce_rest_days)
    days = formats.number(organization.soft_bounce_days)
    return [
        _stop(
            told[digest],
            Suppression.Cause.SOFT_BOUNCE,
            source=f"{formats.number(n)} soft bounces within {days} days; the last one {told[digest].source}",
            expires_at=until,
        )
        for digest, n in counted.values_list("address_hash", "n")
    ]
