"""Invent's errors: {"error": {"code", "message", "fields"}}; their format is ours, since it documents none."""

from typing import Any

from rest_framework.exceptions import ErrorDetail
from rest_framework.response import Response

from broadcasts.dialects.errors import DialectApi
from broadcasts.dialects.schema import describing
from broadcasts.exceptions import EmptyAudience, NotReady

CODES = {
    400: "invalid_request",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    409: "wrong_status",
    413: "too_large",
    415: "unsupported_media_type",
    429: "rate_limited",
    503: "unavailable",
    507: "unavailable",
}
PROBLEM = {
    "type": "object",
    "description": "Why a request was refused.",
    "properties": {
        "error": {
            "type": "object",
            "properties": {
                "code": {"type": "string"},
                "message": {"type": "string"},
                "fields": {
                    "type": "object",
                    "description": "Of a 400: the messages by field.",
                    "additionalProperties": {"type": "array", "items": {"type": "string"}},
                },
            },
            "required": ["code", "message"],
        }
    },
    "required": ["error"],
}
describe_refusals = describing(PROBLEM, status_429="More than 500 requests in this minute from this address.")


class InventApi(DialectApi):
    """Invent's error format."""

    def refusal(self, status: int, text: str, fields: dict[str, list[str]]) -> dict[str, Any]:
        error: dict[str, Any] = {"code": CODES.get(status, "internal_error"), "message": text}
        return {"error": error | ({"fields": fields} if status == 400 and fields else {})}

    def handle(self, exc: Exception, context: dict[str, Any]) -> Response | None:
        response = super().handle(exc, context)
        if response is not None and (code := _code(exc)):
            response.data["error"]["code"] = code
        return response


def _code(exc: Exception) -> str:
    match exc:
        case EmptyAudience():
            return "empty_audience"
        case NotReady():
            return "no_content"
    detail = getattr(exc, "detail", None)
    return "invalid_json" if isinstance(detail, ErrorDetail) and detail.code == "parse_error" else ""
