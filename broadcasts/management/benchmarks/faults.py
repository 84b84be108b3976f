"""The faults that `bench chaos` injects while a broadcast is sent; each records its permitted effects."""

import math
import os
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.db import connection
from django_q.brokers import get_broker

from broadcasts.models import Batch, Delivery
from broadcasts.queue import enqueue

from .people import LEFT
from .scene import Scene, retry_while_away

REFUSED_EVERY = 50  # under any budget of refusals
FALLS_BACK_EVERY = 25


def workers(scene: Scene) -> None:
    """Kill workers that hold a lease, one every 1 to 3 s; with --kills so many of them."""
    for _ in scene.times(math.inf if scene.kills else settings.LEASE_SECONDS, 1, 3):
        if pid := scene.holder():
            scene.kill(pid, "workers killed")
        if scene.kills and scene.events["workers killed"] >= scene.kills:
            break
    if scene.kills:
        scene.musts.append((f"{scene.kills} workers are killed", scene.events["workers killed"] == scene.kills))


def sentinel(scene: Scene) -> None:
    """Kill the sentinel, which watches over the workers."""
    if pid := scene.sentinel(scene.crew):
        scene.kill(pid, "sentinels killed", windows=scene.crew.pumps)


def main(scene: Scene) -> None:
    """Kill the main process of the cluster, so that its children are orphans."""
    if pid := scene.main(scene.crew):
        scene.kill(pid, "main processes killed", windows=scene.crew.pumps)


def supervisor(scene: Scene) -> None:
    """Kill `manage.py work` itself, and start it anew as a service manager does."""
    scene.kill(scene.crew.pid, "supervisors killed", windows=scene.crew.pumps)
    scene.crew.supervisor.wait(5)
    scene.crew.start()


def stop(scene: Scene) -> None:
    """Stop `manage.py work` as an operator does and start it anew, twice."""
    for share in (0.2, 0.5):
        scene.reach(share)
        scene.musts.append(("the workers stop by themselves", scene.crew.stop()))
        scene.events["stops"] += 1
        scene.crew.start()


def freeze(scene: Scene) -> None:
    """Freeze a worker that holds a lease for longer than that lasts; awake again it must write nothing."""
    if pid := scene.holder():
        os.kill(pid, signal.SIGSTOP)
        _leave_frozen(scene, pid, is_amid=False)


def amid(scene: Scene) -> None:
    """Freeze a worker amid a transaction, where it keeps others out of rows, or out of all of SQLite."""
    for _ in scene.times(60, 0, 0.02):
        pid = scene.holder()
        if pid is None:
            return
        os.kill(pid, signal.SIGSTOP)
        if retry_while_away(_is_amid_transaction):
            _leave_frozen(scene, pid, is_amid=True)
            return
        os.kill(pid, signal.SIGCONT)


def _is_amid_transaction() -> bool:
    """Tell whether a transaction stands still; those of workers that go on last some milliseconds."""
    if connection.vendor == "sqlite":
        with closing(sqlite3.connect(connection.settings_dict["NAME"], timeout=0.5, isolation_level=None)) as other:
            try:
                other.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                return True
            other.execute("ROLLBACK")
            return False
    time.sleep(0.15)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() "
            "AND state = 'idle in transaction' AND state_change < clock_timestamp() - interval '0.1 s'"
        )
        return cursor.fetchone() is not None


def _leave_frozen(scene: Scene, pid: int, is_amid: bool) -> None:
    """Freeze a worker until another one has recovered its batch, then check that it writes nothing."""
    scene.events["workers frozen"] += 1
    scene.may_be_unknown += scene.window
    rows: list[int] = []
    try:
        held = Batch.objects.filter(pk=scene.holders().get(pid, 0))
        batch = retry_while_away(held.first)
        deadline = time.monotonic() + settings.LEASE_SECONDS + 20
        is_taken = False
        while batch and not is_taken and time.monotonic() < deadline:
            time.sleep(0.2)
            is_taken = retry_while_away(held.exclude(token=batch.token).exists)
        if not (is_amid and connection.vendor == "sqlite"):  # the lock is held: no process can write
            scene.musts.append(("its batch is taken over while it is frozen", is_taken))
        if batch:
            unknown = batch.deliveries().filter(status=Delivery.Status.UNKNOWN)
            rows = retry_while_away(lambda: list(unknown.values_list("pk", flat=True)))
    finally:
        os.kill(pid, signal.SIGCONT)
    time.sleep(3)
    left = Delivery.objects.filter(pk__in=rows, status=Delivery.Status.UNKNOWN)
    scene.musts.append(("awake again, it writes nothing", retry_while_away(left.count) == len(rows)))


