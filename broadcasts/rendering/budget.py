"""The budget of one copy, for all its fields together: steps of work, bytes of output, and seconds.

Steps are deterministic: a template that is refused at save is refused everywhere. Seconds limit what steps do not
count. Liquid's own limits apply to one loop, field or variable at a time, and not to filters.
"""

import time
from collections.abc import Callable
from typing import NoReturn

from liquid.exceptions import ResourceLimitError

from broadcasts import formats

STEPS = 50_000
OUTPUT_LIMIT = 2_000_000  # bytes, including captured text
SECONDS = 0.25
LONGEST_TEXT = 500_000  # characters of one value
LONGEST_LIST = 10_000  # entries of one value, in all nested lists together
LARGEST_NUMBER = 1_000  # bits
SHORT = 50  # characters that cost one step; so does an entry of a list
LOOK_STEPS = 250  # between two checks of the clock


class Exceeded(ResourceLimitError):
    """A copy exceeds its budget; the message says which limit, and how to stay below it."""

    def __init__(self, message: str) -> None:
        super().__init__(message, token=None)


class Budget:
    """The remaining budget of one copy, or a multiple of it.

    Time is CPU time of the thread, so that no copy fails because its worker was suspended or shares a core.
    """

    __slots__ = ("clock", "left", "look_at", "room", "times", "until")

    def __init__(self, times: int = 1, clock: Callable[[], float] = time.thread_time) -> None:
        self.times = times
        self.clock = clock
        self.until = 0.0  # not started
        self.left = self.look_at = STEPS * times
        self.room = OUTPUT_LIMIT * times

    @property
    def is_whole(self) -> bool:
        """Whether nothing was spent of it yet."""
        return self.left == STEPS * self.times and self.room == OUTPUT_LIMIT * self.times

    def again(self) -> "Budget":
        """Return a fresh budget for composing the same copy again, within the remaining time."""
        other = Budget(self.times, self.clock)
        other.until = self.until
        return other

    def spend(self, steps: int) -> None:
        self.left -= steps
        if self.left < self.look_at:
            self._look()

    def _look(self) -> None:
        if self.left < 0:
            raise Exceeded(
                f"this takes more than {formats.number(STEPS)} steps for one copy, all its parts together; "
                "loop over less (such as “limit: 100”), nest fewer loops, and filter shorter values"
            )
        now = self.clock()
        self.until = self.until or now + SECONDS * self.times
        if now > self.until:
            raise Exceeded(
                f"this takes longer than {SECONDS} seconds for one copy; loop over less and use fewer filters"
            )
        self.look_at = max(0, self.left - LOOK_STEPS)

    def refuse_output(self) -> NoReturn:
        raise Exceeded(f"one copy becomes longer than {formats.number(OUTPUT_LIMIT)} bytes; repeat less in it")

    def pay(self, value: object) -> None:
        """Spend the steps for reading a value once."""
        self.spend(1 + size_of(value) // SHORT)


def size_of(value: object) -> int:
    """Return the size of a value in characters; an entry of a list or mapping counts as 50. Raises Exceeded."""
    if type(value) is str:
        if len(value) > LONGEST_TEXT:
            refuse_text()
        return len(value)
    characters = entries = 0
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            characters += len(one)
        elif isinstance(one, list | tuple):
            entries = _more_entries(entries, len(one))
            waiting.extend(one)
        elif isinstance(one, dict):
            entries = _more_entries(entries, len(one))
            characters += sum(map(len, map(str, one)))
            waiting.extend(one.values())
        elif isinstance(one, range):
            entries = _more_entries(entries, length_of(one))
        elif isinstance(one, int):
            characters += digits_of(one)
        if characters > LONGEST_TEXT:
            refuse_text()
    return characters + SHORT * entries


def _more_entries(entries: int, more: int) -> int:
    if entries + more > LONGEST_LIST:
        raise Exceeded(f"a list is longer than {formats.number(LONGEST_LIST)} entries; use a shorter list or range")
    return entries + more


def length_of(numbers: range) -> int:
    try:
        return len(numbers)
    except OverflowError:
        return LONGEST_LIST + 1


def digits_of(number: int) -> int:
    if number.bit_length() > LARGEST_NUMBER:
        raise Exceeded(f"a number has more than {LARGEST_NUMBER * 3 // 10} digits; calculate with smaller ones")
    return number.bit_length() // 3


def refuse_text() -> NoReturn:
    raise Exceeded(f"a value becomes longer than {formats.number(LONGEST_TEXT)} characters; build shorter texts")
