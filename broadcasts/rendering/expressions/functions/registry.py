"""The registry of functions; a module of this package adds those of one kind."""

from collections.abc import Callable
from typing import Any

from ..running import Evaluation
from ..values import Function

Kind = Callable[[Evaluation, Any], Any]  # the conversion of an argument
FUNCTIONS: dict[str, Function] = {}


def define(
    *kinds: Kind, optional: int = 0, more: Kind | None = None, keeps_errors: bool = False, name: str = ""
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register a function with the conversions of its arguments, of which the last `optional` may be left out.

    more: the conversion of any number of further arguments.
    keeps_errors: whether it takes errors as arguments; else an error is its result.
    """

    def register(body: Callable[..., Any]) -> Callable[..., Any]:
        word = name or body.__name__
        FUNCTIONS[word] = Function(word, body, kinds, optional, more, keeps_errors)
        return body

    return register
