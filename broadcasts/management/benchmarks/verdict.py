"""Compare the received messages with the delivery log, recipient by recipient, and check the invariants."""

import textwrap
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from broadcasts import links, stats
from broadcasts.models import Contact, Delivery

from .figures import columns
from .people import LEFT
from .scene import Scene

Status = Delivery.Status
MOST_SECONDS = 60  # from the last fault until work goes on


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """One fault, and what came of it."""

    fault: str
    recipients: int
    once: int
    twice: int
    lost: int  # neither received nor accounted for
    not_received: int  # though logged as sent
    denied: int  # received, although not sent according to the log
    strangers: int  # copies to an unknown or a wrong recipient
    unknown: int
    arrived: int  # of the unknown
    failed: int
    goes_on: float | None  # seconds
    ends: float | None
    humans: int
    events: dict[str, int]
    musts: list[tuple[str, bool]]

    @property
    def is_kept(self) -> bool:
        return all(is_true for _, is_true in self.musts)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def judge(fault: str, scene: Scene) -> Verdict:
    """Compare person by person, once everything is at rest; of several copies in a chain the last one counts."""
    owners = _owners(scene)
    wanted = set(owners.values())
    log = Delivery.objects.filter(message__broadcast=scene.broadcast).exclude(status=Status.SKIPPED)
    rows = list(log.values_list("pk", "contact", "address", "status", "replaces").iterator())
    logged = {pk: address.lstrip("+") for pk, _, address, _, _ in rows}
    replaced = {row[-1] for row in rows}
    standing = {contact: status for pk, contact, _, status, _ in rows if pk not in replaced}
    copies, strangers = _received(scene, owners, logged)

    def having(*statuses: str) -> set[int]:
        return {person for person, status in standing.items() if status in statuses}

    got, unknown, failed = set(copies), having(Status.UNKNOWN), having(Status.FAILED)
    numbers = {
        "recipients": len(wanted),
        "once": sum(n == 1 for n in copies.values()),
        "twice": sum(n > 1 for n in copies.values()),
        "lost": len(wanted - got - unknown - failed - having(Status.CANCELLED)),
        "not_received": len(having(Status.SENT) - got),
        "denied": len(got - having(Status.SENT, Status.UNKNOWN)),
        "strangers": strangers,
        "unknown": len(unknown),
        "arrived": len(unknown & got),
        "failed": len(failed),
    }
    must_fail = {owners[address] for address in scene.must_fail}
    logged_as = Counter(status for _, _, _, status, _ in rows)  # of copies, as the counters
    return Verdict(
        fault=fault,
        **numbers,
        goes_on=scene.seconds_to_go_on,
        ends=scene.seconds_to_end,
        humans=scene.humans,
        events=dict(scene.events),
        musts=[
            *((f"nobody is {words}", numbers[name] == 0) for name, words in NEVER.items()),
            (f"exactly the {len(must_fail)} refused fail", failed == must_fail),
            *_musts(scene, numbers["unknown"], logged_as),
        ],
    )


def _musts(scene: Scene, unknown: int, logged: Counter[str]) -> list[tuple[str, bool]]:
    """Return what must be true of the broadcast as a whole."""
    sums = stats.counts([scene.broadcast])[scene.broadcast.pk]
    return [
        ("the fault hit", scene.events.total() > 0),
        ("it comes to its end", scene.seconds_to_end is not None),
        ("no human is needed", scene.humans == 0),
        (f"work goes on within {MOST_SECONDS} s", (scene.seconds_to_go_on or 0) <= MOST_SECONDS),
        (f"at most {scene.may_be_unknown} are unknown", unknown <= scene.may_be_unknown),
        ("the counters agree with the log", all(sums[name] == logged[name] for name in ("sent", "failed", "unknown"))),
        *scene.musts,
    ]


def _owners(scene: Scene) -> dict[str, int]:
    """Return who should receive it, {address: contact id}, with each address that a channel may use."""
    people = Contact.objects.for_organization(scene.broadcast.organization).exclude(attributes__plan=LEFT)
    rows = people.values_list("pk", *(kind.column for kind in scene.chain))
    return {address.lstrip("+"): pk for pk, *addresses in rows.iterator() for address in addresses}


def _received(scene: Scene, owners: dict[str, int], logged: dict[int, str]) -> tuple[Counter[int], int]:
    """Return {contact id: copies that arrived}, and how many copies went to an unknown or a wrong recipient."""
    copies: Counter[int] = Counter()
    seen: set[int] = set()
    strangers = 0
    for recipient, key in scene.receiver.truth():
        pk = links.delivery_id(key.strip("<>").partition("@")[0]) or 0
        if pk in seen and scene.transport.deduplicates:
            continue  # the receiver knows it by its key
        seen.add(pk)
        strangers += recipient not in owners or logged.get(pk, "") != recipient
        copies[owners.get(recipient, 0)] += 1
    return copies, strangers


NEVER = {
    "twice": "reached twice",
    "lost": "lost",
    "not_received": "logged as sent who got nothing",
    "denied": "logged as not reached who got a copy",
    "strangers": "given another's copy",
}
COLUMNS = (
    "fault", "recipients", "once", "twice", "lost", "sent, not got", "got, not sent", "unknown", "had arrived",
    "failed", "goes on, s", "ends, s", "humans", "",
)  # fmt: skip


def table(verdicts: Sequence[Verdict]) -> str:
    """Lay the verdicts out, a row for each; below, what happened and what must be true."""
    lines = [columns([COLUMNS, *map(_row, verdicts)])]
    for one in verdicts:
        happened = ", ".join(f"{what}: {n:,}" for what, n in one.events.items() if n)
        marked = "; ".join(f"{'✔' if is_true else '✘'} {words}" for words, is_true in one.musts)
        lines += ["", f"{one.fault}: {happened or 'nothing happened'}"]
        lines.append(textwrap.fill(marked, 118, initial_indent="  ", subsequent_indent="  "))
    return "\n".join(lines)


def _row(one: Verdict) -> tuple[str, ...]:
    counted = (
        one.recipients, one.once, one.twice, one.lost, one.not_received, one.denied + one.strangers, one.unknown,
        one.arrived, one.failed,
    )  # fmt: skip
    seconds = (f"{value:.1f}" if value is not None else "never" for value in (one.goes_on, one.ends))
    return (one.fault, *(f"{n:,}" for n in counted), *seconds, str(one.humans), "✔" if one.is_kept else "✘")
