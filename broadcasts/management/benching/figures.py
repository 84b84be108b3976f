"""The figures of runs: what follows from what was measured, medians, and how they are told."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from statistics import median
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Figures:
    """One run, or the medians of several."""

    contacts: int
    message_bytes: float
    seconds: float  # from send to the last recorded delivery
    first_seconds: float  # to the first one
    expand_seconds: float  # from send until everybody has a row
    source_rate: float  # smtp-source, messages/s
    loop_rate: float  # plain Django loop, messages/s
    cpu_seconds: float  # of the workers
    progress_ms: float  # to read the counts while it is being sent
    peaks: Sequence[float]  # memory of each worker that sent, in bytes

    @property
    def rate(self) -> float:
        return self.contacts / self.seconds

    @property
    def of_source(self) -> float:
        return self.rate / self.source_rate

    @property
    def of_loop(self) -> float:
        return self.rate / self.loop_rate

    @property
    def cpu_us(self) -> float:
        return self.cpu_seconds / self.contacts * 1e6

    @property
    def thousand_seconds(self) -> float:
        return 1000 / self.rate

    def as_json(self) -> dict[str, Any]:
        told = ("rate", "of_source", "of_loop", "cpu_us", "thousand_seconds")
        return {**asdict(self), **{name: getattr(self, name) for name in told}}


def medians(runs: Sequence[Figures]) -> Figures:
    """Return the median of each thing measured, over runs of one size; of memory the most."""
    names = [name for name in Figures.__dataclass_fields__ if name not in ("contacts", "peaks")]
    return Figures(
        contacts=runs[0].contacts,
        peaks=max((run.peaks for run in runs), key=lambda peaks: max(peaks, default=0)),
        **{name: median(getattr(run, name) for run in runs) for name in names},
    )


def cost_ratios(sizes: Sequence[Figures]) -> list[tuple[int, int, float]]:
    """Compare each size with the one before: (contacts, contacts before, cost per message then to before)."""
    return [(after.contacts, before.contacts, before.rate / after.rate) for before, after in pairwise(sizes)]


LINES: tuple[tuple[str, Callable[[Figures], str]], ...] = (
    ("messages/s end to end", lambda one: f"{one.rate:,.0f}"),
    ("  smtp-source -s 8 -d", lambda one: f"{one.source_rate:,.0f}"),
    ("  plain Django loop, 2 processes", lambda one: f"{one.loop_rate:,.0f}"),
    ("of smtp-source", lambda one: f"{one.of_source:.2f}"),
    ("of the plain loop", lambda one: f"{one.of_loop:.1f}"),
    ("worker CPU us per message", lambda one: f"{one.cpu_us:,.0f}"),
    ("peak memory of each worker, MB", lambda one: " ".join(f"{peak / 1e6:.0f}" for peak in one.peaks)),
    ("seconds to the last delivery", lambda one: f"{one.seconds:,.2f}"),
    ("seconds to the first delivery", lambda one: f"{one.first_seconds:,.2f}"),
    ("seconds to expand", lambda one: f"{one.expand_seconds:,.2f}"),
    ("seconds per 1,000", lambda one: f"{one.thousand_seconds:.3f}"),
    ("ms to read progress", lambda one: f"{one.progress_ms:.1f}"),
    ("bytes a message", lambda one: f"{one.message_bytes:,.0f}"),
)


def table(sizes: Sequence[Figures]) -> str:
    """Lay the figures out, a column for each size."""
    rows = [("contacts", *(f"{one.contacts:,}" for one in sizes))]
    rows += [(label, *(tell(one) for one in sizes)) for label, tell in LINES]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join([label.ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(cells, widths[1:], strict=True))])
        for label, *cells in rows
    ]
    lines += [
        f"cost per message at {after:,} / at {before:,}: {ratio:.2f}" for after, before, ratio in cost_ratios(sizes)
    ]
    return "\n".join(lines)
