"""The figures of runs: derived figures, medians, and their output."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
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
    expand_seconds: float  # from `send` until every delivery exists
    cpu_seconds: float  # of the workers
    progress_ms: float  # to read the counts while it is being sent
    peaks: Sequence[float]  # memory of each worker that sent, in bytes
    # Of mail.
    source_rate: float | None = None  # smtp-source, messages/s
    source_cpu_us: float | None = None  # of smtp-source, for a message
    loop_rate: float | None = None  # plain Django loop, messages/s
    sessions: int | None = None  # of smtp-source, to a mail server as those in service are; None: the usual eight
    database_cpu_seconds: float | None = None  # of a PostgreSQL server on this machine
    sink_cpu_seconds: float | None = None
    bench_cpu_seconds: float | None = None  # of the bench itself, which looks on
    others_share: float | None = None  # of the machine, that processes beside these took
    # Of what is spoken to by HTTP.
    ceiling_rate: float | None = None  # what the latency of the provider allows, messages/s
    bare_rate: float | None = None  # bare aiohttp, messages/s
    bare_cpu_seconds: float | None = None  # that it would take for all
    receiver_cpu_seconds: float | None = None  # of the provider, which runs on the same machine
    small_seconds: float | None = None  # to the last message of a small broadcast that was sent meanwhile

    @property
    def rate(self) -> float:
        return self.contacts / self.seconds

    @property
    def of_source(self) -> float | None:
        return ratio(self.rate, self.source_rate)

    @property
    def of_source_cpu(self) -> float | None:
        return ratio(self.cpu_us, self.source_cpu_us)

    @property
    def is_valid(self) -> bool:
        """Whether the machine was quiet enough for the figures to mean something."""
        return self.others_share is None or self.others_share <= MOST_OTHERS

    def us(self, seconds: float | None) -> float | None:
        """Return processor seconds as microseconds for a message."""
        return None if seconds is None else seconds / self.contacts * 1e6

    @property
    def of_loop(self) -> float | None:
        return ratio(self.rate, self.loop_rate)

    @property
    def of_ceiling(self) -> float | None:
        return ratio(self.rate, self.ceiling_rate)

    @property
    def of_bare(self) -> float | None:
        return ratio(self.rate, self.bare_rate)

    @property
    def of_bare_cpu(self) -> float | None:
        return ratio(self.cpu_seconds, self.bare_cpu_seconds)

    @property
    def receiver_cpu_us(self) -> float | None:
        return None if self.receiver_cpu_seconds is None else self.receiver_cpu_seconds / self.contacts * 1e6

    @property
    def is_http(self) -> bool:
        return self.ceiling_rate is not None

    @property
    def cpu_us(self) -> float:
        return self.cpu_seconds / self.contacts * 1e6

    @property
    def thousand_seconds(self) -> float:
        return 1000 / self.rate

    def as_json(self) -> dict[str, Any]:
        told = ("rate", "cpu_us", "thousand_seconds", *(HTTP_RATIOS if self.is_http else MAIL_RATIOS))
        return {**asdict(self), **{name: getattr(self, name) for name in told}}


MOST_OTHERS = 0.1
MAIL_RATIOS = ("of_source", "of_source_cpu", "of_loop", "is_valid")
HTTP_RATIOS = ("of_ceiling", "of_bare", "of_bare_cpu", "receiver_cpu_us")


def ratio(value: float, to: float | None) -> float | None:
    return value / to if to else None


def medians(runs: Sequence[Figures]) -> Figures:
    """Return the median of each thing measured, over runs of one size; of memory the most."""
    names = [name for name in Figures.__dataclass_fields__ if name not in ("contacts", "peaks", "small_seconds")]
    small = [run.small_seconds for run in runs if run.small_seconds is not None]
    return Figures(
        contacts=runs[0].contacts,
        small_seconds=median(small) if small else None,
        peaks=max((run.peaks for run in runs), key=lambda peaks: max(peaks, default=0)),
        **{name: _median([getattr(run, name) for run in runs]) for name in names},
    )


def _median(values: Sequence[float | None]) -> Any:
    known = [value for value in values if value is not None]
    return median(known) if known else None


def cost_ratios(sizes: Sequence[Figures]) -> list[tuple[int, int, float]]:
    """Compare each size with the one before: (contacts, contacts before, cost per message then to before)."""
    return [(after.contacts, before.contacts, before.rate / after.rate) for before, after in pairwise(sizes)]


@dataclass(frozen=True)
class Target:
    """What a figure is to be at least, and what it should be; where the second is less, so is better."""

    least: float
    aim: float

    def mark(self, value: float) -> str:
        """Tell how far it was reached: `aim`, `ok` or `no`."""
        sign = 1 if self.aim > self.least else -1
        return next((word for word, to in (("aim", self.aim), ("ok", self.least)) if sign * (value - to) >= 0), "no")


@dataclass(frozen=True)
class Measure:
    """A row of the output: a figure with its target, if any."""

    label: str
    tell: Callable[[Figures], str]
    value: Callable[[Figures], float | None] = lambda one: None
    target: Target | None = None

    def cell(self, one: Figures) -> str:
        value = self.value(one)
        if self.target is None or value is None:
            return f"{self.tell(one)}    "
        return f"{self.tell(one)} {self.target.mark(value):3}"


def told(value: float | None, digits: int = 0) -> str:
    return "-" if value is None else f"{value:,.{digits}f}"


FULL_SIZE = 1_000_000  # contacts: what the target of an expansion speaks of
COST = Target(1.15, 1.05)
RATE = Measure("messages/s end to end", lambda one: f"{one.rate:,.0f}")
OF_SOURCE = Measure("of smtp-source", lambda one: f"{one.of_source:.2f}", lambda one: one.of_source, Target(0.65, 0.9))
SINK = Measure("  smtp-sink", lambda one: told(one.us(one.sink_cpu_seconds)))
SENDERS = (
    Measure("CPU us per message: workers", lambda one: f"{one.cpu_us:,.0f}"),
    Measure("  smtp-source", lambda one: told(one.source_cpu_us)),
    Measure(
        "  workers, of smtp-source",
        lambda one: told(one.of_source_cpu, 2),
        lambda one: one.of_source_cpu,
        Target(1.5, 1),
    ),
    Measure(
        "  PostgreSQL",
        lambda one: told(one.us(one.database_cpu_seconds)),
        lambda one: one.us(one.database_cpu_seconds),
        Target(70, 45),
    ),
)
LOOKING_ON = (
    Measure("  this bench, looking on", lambda one: told(one.us(one.bench_cpu_seconds), 1)),
    Measure("% of the machine taken by others", lambda one: told(one.others_share and 100 * one.others_share, 1)),
)
MAIL = (
    RATE,
    Measure("  smtp-source -s 8 -d", lambda one: told(one.source_rate)),
    Measure("  plain Django loop, 2 processes", lambda one: told(one.loop_rate)),
    OF_SOURCE,
    Measure("of the plain loop", lambda one: told(one.of_loop, 1), lambda one: one.of_loop, Target(15, 30)),
    *SENDERS,
    SINK,
    *LOOKING_ON,
)
SERVICE = (
    RATE,
    Measure("  smtp-source -d, as many sessions", lambda one: told(one.source_rate)),
    Measure("connections of each", lambda one: told(one.sessions)),
    replace(OF_SOURCE, target=Target(1.5, 3)),
    *SENDERS,
    replace(SINK, label="  the mail server, with the way to it"),
    *LOOKING_ON,
)
HTTP = (
    replace(RATE, value=lambda one: one.rate, target=Target(400, 800)),
    Measure("  allowed by the latency", lambda one: f"{one.ceiling_rate:,.0f}"),
    Measure("  bare aiohttp, as many at once", lambda one: f"{one.bare_rate:,.0f}"),
    Measure("of what the latency allows", lambda one: f"{one.of_ceiling:.2f}"),
    Measure("of bare aiohttp", lambda one: f"{one.of_bare:.2f}"),
    Measure("worker CPU us per message", lambda one: f"{one.cpu_us:,.0f}", lambda one: one.cpu_us, Target(1500, 1000)),
    Measure("  of bare aiohttp's", lambda one: f"{one.of_bare_cpu:.1f}"),
    Measure("  the provider's beside it", lambda one: f"{one.receiver_cpu_us:,.0f}"),
)
BOTH = (
    Measure(
        "peak memory of each worker, MB",
        lambda one: " ".join(f"{peak / 1e6:.0f}" for peak in one.peaks),
        lambda one: max(one.peaks, default=0) / 1e6,
        Target(80, 65),
    ),
    Measure("seconds to the last delivery", lambda one: f"{one.seconds:,.2f}"),
    Measure("seconds to the first delivery", lambda one: f"{one.first_seconds:,.2f}"),
    Measure(
        "seconds to expand (target: of 1,000,000)",
        lambda one: f"{one.expand_seconds:,.2f}",
        lambda one: one.expand_seconds if one.contacts >= FULL_SIZE else None,
        Target(12, 8),
    ),
    Measure("seconds per 1,000", lambda one: f"{one.thousand_seconds:.3f}"),
    Measure("ms to read progress", lambda one: f"{one.progress_ms:.1f}", lambda one: one.progress_ms, Target(20, 5)),
    Measure(
        "seconds to the last of 50 sent meanwhile",
        lambda one: f"{one.small_seconds:.2f}" if one.small_seconds is not None else "-",
        lambda one: one.small_seconds,
        Target(5, 2),
    ),
    Measure("bytes a message", lambda one: f"{one.message_bytes:,.0f}"),
)


def table(sizes: Sequence[Figures]) -> str:
    """Lay the figures out, a column for each size; each with how far its target was reached, where it has one."""
    lines_of_kind = HTTP if sizes[0].is_http else SERVICE if sizes[0].sessions else MAIL
    rows = [("contacts", *(f"{one.contacts:,}    " for one in sizes), "at least", "aim")]
    for line in (*lines_of_kind, *BOTH):
        targets = (f"{line.target.least:g}", f"{line.target.aim:g}") if line.target else ("", "")
        rows.append((line.label, *map(line.cell, sizes), *targets))
    lines = [columns(rows)]
    lines += [
        f"cost per message at {after:,} / at {before:,}: {ratio:.2f} {COST.mark(ratio)} ({COST.least:g}, {COST.aim:g})"
        for after, before, ratio in cost_ratios(sizes)
    ]
    if any(not one.is_valid for one in sizes):
        most = f"{100 * MOST_OTHERS:.0f} %"
        lines.append(f"NOT VALID: other processes took more than {most} of the machine. Run it again when it is quiet.")
    return "\n".join(lines)


def row_of(
    runs: Sequence[Any], label: str, tell: Callable[[Any], str], target: Target | None = None, value: Any = None
) -> tuple[str, ...]:
    """Return a row with a figure of each run, and how it stands to a target, unless processes were killed in it."""
    marks = [f"{tell(one)} {target.mark(value(one)) if target and not one.kills else '':3}" for one in runs]
    return label, *marks, *((f"{target.least:g}", f"{target.aim:g}") if target else ("", ""))


def columns(rows: Sequence[Sequence[str]]) -> str:
    """Lay rows out, the first column to the left and the others to the right."""
    first, *others = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            [label.ljust(first), *(cell.rjust(width) for cell, width in zip(cells, others, strict=True))]
        ).rstrip()
        for label, *cells in rows
    )
