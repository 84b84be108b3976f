"""What became of a broadcast, and of all of a period; from counts alone, whatever their number of people.

- `figures`: numbers with their denominators; `series`: by minute, hour or day; `groups`: by link, language, domain,
  device and reason; `people`: who stands behind each number; `periods`: across broadcasts.
"""

from .figures import ReportFigure, compared, figures
from .groups import GroupFigures, ReasonCount, devices, domains, failures, is_counting, languages, links, skips
from .people import narrowed
from .periods import LEAST, Period, growth, ranked, totals, unsubscribes
from .series import MOST, PER, TimeSeries, series

__all__ = [
    "LEAST",
    "MOST",
    "PER",
    "GroupFigures",
    "Period",
    "ReasonCount",
    "ReportFigure",
    "TimeSeries",
    "compared",
    "devices",
    "domains",
    "failures",
    "figures",
    "growth",
    "is_counting",
    "languages",
    "links",
    "narrowed",
    "ranked",
    "series",
    "skips",
    "totals",
    "unsubscribes",
]
