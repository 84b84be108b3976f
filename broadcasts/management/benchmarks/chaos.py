"""`bench chaos`: what becomes of a broadcast while workers, database, queue and receiver fail, one fault at a time."""

import json
import time
from argparse import ArgumentParser
from contextlib import ExitStack
from random import Random
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connections

from broadcasts import sending
from broadcasts.management import serving

from . import people, processes
from .faults import FAULTS, faults_of, refuse_some
from .kinds import CHAINS
from .receiver import receiver
from .room import Room, is_inside, leave
from .scene import Scene
from .send import make_broadcast, make_club, number
from .verdict import Verdict, judge, table
from .workers import workers

HELP = "Send while workers are killed, frozen and cut off, and compare what arrived with the log, one by one."
RETRY_SECONDS = "2,4,8"  # short, so that a run does not wait for minutes
BATCHES = 20  # as in something large, where all pumps have work to the end
LANES = 2  # rooms at work at a time: most of a fault is waiting
KILL_SECONDS = 2.5  # that the broadcast lasts for each kill of --kills
SOON = 0.15  # the share that has arrived when a fault begins


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--fault", action="append", choices=FAULTS, help="again for several; default: all of them")
    parser.add_argument(
        "--channel", choices=CHAINS, default="email", help="default: email; fallback: WhatsApp, then SMS"
    )
    parser.add_argument("--contacts", type=number, default=5_000, metavar="N", help="default: 5000")
    parser.add_argument(
        "--kills", type=number, default=0, metavar="N", help="of the fault workers: kill so many, in one broadcast"
    )
    parser.add_argument("--pumps", type=number, default=settings.PUMPS, metavar="N", help="default: PUMPS")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of what is left to chance")
    parser.add_argument("--json", action="store_true", help="for machines")


def run(command: BaseCommand, options: dict[str, Any]) -> None:
    faults = options["fault"] or faults_of(options["channel"])
    if is_inside():
        serving.prepare()
        leave([_try(command, fault, options).as_json() for fault in faults])
        return
    machine = {**processes.machine(), "pumps": options["pumps"], "channel": options["channel"]}
    arguments = [f"--{name}={options[name]}" for name in ("contacts", "pumps", "seed", "channel", "kills")]
    arguments = [one for one in arguments if one != "--kills=0"]
    batch_size = min(max(options["contacts"] // BATCHES, 10), settings.BATCH_SIZE)
    with ExitStack() as stack:
        rooms = []
        for lane in filter(None, (faults[i::LANES] for i in range(LANES))):
            room = stack.enter_context(Room(RETRY_SECONDS=RETRY_SECONDS, BATCH_SIZE=str(batch_size)))
            room.start("bench", "chaos", *arguments, *(f"--fault={fault}" for fault in lane))
            rooms.append(room)
        found = [Verdict(**one) for room in rooms for one in room.result()]
    verdicts = sorted(found, key=lambda one: faults.index(one.fault))
    if options["json"]:
        document = {"machine": machine, "verdicts": [one.as_json() for one in verdicts]}
        command.stdout.write(json.dumps(document, indent=2))
    else:
        words = "{cpu}, {cores} cores; {database}; Python {python}; pumps: {pumps}; {channel}".format_map(machine)
        command.stdout.write(f"{words}\n{table(verdicts)}")
    if broken := [one.fault for one in verdicts if not one.is_kept]:
        raise CommandError(f"Not as it must be: {', '.join(broken)}.")


def _try(command: BaseCommand, name: str, options: dict[str, Any]) -> Verdict:
    """Do one fault to a broadcast of its own, in a room."""
    fault, n, seed, chain = FAULTS[name], options["contacts"], options["seed"], options["channel"]
    first = CHAINS[chain][0]
    begun = time.monotonic()
    club = make_club(name)
    people.load(club, n)
    connections.close_all()  # the receiver's process is to inherit none
    pace = max(fault.leases * settings.LEASE_SECONDS, KILL_SECONDS * options["kills"]) / n
    with receiver(seed, first.receiver, pace=pace) as taker, ExitStack() as stack:
        account = {} if first.is_http else fault.settings
        broadcast = make_broadcast(club, taker.port, chain, **account)
        pumps = options["pumps"] * fault.crews  # the limit is the host's
        crews = [stack.enter_context(workers(pumps, f"{name}-{i}")) for i in range(fault.crews)]
        chance = Random(seed)  # noqa: S311  (chance, not secrecy)
        scene = Scene(broadcast, taker, crews, chance, n, CHAINS[chain], options["kills"])
        if len(CHAINS[chain]) > 1:
            refuse_some(scene)
        if fault.is_first:
            fault.act(scene)
        sending.send(broadcast)
        if not fault.is_first:
            scene.reach(SOON)
            fault.act(scene)
        scene.watch()
        for crew in crews:
            crew.stop()
        scene.rest()
        verdict = judge(name, scene)
    words = "as it must be" if verdict.is_kept else "NOT as it must be"
    command.stderr.write(f"{name}: {words}, after {time.monotonic() - begun:.0f} s")
    if not verdict.is_kept:
        for crew in crews:
            command.stderr.write(crew.last_words())
    return verdict
