"""Count clicks on links."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from django.db import connection
from django.db.models import F

from broadcasts.database import Statement, parameter
from broadcasts.models import DeliveryEvent, Link


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
