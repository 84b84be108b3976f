"""One evaluation of an expression for a recipient, the budget that it has, and how it fails."""

from typing import Any

from ..budget import LONGEST_TEXT, LOOK_STEPS, SECONDS, SHORT, STEPS, Budget, Exceeded
from .places import Places

DEEPEST_CALLS = 40  # of anonymous functions within one another
MOST_ITEMS = 10_000  # of an array
TOO_COMPLEX = "expression is too complex to evaluate"


class Failure(Exception):
    """An error of an expression; its text says why."""

    @property
    def reason(self) -> str:
        return str(self.args[0])


class Evaluation:
    """The evaluation of one expression.

    All expressions of a copy may take half of its budget, each of them half of what is left of that: so one that takes
    too much is empty, and those after it are filled.
    """

    __slots__ = ("budget", "depth", "left", "locals", "look_at", "person", "places", "start", "until")

    def __init__(self, person: Any, places: Places, budget: Budget) -> None:
        self.person = person
        self.places = places
        self.budget = budget
        self.locals: dict[str, Any] = {}  # the arguments of anonymous functions
        self.depth = 0
        self.start = self.left = max(0, (budget.left - STEPS * budget.times // 2) // 2)
        self.look_at = self.left - LOOK_STEPS
        self.until: float | None = None

    def close(self) -> None:
        """Charge what was spent to the copy."""
        self.budget.left -= self.start - max(0, self.left)

    def spend(self, steps: int) -> None:
        self.left -= steps
        if self.left < self.look_at:
            self._look()

    def _look(self) -> None:
        if self.left < 0:
            raise Exceeded(TOO_COMPLEX)
        budget = self.budget
        now, seconds = budget.clock(), SECONDS * budget.times
        budget.until = budget.until or now + seconds
        if self.until is None:
            self.until = now + (budget.until - seconds / 2 - now) / 2
        if now > self.until:
            raise Exceeded(TOO_COMPLEX)
        self.look_at = max(0, self.left - LOOK_STEPS)

    def pay(self, value: Any) -> None:
        """Spend the steps of a result; raises Exceeded or Failure for one that is too large."""
        if type(value) is str:
            self.spend(1 + len(self.limited(value)) // SHORT)
        elif type(value) is list:
            self.spend(1 + len(value) // SHORT)
            if len(value) > MOST_ITEMS:
                raise Failure(f"array has more than {MOST_ITEMS} items")
        else:
            self.spend(1)

    def limited(self, text: str) -> str:
        if len(text) > LONGEST_TEXT:
            raise Exceeded(TOO_COMPLEX)
        return text
