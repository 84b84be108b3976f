"""What the queue does by the clock, made in code, by name."""

from django_q.models import Schedule

# The supervisor does these things by itself, and sooner; a bare `qcluster` has these as its backstop.
SCHEDULES = {
    "broadcasts: tick": {"func": "broadcasts.tasks.tick", "schedule_type": Schedule.MINUTES, "minutes": 1},
    "broadcasts: sync templates": {"func": "broadcasts.tasks.sync_templates", "schedule_type": Schedule.DAILY},
    "broadcasts: prune": {"func": "broadcasts.tasks.prune", "schedule_type": Schedule.DAILY},
}


def ensure_schedules() -> list[str]:
    """Make and mend our schedules, each once; returns the names of those that were not right."""
    wrong = wrong_schedules()
    for name in wrong:
        row = Schedule.objects.filter(name=name).order_by("id").first() or Schedule(name=name)
        for field, value in {**SCHEDULES[name], "args": None, "kwargs": None, "repeats": -1}.items():
            setattr(row, field, value)
        row.save()
        Schedule.objects.filter(name=name).exclude(pk=row.pk).delete()
    return wrong


def wrong_schedules() -> list[str]:
    """Return the names of our schedules that are missing, changed or there twice."""
    rows: dict[str, list[Schedule]] = {name: [] for name in SCHEDULES}
    for row in Schedule.objects.filter(name__in=SCHEDULES):
        rows[row.name].append(row)
    return [name for name, found in rows.items() if len(found) != 1 or not _is_right(found[0])]


def _is_right(row: Schedule) -> bool:
    wanted = {**SCHEDULES[row.name], "repeats": -1}
    return not (row.args or row.kwargs) and all(getattr(row, field) == value for field, value in wanted.items())
