"""Count facts as they are told: by link, by minute and by group of recipients.

The counts are never computed again from deliveries or events, so they survive the retention of both.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from operator import itemgetter
from typing import Any

from django.db import connection
from django.db.models import Case, F, Model, When

from broadcasts.mediums import email_domain
from broadcasts.models import Delivery, Device, GroupCount, MinuteCount

from .errors import LONGEST, MASK, same_error, words_of

Dimension = GroupCount.Dimension
DEVICES = frozenset(Device.values)  # which makes a list at each time
FEW = 5  # recipients: a domain with fewer may identify a person
MOST_ERRORS = 100  # different ones of a message; further ones are counted together
UNNAMED = "machine"  # the rule of what others told to be a machine's


class Tally:
    """The new facts of one transaction, added to the counts of reports at its end.

    All deliveries of a message share these rows, so they are locked last and in a fixed order, to avoid deadlocks.
    """

    def __init__(self) -> None:
        self.minutes: Counter[tuple[Any, ...]] = Counter()
        self.groups: Counter[tuple[Any, ...]] = Counter()
        self.examples: dict[tuple[Any, ...], int] = {}  # {key of a group: id of a delivery of it}

    def add(self, delivery: Delivery, fact: str, at: datetime, detail: Mapping[str, object]) -> None:
        """Count one fact; `detail` may have {"device": one of Device}."""
        self.add_minute(delivery.message_id, fact, at)
        device = detail.get("device")
        self.add_group(delivery.message_id, fact, Dimension.LANGUAGE, delivery.language)
        self.add_group(delivery.message_id, fact, Dimension.DOMAIN, domain_of(delivery.address))
        self.add_group(delivery.message_id, fact, Dimension.DEVICE, str(device) if device in DEVICES else "")
        if fact == "bounced":
            self.add_group(delivery.message_id, fact, Dimension.ERROR, same_error(words_of(detail)), 1, delivery.pk)

    def add_machine(self, delivery: Delivery, fact: str, rule: object) -> None:
        """Count what a scanner or proxy did, each time, by the rule that told it: it is no fact of the recipient."""
        self.add_group(delivery.message_id, fact, Dimension.RULE, str(rule or UNNAMED)[:LONGEST])

    def add_minute(self, message_id: int, fact: str, at: datetime, n: int = 1) -> None:
        self.minutes[message_id, str(fact), at.replace(second=0, microsecond=0)] += n

    def add_group(
        self, message_id: int, fact: str, dimension: str, value: str, n: int = 1, example: int | None = None
    ) -> None:
        """Count n copies in a group; those without a value are in none."""
        if value:
            key = (message_id, str(fact), str(dimension), value)
            self.groups[key] += n
            if example:
                self.examples.setdefault(key, example)

    def add_all(self, other: "Tally") -> None:
        """Add the groups of another tally."""
        for key, n in other.groups.items():
            self.groups[key] += n
        self.examples = other.examples | self.examples

    def write(self) -> None:
        """Add the counts, in one statement per table; what became fewer follows, each in one of its own."""
        self.limit_errors()
        _add(MinuteCount, ("message", "fact", "minute"), {key: (n,) for key, n in self.minutes.items()})
        more = {key: (n, self.examples.get(key)) for key, n in self.groups.items() if n > 0}
        _add(GroupCount, ("message", "fact", "dimension", "value"), more)
        for key, n in sorted(self.groups.items()):
            if n < 0:
                message_id, fact, dimension, value = key
                rows = GroupCount.objects.filter(message=message_id, fact=fact, dimension=dimension, value=value)
                # A group that erasing forgot has no row, or a smaller one.
                rows.update(count=Case(When(count__gt=-n, then=F("count") + n), default=0))

    def limit_errors(self) -> None:
        """Count errors together that a message has too many different ones of, such as ids that no mask knows."""
        new: dict[int, set[tuple[Any, ...]]] = {}
        for key, n in self.groups.items():
            if key[2] == Dimension.ERROR and n > 0:
                new.setdefault(key[0], set()).add(key)
        for message_id, keys in new.items():
            rows = GroupCount.objects.filter(message=message_id, dimension=Dimension.ERROR)
            known = {
                (message_id, fact, str(Dimension.ERROR), value) for fact, value in rows.values_list("fact", "value")
            }
            room = max(0, MOST_ERRORS - len(known))
            for key in sorted(keys - known)[room:]:
                n, example = self.groups.pop(key), self.examples.pop(key, None)
                self.add_group(message_id, key[1], Dimension.ERROR, MASK, n, example)


def domain_of(address: str) -> str:
    """Return the receiving domain of an address as a group's value; "" for an address that is no mail address."""
    return email_domain(address)[:LONGEST]


def _add(model: type[Model], key: tuple[str, ...], counts: Mapping[tuple[Any, ...], tuple[int | None, ...]]) -> None:
    """Add {key: (count, and the example of a group)}; the first example of a row stays."""
    if not counts:
        return
    quote = connection.ops.quote_name
    columns = (*key, "count", "example") if model is GroupCount else (*key, "count")
    fields = [model._meta.get_field(name) for name in columns]
    table, names = quote(model._meta.db_table), [quote(str(field.column)) for field in fields]  # type: ignore[union-attr]
    count = quote("count")
    rows = [(*values, *told) for values, told in sorted(counts.items(), key=itemgetter(0))]
    source, params = _rows_of(fields, rows)
    sql = (
        f"INSERT INTO {table} ({', '.join(names)}) {source} "
        f"ON CONFLICT ({', '.join(names[: len(key)])}) DO UPDATE SET {count} = {table}.{count} + excluded.{count}"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, params)


def _rows_of(fields: Sequence[Any], rows: Sequence[tuple[Any, ...]]) -> tuple[str, list[Any]]:
    """Return rows as the source of an INSERT, with its parameters; PostgreSQL takes arrays much faster than values."""
    if connection.vendor == "postgresql":
        arrays = ", ".join(f"%s::{field.db_type(connection)}[]" for field in fields)
        return f"SELECT * FROM UNNEST({arrays})", [list(one) for one in zip(*rows, strict=True)]  # noqa: S608
    row = f"({', '.join(['%s'] * len(fields))})"
    adapted = (
        field.get_db_prep_value(value, connection) for row in rows for field, value in zip(fields, row, strict=True)
    )
    return f"VALUES {', '.join([row] * len(rows))}", list(adapted)


def domains_of(deliveries: Iterable[int]) -> dict[str, set[int]]:
    """Return {receiving domain: ids of messages} of deliveries that are about to lose their addresses."""
    rows = Delivery.objects.filter(pk__in=deliveries).exclude(address="").values_list("message", "address")
    messages: dict[str, set[int]] = {}
    for message_id, address in rows:
        messages.setdefault(domain_of(address), set()).add(message_id)
    return messages


def forget_domains(messages: Mapping[str, Iterable[int]]) -> None:
    """Delete counts of a single recipient, by {domain: ids of messages}, once its deliveries have lost the address."""
    for domain, pks in sorted(messages.items()):
        GroupCount.objects.filter(message__in=pks, dimension=Dimension.DOMAIN, value=domain, count=1).delete()


def forget_rare_domains(message_id: int) -> None:
    """Delete counts of domains with fewer than FEW recipients, once a message's log is deleted."""
    GroupCount.objects.filter(message=message_id, dimension=Dimension.DOMAIN, count__lt=FEW).delete()
