"""Measuring: each bench works in a room of its own, and nothing it sends leaves this machine.

`room` is a scratch database and folder, `people` and `content` who gets what, `workers` the real ones, `processes`
what the system says of them.

`send` tells how fast: `sink` is its receiver, `plain_loop` what it is compared with, `figures` does the arithmetic.

`chaos` tells what is lost: `faults` is what is done, to a `scene`; `receiver` misbehaves as it is told and knows what
arrived, `verdict` compares that with the log.
"""

HOST = "127.0.0.1"