def database(scene: Scene) -> None:
    """Make the database unavailable: on PostgreSQL it refuses connections, on SQLite another process locks it."""
    for seconds in (0, 1, 4, 8):
        if scene.is_over():
            return
        with _without_database():
            time.sleep(seconds)
        scene.events["database gone"] += 1
        time.sleep(scene.random.uniform(1, 2))


@contextmanager
def _without_database() -> Iterator[None]:
    name = connection.settings_dict["NAME"]
    connection.close()
    if connection.vendor == "sqlite":
        with closing(sqlite3.connect(name, timeout=60, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            yield
            other.execute("ROLLBACK")
        return
    with connection._nodb_cursor() as cursor:
        cursor.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        try:
            cursor.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
            yield
        finally:
            cursor.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')


def drop(scene: Scene) -> None:
    """Have the receiver drop connections, at any phase."""
    _misbehave(scene, seconds=8, drops=0.01)


def later(scene: Scene) -> None:
    """Have the receiver put messages off, at any phase."""
    _misbehave(scene, seconds=8, laters=0.2)


def _misbehave(scene: Scene, seconds: float, **behaviour: float) -> None:
    scene.receiver.behave(**behaviour)
    for _ in scene.times(seconds, 0.2, 0.2):
        pass
    scene.receiver.behave(**dict.fromkeys(behaviour, 0.0))


def refuse(scene: Scene) -> None:
    """Let the receiver refuse some recipients permanently: exactly these must be `failed`."""
    refused = _some(scene, len(scene.chain) - 1, REFUSED_EVERY)
    scene.must_fail = frozenset(address for _, address in refused)
    _refuse(scene, refused)


def refuse_some(scene: Scene) -> None:
    """Have the first provider of a chain refuse some recipients, so that they fall back to the next channel."""
    _refuse(scene, _some(scene, 0, FALLS_BACK_EVERY))


def _some(scene: Scene, place: int, every: int) -> list[tuple[str, str]]:
    """Return (kind, address) of one recipient in so many, as a channel of the chain names them.

    They are spread over the audience, since a batch in which most are refused would pause the broadcast.
    """
    people = scene.broadcast.organization.contacts.exclude(attributes__plan=LEFT).order_by("id")
    kind = scene.chain[place]
    addresses = list(people.values_list(kind.column, flat=True))[:: min(every, scene.n)]
    return [(kind.name, address.lstrip("+")) for address in addresses]


def _refuse(scene: Scene, refused: list[tuple[str, str]]) -> None:
    names = {f"{kind}:{address}" if scene.chain[0].is_http else address for kind, address in refused}
    scene.receiver.behave(refuses=scene.receiver.behaviour.refuses | names)
    scene.events["recipients refused"] += len(names)


def hang(scene: Scene) -> None:
    """Have the receiver answer nothing for 15 s, while its connections stay open."""
    told = scene.receiver.behave(hangs=True)
    scene.events["hangs"] += 1
    time.sleep(15)
    now = scene.receiver.behave(hangs=False)
    scene.may_be_unknown += max(told.connections, now.connections)


def outage(scene: Scene) -> None:
    """Have the receiver down for a minute: connections break, new ones are refused."""
    told = scene.receiver.behave(is_down=True)
    scene.may_be_unknown += told.connections
    scene.events["outages"] += 1
    time.sleep(60)
    scene.receiver.behave(is_down=False)


def clusters(scene: Scene) -> None:
    """Run two clusters and kill everything of one in the middle, of one that sends."""
    scene.reach(0.4)
    pid = scene.holder()
    crew = next((crew for crew in scene.crews if pid in crew.cluster()), scene.crews[-1])
    scene.may_be_unknown += crew.pumps * scene.window
    crew.kill()
    scene.events["clusters killed"] += 1


def double(scene: Scene) -> None:
    """Ask for every task many times over."""
    for _ in scene.times(8, 0.1, 0.4):
        _ask_again(scene)


def _ask_again(scene: Scene) -> None:
    for _ in range(5):
        pumps = [("pump", channel.pk) for channel in scene.channels]
        for task, pk in (("start", scene.broadcast.pk), *pumps, ("close", scene.broadcast.pk)):
            enqueue(task, pk)
            scene.events["tasks doubled"] += 1
        enqueue("tick")


def emptied(scene: Scene) -> None:
    """Delete the queue again and again."""
    for _ in scene.times(8, 0.05, 0.3):
        _empty(scene)


def _empty(scene: Scene) -> None:
    retry_while_away(get_broker().delete_queue)
    scene.events["queue emptied"] += 1


def storm(scene: Scene) -> None:
    """Do several of these at random for a while."""
    ahead: list[Callable[[Scene], None]] = []
    for _ in scene.times(40, 0.2, 1.5):
        ahead = ahead or scene.random.sample(STORM, len(STORM))
        ahead.pop()(scene)


def _kill_one(scene: Scene) -> None:
    if found := sorted(scene.holders()):
        scene.kill(scene.random.choice(found), "workers killed")


def _pause_one(scene: Scene) -> None:
    if found := sorted(scene.holders()):
        pid = scene.random.choice(found)
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
            time.sleep(scene.random.uniform(1, 4))
            os.kill(pid, signal.SIGCONT)
            scene.events["workers frozen"] += 1


def _drop_some(scene: Scene) -> None:
    _misbehave(scene, scene.random.uniform(1, 3), drops=0.02)


def _delay_some(scene: Scene) -> None:
    _misbehave(scene, scene.random.uniform(1, 2), laters=0.1)


def _lose_database(scene: Scene) -> None:
    with _without_database():
        time.sleep(scene.random.uniform(0, 3))
    scene.events["database gone"] += 1


STORM: tuple[Callable[[Scene], None], ...] = (
    _kill_one, _kill_one, _pause_one, _drop_some, _delay_some, _lose_database, _empty, _ask_again, sentinel, main,
    supervisor,
)  # fmt: skip


@dataclass(frozen=True)
class Fault:
    """What is done, and to what kind of broadcast."""

    act: Callable[[Scene], None]
    leases: float = 0.75  # how long the broadcast would take undisturbed
    settings: Mapping[str, Any] = field(default_factory=dict)  # of the channel
    crews: int = 1
    is_first: bool = False  # done before the broadcast begins, and not amid it
    is_of_ours: bool = True  # what it does to our own processes, or else to the receiver


FAULTS: dict[str, Fault] = {
    "workers": Fault(workers, leases=1),
    "sentinel": Fault(sentinel),
    "main": Fault(main),
    "supervisor": Fault(supervisor),
    "stop": Fault(stop),
    "freeze": Fault(freeze),
    "amid": Fault(amid, leases=1.25),
    "database": Fault(database, leases=1.25),
    "drop": Fault(drop, is_of_ours=False),
    "later": Fault(later, is_of_ours=False),
    "refuse": Fault(refuse, leases=0.4, is_first=True),
    "hang": Fault(hang, is_of_ours=False, leases=0.5, settings={"timeout": 8}),
    "outage": Fault(outage, is_of_ours=False, leases=0.5),
    "clusters": Fault(clusters, crews=2),
    "double": Fault(double, leases=0.6),
    "emptied": Fault(emptied, leases=0.6),
    "all": Fault(storm, leases=1.5),
}


def faults_of(chain: str) -> list[str]:
    """Return the faults that are done by default: to a chain of several channels those of our own processes."""
    return [name for name, fault in FAULTS.items() if chain != "fallback" or (fault.is_of_ours and not fault.is_first)]
