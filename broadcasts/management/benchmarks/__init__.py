"""Measuring: each bench works in a room of its own, and nothing it sends leaves this machine.

`room` is a scratch database and folder, `people` and `content` who gets what, `workers` the real ones, `processes`
what the system says of them.

`kinds` is the only place that names kinds of channel: their settings, what is sent, whom it reaches, who receives.

`send` tells how fast: `sink` is its receiver of mail, `plain_loop` and `bare_http` are what it is compared with,
`figures` does the arithmetic.

`chaos` tells what is lost: `faults` is what is done, to a `scene`; `receiver` misbehaves as it is told and knows what
arrived (`provider` is its side of HTTP), `verdict` compares that with the log.

`callbacks` tells how fast a provider's calls are applied, and whether any is lost; `caller` makes them. `track` tells
the same of opens and clicks.
"""

HOST = "127.0.0.1"
