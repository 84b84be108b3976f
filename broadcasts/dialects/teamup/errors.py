"""TeamUp's errors: {"code", "field_errors", "message", "type"}, in JSON or XML as the answer would be."""

from typing import Any

from rest_framework.exceptions import APIException, ErrorDetail
from rest_framework.response import Response

from broadcasts.dialects.errors import DialectApi
from broadcasts.dialects.schema import describing

from .renderers import Xml

CODES = {
    400: "parameter_invalid",
    401: "not_authenticated",
    403: "permission_denied",
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    409: "conflict",
    413: "too_large",
    415: "unsupported_media_type",
    429: "throttled",
    503: "unavailable",
    507: "unavailable",
}
PROBLEM = {
    "type": "object",
    "description": "Why a request was refused.",
    "properties": {
        "code": {"type": "string"},
        "field_errors": {
            "type": "object",
            "description": "Of a 400: the messages by field.",
            "additionalProperties": {"type": "array", "items": {"type": "string"}},
        },
        "message": {"type": "string"},
        "type": {"type": "string", "enum": ["invalid_request_error", "conflict", "event_check_failure"]},
    },
    "required": ["code", "message", "type"],
}
describe_refusals = describing(
    PROBLEM,
    ("application/json", Xml.media_type),
    always="404",
    status_404="There is no such row in this organization, no such page, or no such format.",
    status_429="More than 250 requests in this minute by this user.",
)
OWN_CODES = ("parse_error", "authentication_failed")  # of Django REST framework


class TeamUpApi(DialectApi):
    """TeamUp's error format."""

    def refusal(self, status: int, text: str, fields: dict[str, list[str]]) -> dict[str, Any]:
        kind = "conflict" if status == 409 else "invalid_request_error"
        told = {"field_errors": fields} if status == 400 and fields else {}
        return {"code": CODES.get(status, "internal_error"), **told, "message": text, "type": kind}

    def fields(self, errors: dict[str, list[str]]) -> dict[str, list[str]]:
        return {name: texts for name, texts in errors.items() if name != "detail"}

    def handle(self, exc: Exception, context: dict[str, Any]) -> Response | None:
        request = context["request"]
        wanted = getattr(request, "accepted_renderer", None)
        response = super().handle(exc, context)
        if isinstance(wanted, Xml):
            request.accepted_renderer, request.accepted_media_type = wanted, wanted.media_type
        if response is not None and (code := _code(exc)):
            response.data["code"] = code
        return response


def _code(exc: Exception) -> str:
    detail = getattr(exc, "detail", None) if isinstance(exc, APIException) else None
    return detail.code if isinstance(detail, ErrorDetail) and detail.code in OWN_CODES else ""
