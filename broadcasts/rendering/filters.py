"""Liquid's filters, charged to the budget before they run: by the size of their arguments and of their result."""

import re
from collections.abc import Callable
from typing import Any

from liquid import Environment, Markup
from liquid.filter import string_filter, with_environment

from broadcasts import formats

from .budget import LONGEST_LIST, LONGEST_TEXT, SHORT, Budget, Exceeded, refuse_text, size_of
from .plaintext import without_tags

LONGEST_FORMAT = 200  # characters of a date's format, each of which may become 256
LONGEST_DATE = 100  # characters; a longer text is not a date
DATE_STEPS = 50

_EARLY = re.compile(r"\s*(0\d{3})-")  # a date before the year 1000
_DIRECTIVE = re.compile(r"%.", re.DOTALL)

# How many times longer than most filters these take per character.
WEIGHTS = {
    "escape_once": 10,
    "escapejs": 25,
    "newline_to_br": 12,
    "sort": 3,
    "sort_natural": 3,
    "split": 3,
    "squish": 10,
    "strip_html": 25,
    "strip_newlines": 12,
    "sum": 3,
    "truncatewords": 3,
    "url_decode": 5,
    "url_encode": 10,
}


def apply(name: str, function: Callable[..., Any], budget: Budget, value: Any, /, *args: Any, **kwargs: Any) -> Any:
    """Apply a filter to a value; raises Exceeded before it does much work."""
    size = size_of(value) * WEIGHTS.get(name, 1)
    for given in (*args, *kwargs.values()) if kwargs else args:
        size += size_of(given)
    budget.spend(2 + size // SHORT)
    if name in BEFORE:
        BEFORE[name](budget, value, *args)
    result = function(value, *args, **kwargs)
    if type(result) is not str or len(result) > LONGEST_TEXT:
        size_of(result)
    return result


def _before_replace(budget: Budget, value: Any, seq: Any = "", sub: Any = "", *rest: Any) -> None:
    text, seq, sub = _text(value), _text(seq), _text(sub)
    if len(text) + text.count(seq) * (len(sub) - len(seq)) > LONGEST_TEXT:
        refuse_text()


def _before_join(budget: Budget, value: Any, separator: Any = " ", *rest: Any) -> None:
    if isinstance(value, list | tuple | range) and size_of(value) // SHORT * len(_text(separator)) > LONGEST_TEXT:
        refuse_text()


def _before_split(budget: Budget, value: Any, separator: Any = None, *rest: Any) -> None:
    text, separator = _text(value), _text(separator)
    if not separator:
        pieces = len(text)
    elif separator == " ":
        pieces = len(text.split(None, LONGEST_LIST))
    else:
        pieces = text.count(separator) + 1
    if pieces > LONGEST_LIST:
        raise Exceeded(f"“split” would make more than {formats.number(LONGEST_LIST)} pieces; split a shorter text")


def _before_uniq(budget: Budget, value: Any, *rest: Any) -> None:
    if isinstance(value, list | tuple):
        budget.spend((size_of(value) // SHORT) ** 2 // SHORT)  # it compares all pairs of entries


def _before_last(budget: Budget, value: Any, seq: Any = "", *rest: Any) -> None:
    budget.spend(len(_text(value)) * len(_text(seq)) // (100 * SHORT))  # Python's search from the end is quadratic


def _before_date(budget: Budget, value: Any, form: Any = "", *rest: Any) -> None:
    budget.spend(DATE_STEPS)
    if len(_text(form)) > LONGEST_FORMAT:
        raise Exceeded(f"the format of “date” is longer than {LONGEST_FORMAT} characters; write text outside it")


BEFORE: dict[str, Callable[..., None]] = {
    "date": _before_date,
    "join": _before_join,
    "remove_last": _before_last,
    "replace": _before_replace,
    "replace_last": _before_last,
    "split": _before_split,
    "uniq": _before_uniq,
}


def _text(value: Any) -> str:
    """Return a value as the text that Liquid's filters see."""
    return value if isinstance(value, str) else "" if value is None else str(value)


@with_environment
@string_filter
def strip_html(val: str, *, environment: Environment) -> str:
    """Replace Liquid's filter: it uses the standard library's parser, which takes minutes for some texts."""
    stripped = without_tags(val) if "<" in val and ">" in val else val
    return Markup(stripped) if environment.autoescape and isinstance(val, Markup) else stripped


def short_dates(date: Callable[..., Any]) -> Callable[..., Any]:
    """Return Liquid's filter `date`, which returns other texts unchanged, with a limit on their length.

    Its years have four digits; Python leaves out the zeros before years below 1000.
    """

    @with_environment
    def filtered(dat: Any, *args: Any, environment: Environment, **kwargs: Any) -> Any:
        if isinstance(dat, str) and len(dat) > LONGEST_DATE:
            return str(dat)
        if isinstance(dat, str) and args and (year := _EARLY.match(dat)):
            args = (_DIRECTIVE.sub(lambda one: year[1] if one[0] == "%Y" else one[0], _text(args[0])), *args[1:])
        return date(dat, *args, environment=environment, **kwargs)

    return filtered
