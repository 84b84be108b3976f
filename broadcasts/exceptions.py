"""Exceptions whose messages are shown to users; admin, API and commands convert them to their own format."""

from collections.abc import Mapping


class BroadcastsError(Exception):
    """The base class; str() is a sentence for users."""


class InvalidInput(BroadcastsError):
    """Invalid input; `errors` is {field: message}, and a message says what would be right."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__(" ".join(f"{field}: {error}" for field, error in errors.items()))
        self.errors = dict(errors)


class FileRefused(InvalidInput):
    """An uploaded file that is not stored; `code` says why: "size", "type", "picture", "quota" or "busy"."""

    def __init__(self, refusal: str, code: str) -> None:
        super().__init__({"file": refusal})
        self.code = code


class WrongState(BroadcastsError):
    """The state of the row does not allow this, or another process changed it first."""


class StaleObject(WrongState):
    """The row was changed after the user last read it."""


class EmptyAudience(BroadcastsError):
    """The audience matches no contact, or none that would receive the broadcast."""


class NotReady(BroadcastsError):
    """Something that sending needs is missing, such as a channel, a time or content."""


class LeaseLost(BroadcastsError):
    """Another worker owns the batch now; this one must write nothing more."""


class RenderError(BroadcastsError):
    """The content cannot be rendered for a recipient; an incomplete copy is never sent."""


class OverBudget(RenderError):
    """Rendering a copy exceeds the limits of work, size or time."""

    def __str__(self) -> str:
        return f"Over budget: {super().__str__()}"
