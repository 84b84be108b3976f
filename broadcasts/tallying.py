"""Count facts for reports: by link, by minute and by group of recipients.

The counts are never computed again from deliveries or events, so they survive the retention of both.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from django.db import connection
from django.db.models import F, Model

from broadcasts.database import Statement, parameter
from broadcasts.mediums import email_domain
from broadcasts.models import Delivery, DeliveryEvent, Device, GroupCount, Link, MinuteCount

Dimension = GroupCount.Dimension
DEVICES = frozenset(Device.values)  # which makes a list at each time
FEW = 5  # recipients: a domain with fewer may identify a person


class Tally:
    """The new facts of one transaction, added to the counts of reports at its end.

    All deliveries of a message share these rows, so they are locked last and in a fixed order, to avoid deadlocks.
    """

    def __init__(self) -> None:
        self.minutes: Counter[tuple[Any, ...]] = Counter()
        self.groups: Counter[tuple[Any, ...]] = Counter()

    def add(self, delivery: Delivery, fact: str, at: datetime, detail: Mapping[str, object]) -> None:
        """Count one fact; `detail` may have {"device": one of Device}."""
        self.minutes[delivery.message_id, fact, at.replace(second=0, microsecond=0)] += 1
        device = detail.get("device")
        values = {
            Dimension.LANGUAGE: delivery.language,
            Dimension.DOMAIN: email_domain(delivery.address)[:255],
            Dimension.DEVICE: device if device in DEVICES else "",
        }
        for dimension, value in values.items():
            if value:
                self.groups[delivery.message_id, fact, str(dimension), value] += 1

    def write(self) -> None:
        """Add the counts, in one statement per table."""
        _add(MinuteCount, ("message", "fact", "minute"), self.minutes)
        _add(GroupCount, ("message", "fact", "dimension", "value"), self.groups)


def _add(model: type[Model], key: tuple[str, ...], counts: Counter[tuple[Any, ...]]) -> None:
    if not counts:
        return
    quote = connection.ops.quote_name
    fields = [model._meta.get_field(name) for name in (*key, "count")]
    table, (*unique, count) = quote(model._meta.db_table), [quote(str(field.column)) for field in fields]  # type: ignore[union-attr]
    row = f"({', '.join(['%s'] * len(fields))})"
    sql = (
        f"INSERT INTO {table} ({', '.join(unique)}, {count}) VALUES {', '.join([row] * len(counts))} "  # noqa: S608
        f"ON CONFLICT ({', '.join(unique)}) DO UPDATE SET {count} = {table}.{count} + excluded.{count}"
    )
    rows = [(*values, n) for values, n in sorted(counts.items())]
    params = [
        field.get_db_prep_value(value, connection)  # type: ignore[union-attr]
        for values in rows
        for field, value in zip(fields, values, strict=True)
    ]
    with connection.cursor() as cursor:
        cursor.execute(sql, params)


@dataclass(frozen=True, slots=True)
class Click:
    """A click on a link; `is_first`: the first click of its recipient."""

    link_id: int
    delivery_id: int
    machine: bool
    is_first: bool


def count_clicks(clicks: Iterable[Click]) -> None:
    """Count clicks on links, before their events are stored; of each recipient of a link once as a person."""
    of_link: dict[int, list[Click]] = {}
    for one in clicks:
        of_link.setdefault(one.link_id, []).append(one)
    for pk in sorted(of_link):
        by_people = [one for one in of_link[pk] if not one.machine]
        new = {one.delivery_id for one in by_people if one.is_first}
        machines = len(of_link[pk]) - len(by_people)
        # First, since it locks the link: concurrent clicks are serialized.
        _count_link(connection.vendor).run(pk=pk, clicks=len(by_people), people=len(new), machine_clicks=machines)
        if others := {one.delivery_id for one in by_people} - new:
            events = DeliveryEvent.objects.filter(delivery__in=others, link=pk, machine=False)
            known = events.filter(type=DeliveryEvent.Type.CLICKED).values_list("delivery_id", flat=True)
            if added := len(others - set(known)):
                _count_link(connection.vendor).run(pk=pk, clicks=0, people=added, machine_clicks=0)


@cache
def _count_link(vendor: str) -> Statement:
    names = ("clicks", "people", "machine_clicks")
    return Statement.update(
        Link.objects.filter(pk=parameter("pk")), **{name: F(name) + parameter(name) for name in names}
    )


def forget_domains(deliveries: Iterable[int]) -> None:
    """Delete domain counts of a single recipient, before these deliveries lose their addresses."""
    rows = Delivery.objects.filter(pk__in=deliveries).exclude(address="").values_list("message", "address")
    messages: dict[str, set[int]] = {}
    for message_id, address in rows:
        messages.setdefault(email_domain(address)[:255], set()).add(message_id)
    for domain, pks in messages.items():
        GroupCount.objects.filter(message__in=pks, dimension=Dimension.DOMAIN, value=domain, count=1).delete()


def forget_rare_domains(message_id: int) -> None:
    """Delete counts of domains with fewer than FEW recipients, once a message's log is deleted."""
    GroupCount.objects.filter(message=message_id, dimension=Dimension.DOMAIN, count__lt=FEW).delete()
