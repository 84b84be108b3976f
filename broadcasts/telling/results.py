"""What calls come to; apart from `calls`, whose HTTP client takes more memory than all the rest of a worker's tasks."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from broadcasts.database import storable

if TYPE_CHECKING:
    from broadcasts.transports.http import Answer

SECONDS = 10  # that one call may take
CONCURRENCY = 50  # calls at once of one worker
KEPT = 500  # characters


@dataclass(frozen=True, slots=True)
class CallResult:
    """What a call came to: the answer, or the error if there was none."""

    answer: "Answer | None"
    error: str
    milliseconds: int

    @property
    def is_success(self) -> bool:
        return self.answer is not None and self.answer.is_success

    @property
    def text(self) -> str:
        """The first characters of the answer."""
        return storable(self.answer.body.decode("utf-8", "replace"))[:KEPT] if self.answer else ""


def told_of(result: CallResult) -> dict[str, Any]:
    """Return the columns of a call that tell of its last attempt."""
    return {
        "status_code": result.answer.status if result.answer else None,
        "duration_ms": result.milliseconds,
        "answer": result.text,
        "error": result.error,
    }
