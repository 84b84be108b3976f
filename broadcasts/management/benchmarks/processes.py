"""Read CPU time and memory of processes and of the machine from /proc."""

import os
import platform
from contextlib import suppress
from pathlib import Path
from typing import Any

from django.db import connection

TICK = os.sysconf("SC_CLK_TCK")


def _stat(pid: int | str) -> list[str]:
    """Return the fields after the command's name, which may hold anything."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def families() -> dict[int, list[int]]:
    """Return the children of each process."""
    children: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            children.setdefault(int(_stat(path.name)[1]), []).append(int(path.name))
    return children


def below(root: int) -> list[int]:
    """Return the processes that a process started, and those that they started."""
    children = families()
    found, ahead = [], [root]
    while ahead:
        ahead += (mine := children.get(ahead.pop(), []))
        found += mine
    return found


def cpu_seconds(pids: list[int]) -> float:
    """Return the processor time of processes, and of those of their children that have ended."""
    ticks = 0
    for pid in pids:
        with suppress(OSError):
            ticks += sum(map(int, _stat(pid)[11:15]))
    return ticks / TICK


def peaks(pids: list[int]) -> dict[int, int]:
    """Return the most memory in bytes that each process has held."""
    found = {}
    for pid in pids:
        with suppress(OSError):
            for line in Path(f"/proc/{pid}/status").read_text().splitlines():
                if line.startswith("VmHWM:"):
                    found[pid] = int(line.split()[1]) * 1024
    return found


def machine() -> dict[str, Any]:
    """Name the machine, and how busy it is already."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown CPU")
    version = ".".join(map(str, connection.get_database_version()))
    return {
        "cpu": model,
        "cores": os.cpu_count() or 1,
        "load": [round(load, 2) for load in os.getloadavg()],
        "database": f"{connection.display_name} {version}",
        "python": platform.python_version(),
    }
