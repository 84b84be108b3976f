"""Read CPU time and memory of processes and of the machine from /proc."""

import os
import platform
import sys
import sysconfig
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db import connection

TICK = os.sysconf("SC_CLK_TCK")


def _stat(pid: int | str) -> list[str]:
    """Return the fields after the command's name, which may hold anything."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def is_running(pid: int) -> bool:
    """Tell whether a process runs; one that has ended and that nobody has asked about yet does not."""
    try:
        return _stat(pid)[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


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


@dataclass(frozen=True)
class MachineLoad:
    """How long the cores of the machine were busy until a moment, and how much of it was ours."""

    seconds: float
    at: float
    ours: float

    @classmethod
    def now(cls, ours: float) -> "MachineLoad":
        """Look now; `ours` is the processor time of the processes whose work it is."""
        # man 5 proc: user, nice, system, idle, iowait, irq, softirq, steal. The network on this machine is in softirq,
        # whoever uses it.
        user, nice, system, _, _, _, _, steal, *_ = map(int, Path("/proc/stat").read_text().splitlines()[0].split()[1:])
        return cls((user + nice + system + steal) / TICK, time.monotonic(), ours)

    def others_since(self, earlier: "MachineLoad") -> float:
        """Return the share of all cores that others took since an earlier look."""
        others = (self.seconds - earlier.seconds) - (self.ours - earlier.ours)
        return max(0.0, others / ((self.at - earlier.at) * (os.cpu_count() or 1)))


def database_pids() -> list[int]:
    """Return the processes of the PostgreSQL server, if it runs on this machine; [] for SQLite, which has none."""
    if connection.vendor != "postgresql":
        return []
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        backend = cursor.fetchone()[0]
    with suppress(OSError):
        if Path(f"/proc/{backend}/comm").read_text().startswith("postgres"):
            server = int(_stat(backend)[1])
            return [server, *below(server)]
    return []


def build() -> str:
    """Tell whether this Python was built with profile-guided optimisation, as far as it knows."""
    flags = " ".join(str(sysconfig.get_config_var(name)) for name in ("PY_CORE_CFLAGS", "CONFIG_ARGS"))
    if "-fprofile-use" in flags or "--enable-optimizations" in flags:
        return "an optimised build"
    # Debian's interpreter is optimised, but its settings are those of another build, the shared library's.
    is_debian = sys.base_prefix == "/usr" and "--with-wheel-pkg-dir=/usr/share" in flags.replace("'", "")
    return "a distribution's build" if is_debian else "not an optimised build"


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
        "python": f"{platform.python_version()}, {build()}",
    }
