"""Watch over the processes that do the work, and do the rounds that keep it going.

`children` starts, stops and outlives processes, `heartbeat` tells whether the queue is alive, `web` whether the web
server answers, `supervisor` is the loop.
"""

from .children import Child
from .supervisor import Supervisor, cluster
from .web import WebProcess, web

__all__ = ["Child", "Supervisor", "WebProcess", "cluster", "web"]
