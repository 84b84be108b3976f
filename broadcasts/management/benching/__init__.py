"""Measuring: each bench works in a room of its own, and nothing it sends leaves this machine.

`room` is a scratch database and folder, `sink` the receiver, `people` and `content` who gets what, `workers` the real
ones, `plain_loop` what they are compared with, `processes` what the system says of them; `send` puts it together,
`figures` does the arithmetic.
"""

HOST = "127.0.0.1"
