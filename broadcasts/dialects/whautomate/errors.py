"""Whautomate's errors: {"error": a sentence, "fields": {…}}; their format is ours, since it documents none."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from broadcasts.dialects.errors import DialectApi
from broadcasts.dialects.schema import describing
from broadcasts.exceptions import InvalidInput

PROBLEM = {
    "type": "object",
    "description": "Why a request was refused.",
    "properties": {
        "error": {"type": "string", "minLength": 1},
        "fields": {
            "type": "object",
            "description": "Of a 400: the messages by key.",
            "additionalProperties": {"type": "array", "items": {"type": "string"}},
        },
    },
    "required": ["error"],
}
describe_refusals = describing(PROBLEM, status_429="More than 100 requests in this minute by this key.")
# Fields of a broadcast that the core names, by the client's words.
WORDS = {
    "activity": "targetClass",
    "attendance_status": "targetClassStatus",
    "body": "template",
    "messages": "template",
    "query": "segments",
    "retarget_engagement": "retargetEngagementType",
    "retarget_of": "retargetBroadcast",
    "scheduled_at": "scheduleDateTime",
}


class WhautomateApi(DialectApi):
    """Whautomate's error format."""

    def refusal(self, status: int, text: str, fields: dict[str, list[str]]) -> dict[str, Any]:
        return {"error": text} | ({"fields": fields} if status == 400 and fields else {})


@contextmanager
def in_their_words() -> Iterator[None]:
    """Name the keys of a body in errors that name fields of a broadcast."""
    try:
        yield
    except InvalidInput as error:
        raise InvalidInput({WORDS.get(name, name): _told(name, text) for name, text in error.errors.items()}) from None


def _told(name: str, text: str) -> str:
    return f"{text} A time without an offset is read as UTC." if name == "scheduled_at" else text
