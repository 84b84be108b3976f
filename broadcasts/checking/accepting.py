"""Warnings that staff have looked at: each is accepted by its name, for as long as it says the same."""

from collections.abc import Iterable, Mapping, Sequence

from django.db import transaction
from django.utils import timezone

from broadcasts import drafting
from broadcasts.exceptions import InvalidInput
from broadcasts.models import AuditEntry, Broadcast, User

from .asking import counted_lines, quick_lines
from .draft import read
from .lines import Level, Line

CHANGED = "“{}” says something else by now. Read it again, then accept it."


def is_accepted(broadcast: Broadcast, line: Line) -> bool:
    """Tell whether somebody accepted a warning as it reads now."""
    kept = broadcast.accepted_warnings.get(line.name)
    return line.level == Level.WARNING and bool(kept) and kept["digest"] == line.digest


def open_lines(broadcast: Broadcast, lines: Iterable[Line]) -> list[Line]:
    """Return what keeps a broadcast from being sent: stops, then warnings that nobody accepted as they read now."""
    found = [line for line in lines if line.level != Level.OK and not is_accepted(broadcast, line)]
    return sorted(found, key=lambda line: line.level != Level.STOP)


def accept(
    broadcast: Broadcast, names: Sequence[str], by: User | None, seen: Mapping[str, str] | None = None
) -> list[Line]:
    """Accept warnings that stand now, by their names, and return the lines that were asked for them.

    Those that count people are asked only where one of the names may be theirs.
    seen: {name: digest} of the lines that the user read.
    Raises InvalidInput for a name that is no warning now, or that says something else than the user read, and
    WrongState where the broadcast has begun.
    """
    draft = read(broadcast)
    lines = quick_lines(draft)
    if set(names) - {line.name for line in lines}:
        lines += counted_lines(draft)
    warnings = {line.name: line for line in lines if line.level == Level.WARNING}
    if unknown := [name for name in names if name not in warnings]:
        standing = ", ".join(warnings) or "none"
        raise InvalidInput({"accept": f"No warning is called {', '.join(unknown)}; standing now: {standing}."})
    for name in names:
        if seen and seen.get(name, warnings[name].digest) != warnings[name].digest:
            raise InvalidInput({"accept": CHANGED.format(warnings[name].words)})
    _store(broadcast, {name: warnings[name] for name in names}, lines, by)
    return lines


@transaction.atomic
def _store(broadcast: Broadcast, accepted: Mapping[str, Line], lines: Iterable[Line], by: User | None) -> None:
    """Write who accepted what, and forget what reads differently now."""
    kept = drafting.lock(broadcast).accepted_warnings
    current = {line.name: line.digest for line in lines}
    kept = {name: one for name, one in kept.items() if current.get(name, one["digest"]) == one["digest"]}
    at = timezone.now().isoformat()
    kept |= {name: {"digest": line.digest, "by": str(by or ""), "at": at} for name, line in accepted.items()}
    Broadcast.objects.filter(pk=broadcast.pk).update(accepted_warnings=kept)
    broadcast.accepted_warnings = kept
    AuditEntry.write(
        broadcast, "accept warnings", organization=broadcast.organization, user=by, fields=sorted(accepted)
    )
