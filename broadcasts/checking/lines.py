"""A line of the check: how serious it is, what it says, and the place that mends it."""

import json
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256

from broadcasts import formats
from broadcasts.models import Message


class Level(StrEnum):
    OK = "ok"
    WARNING = "warning"
    STOP = "stop"


@dataclass(frozen=True)
class Detail:
    """One of the places that a line is about.

    address: a page of the admin that shows or mends it, as (name of its URL, key of its row, query).
    """

    words: str
    message: Message | None = None
    language: str = ""
    address: tuple[str, int, str] | None = None


@dataclass(frozen=True)
class Line:
    """What one question of the check found.

    step: the step that mends it; with `message`, and a language, the content page of that message.
    stable: what `digest` covers instead of the words, where these hold numbers that change by themselves.
    is_pending: whether the answer is still being looked for.
    seconds: how long it took to count what it says, where that is worth telling.
    """

    name: str
    level: Level
    words: str
    step: str = ""
    message: Message | None = None
    detail: tuple[Detail, ...] = ()
    language: str = ""
    stable: str = ""
    is_pending: bool = False
    seconds: float = 0

    @property
    def digest(self) -> str:
        """Tell this line from one of the same name that says something else."""
        said = [self.level, self.stable or [self.words, *(one.words for one in self.detail)]]
        return sha256(json.dumps(said).encode()).hexdigest()


def ok(name: str, words: str, **more) -> Line:
    return Line(name, Level.OK, words, **more)


def warning(name: str, words: str, **more) -> Line:
    return Line(name, Level.WARNING, words, **more)


def stop(name: str, words: str, **more) -> Line:
    return Line(name, Level.STOP, words, **more)


def coarse(n: int) -> int:
    """Round a number to its first digit: what it stands for does not change when a few people come or go."""
    size = 10 ** (len(str(n)) - 1)
    return round(n / size) * size


def people(n: int, one: str = "", many: str = "") -> str:
    """Write how many people there are, and what they do: 1 person waits, 4,213 people wait."""
    return f"{formats.number(n)} {'person' if n == 1 else 'people'} {one if n == 1 else many}".rstrip()
