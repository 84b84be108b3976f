"""What can go wrong, in words for the people who see it; doors translate these into their own shapes."""

from collections.abc import Mapping


class BroadcastsError(Exception):
    """The base of our own errors; str() of each is a sentence for people."""


class InvalidInput(BroadcastsError):
    """Input that cannot be taken: {field: what is wrong and what would be right}."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__(" ".join(f"{field}: {error}" for field, error in errors.items()))
        self.errors = dict(errors)


class WrongState(BroadcastsError):
    """The row is not in a state that allows this, or somebody else was first."""


class Unseen(WrongState):
    """The row was changed after the person who acts on it looked at it."""


class EmptyAudience(BroadcastsError):
    """The audience matches nobody who may be reached."""


class NotReady(BroadcastsError):
    """Something that sending needs is missing: a channel, a time, some content."""


class LeaseLost(BroadcastsError):
    """Another worker owns this batch now; whoever finds out writes nothing more."""


class RenderError(BroadcastsError):
    """The content could not be made for this recipient; nothing half-made is ever sent."""


class OverBudget(RenderError):
    """The copy would take more work, room or time than one may; its author can mend the template."""

    def __str__(self) -> str:
        return f"Over budget: {super().__str__()}"
