"""Watch over the processes that do the work, and do the rounds that keep it going.

`children` starts, stops and outlives processes, `pulse` tells whether the queue is alive, `supervisor` is the loop.
"""

from .children import Child
from .supervisor import Supervisor, cluster, web

__all__ = ["Child", "Supervisor", "cluster", "web"]
