"""RapidPro's errors: those of Django REST framework as they are, {"detail"} or the messages by field."""

from typing import Any

from broadcasts.api.errors import NativeApi
from broadcasts.dialects.schema import describing

PROBLEM: dict[str, Any] = {
    "type": "object",
    "description": "Why a request was refused: `detail`, or messages by field.",
    "properties": {"detail": {"type": "string"}},
    "additionalProperties": True,
}
describe_refusals = describing(
    PROBLEM,
    always="404",
    without="401",
    status_403="No token, a wrong one, or one that may not do this.",
    status_404="There is no such row in this organization, or the cursor leads nowhere.",
    status_429="The requests of this hour are used up, over all tokens of the workspace.",
)


class RapidProApi(NativeApi):
    """RapidPro's error format."""
