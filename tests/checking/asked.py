"""Asking for one line of the check."""

from broadcasts import checking
from broadcasts.checking import Line
from broadcasts.models import Broadcast

WORDS = " ".join(f"word{n} and more of what the club does this week" for n in range(10))


def fresh(broadcast: Broadcast) -> Broadcast:
    return Broadcast.objects.select_related("organization").get(pk=broadcast.pk)


def line(broadcast: Broadcast, name: str) -> Line | None:
    """The line of a name, or None where the check does not ask that."""
    return next((one for one in checking.check(fresh(broadcast)) if one.name == name), None)


def level(broadcast: Broadcast, name: str) -> str | None:
    found = line(broadcast, name)
    return found and str(found.level)


def details(broadcast: Broadcast, name: str) -> list[str]:
    found = line(broadcast, name)
    assert found is not None
    return [one.words for one in found.detail]
