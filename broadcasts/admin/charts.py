"""Charts as SVG: no script, no style of their own, readable without colour, and a title for those who listen.

Colours and dashes are classes of the stylesheet, which knows dark mode. Each line has a marker of its own shape too.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, tzinfo
from math import ceil, floor, log10
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from broadcasts import formats

WIDTH, HEIGHT = 480, 220  # of the drawing; the page scales it
LEFT, RIGHT, TOP, BOTTOM = 58, 12, 12, 28
MARKERS = 12  # of a line
# How the markers of the first, second, … line are drawn around 0, 0.
SHAPES = ("M-3,0a3,3 0 1,0 6,0a3,3 0 1,0 -6,0", "M-3,-3h6v6h-6z", "M0,-4l4,7h-8z", "M0,-4l4,4l-4,4l-4,-4z")
BAR, GAP = 16, 24  # the height of a bar, and of what is written above it
STEPS = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1)}

Points = Sequence[tuple[datetime, dict[str, int]]]


def lines(points: Points, names: Mapping[str, int], per: str, zone: tzinfo, title: str) -> SafeString:
    """Draw a line for each name, {name: which look it has}, over the time of the points; "" for no points."""
    if not points:
        return mark_safe("")
    steps = _filled(points, per, zone)
    top = nice(max(counts.get(name, 0) for _, counts in steps for name in names))
    wide, high = (WIDTH - LEFT - RIGHT) / max(1, len(steps) - 1), (HEIGHT - TOP - BOTTOM) / top

    def at(i: int, n: int) -> tuple[str, str]:
        return f"{round(LEFT + i * wide, 1)}", f"{round(HEIGHT - BOTTOM - n * high, 1)}"

    drawn = []
    for name, place in names.items():
        path = [at(i, counts.get(name, 0)) for i, (_, counts) in enumerate(steps)]
        every = ceil(len(path) / MARKERS)
        marks = format_html_join(
            "", '<path d="{}" transform="translate({} {})"/>', ((SHAPES[place], x, y) for x, y in path[::every])
        )
        coordinates = " ".join(f"{x},{y}" for x, y in path)
        drawn.append(format_html('<g class="line-{}"><polyline points="{}"/>{}</g>', place + 1, coordinates, marks))
    said = [f"{name} {formats.number(sum(counts.get(name, 0) for _, counts in steps))}" for name in names]
    about = f"By {per}, from {when(steps[0][0], per, zone)} to {when(steps[-1][0], per, zone)}: {', '.join(said)}."
    parts = [_scale(top, high), _times(steps, per, zone, wide), *drawn]
    return _svg(HEIGHT, title, about, format_html_join("", "{}", ((part,) for part in parts)))


def legend(names: Mapping[str, int]) -> SafeString:
    """Draw what each line of `lines` looks like, beside its name."""
    sample = '<li><svg class="chart-key line-{}" viewBox="0 0 30 10" aria-hidden="true"><polyline points="0,5 30,5"/>'
    mark = '<path d="{}" transform="translate(15 5)"/></svg> {}</li>'
    items = ((place + 1, SHAPES[place], name.capitalize()) for name, place in names.items())
    return format_html('<ul class="legend">{}</ul>', format_html_join("", sample + mark, items))


def bars(rows: Sequence[tuple[str, int]], title: str) -> SafeString:
    """Draw a bar for each label, which stands above it with its number; "" for no rows."""
    if not rows:
        return mark_safe("")
    most = max(1, *(n for _, n in rows))
    drawn = (
        (
            *(GAP - 6 + i * (BAR + GAP), f"{label[:60]}: {formats.number(n)}"),
            *(GAP + i * (BAR + GAP), f"{round(max(1, (WIDTH - 2) * n / most), 1)}", BAR),
        )
        for i, (label, n) in enumerate(rows)
    )
    bar = '<text x="1" y="{}">{}</text><rect class="bar" x="1" y="{}" width="{}" height="{}"/>'
    said = ", ".join(f"{label} {formats.number(n)}" for label, n in rows)
    return _svg(len(rows) * (BAR + GAP) + 4, title, f"{said}.", format_html_join("", bar, drawn))


def nice(n: float) -> int:
    """Return the least of 2, 4, 10, 20, 40, 100, … that a scale up to n can end with."""
    size = 10 ** floor(log10(n)) if n >= 1 else 1
    return max(2, next(step * size for step in (1, 2, 4, 10) if n <= step * size))


def when(at: datetime, per: str, zone: tzinfo) -> str:
    """Write the beginning of a step as its zone's clocks show it."""
    local = at.astimezone(zone)
    return formats.day(local) if per in ("day", "week") else f"{formats.day(local)}, {formats.clock(local)}"


def _svg(height: int, title: str, about: str, drawing: Any) -> SafeString:
    head = (
        '<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{}. {}"><title>{}</title><desc>{}</desc>{}</svg>'
    )
    return format_html(head, WIDTH, height, title, about, title, about, drawing)


def _scale(top: int, high: float) -> SafeString:
    ticks = [(n, f"{round(HEIGHT - BOTTOM - n * high, 1)}") for n in (0, top // 2, top)]
    line = '<line class="grid" x1="{}" x2="{}" y1="{}" y2="{}"/><text class="end" x="{}" y="{}" dy="4">{}</text>'
    rows = ((LEFT, WIDTH - RIGHT, y, y, LEFT - 6, y, formats.number(n)) for n, y in ticks)
    return format_html_join("", line, rows)


def _times(steps: Points, per: str, zone: tzinfo, wide: float) -> SafeString:
    """Write the first and the last time below the lines; the day stands at the first, or at both where it differs."""
    first, last = steps[0][0], steps[-1][0]
    is_same_day = first.astimezone(zone).date() == last.astimezone(zone).date()
    end = formats.clock(last.astimezone(zone)) if is_same_day and per in STEPS else when(last, per, zone)
    told = [(LEFT, "start", when(first, per, zone))]
    if len(steps) > 1:
        told.append((WIDTH - RIGHT, "end", end))
    return format_html_join("", f'<text x="{{}}" y="{HEIGHT - 8}" class="{{}}">{{}}</text>', told)


def _filled(points: Points, per: str, zone: tzinfo) -> list[tuple[datetime, dict[str, int]]]:
    """Return all steps from the first to the last, those included in which nothing happened."""
    known = dict(points)
    at, last = points[0][0], points[-1][0]
    steps = []
    while at <= last:
        steps.append((at, known.get(at, {})))
        at = at + STEPS[per] if per in STEPS else _next_day(at, zone, 7 if per == "week" else 1)
    return steps


def _next_day(at: datetime, zone: tzinfo, days: int) -> datetime:
    """Return the beginning of a later day, which may be 23 or 25 hours after that of the one before."""
    day = at.astimezone(zone).date() + timedelta(days=days)
    return datetime(day.year, day.month, day.day, tzinfo=zone)
