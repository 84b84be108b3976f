"""What should be looked at before a broadcast is sent: lines that are fine, warn, or stop it.

Each line answers one question, with words that say what is wrong and what to do, and the place that mends it. Warnings
are accepted by name (`accept`); a stop has to be mended. What counts people takes long where there are many, so pages
show `quick_lines` at once and ask for `counted_lines` afterwards.
"""

from .accepting import accept, is_accepted, open_lines
from .answers import ask_due
from .asking import check, counted_lines, quick_lines
from .consent import use_cases
from .draft import Draft, read
from .lines import Detail, Level, Line
from .people import People
from .people import count as count_people

__all__ = [
    "Detail",
    "Draft",
    "Level",
    "Line",
    "People",
    "accept",
    "ask_due",
    "check",
    "count_people",
    "counted_lines",
    "is_accepted",
    "open_lines",
    "quick_lines",
    "read",
    "use_cases",
]
