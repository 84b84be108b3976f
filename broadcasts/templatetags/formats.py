"""The formats as filters of templates: {{ n|number }}, {{ seconds|duration }}, {{ at|moment:zone }}."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django import template

from broadcasts import formats

register = template.Library()


def blank_for_none(write: Callable[..., str]) -> Callable[..., str]:
    """Wrap a format so that it writes nothing for what a template misses, as Django's own filters do."""

    @wraps(write)
    def written(value: Any, *options: Any) -> str:
        return "" if value is None or value == "" else write(value, *options)

    return written


for write in (
    formats.number,
    formats.rate,
    formats.percent,
    formats.duration,
    formats.day,
    formats.moment,
    formats.planned,
):
    register.filter(write.__name__, blank_for_none(write))
