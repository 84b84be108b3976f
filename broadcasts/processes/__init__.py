"""Supervise the processes of an installation.

`children` starts, restarts and stops processes; `heartbeat` checks the queue, `web` the web server; `supervisor` is the
main loop.
"""

from .children import Child
from .supervisor import Supervisor, cluster
from .web import WebProcess, web

__all__ = ["Child", "Supervisor", "WebProcess", "cluster", "web"]
