"""What OpenAPI must be told beside what the code says."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter
from rest_framework.pagination import BasePagination


class TokenScheme(OpenApiAuthenticationExtension):
    target_class = "broadcasts.api.authentication.TokenAuthentication"
    name = ["tokenAuth", "apiKeyAuth"]

    def get_security_definition(self, auto_schema: Any) -> list[dict[str, str]]:
        return [
            {
                "type": "apiKey",
                "in": "header",
                "name": "Authorization",
                "description": "`Token <key>`; `Bearer <key>` is taken as well.",
            },
            {"type": "apiKey", "in": "header", "name": "x-api-key"},
        ]


FIELD = OpenApiParameter("field", str, many=True, description="Fields of the reply; all of them without.")
IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    str,
    OpenApiParameter.HEADER,
    description="The same key within 24 hours gets the first answer again and does nothing twice.",
)


class Schema(AutoSchema):
    """Adds what every operation of ours has: `field`, `Idempotency-Key`, and the headers of lists."""

    def get_override_parameters(self) -> list[Any]:
        found = [FIELD] if self.method in ("GET", "PUT", "PATCH") else []
        return [*super().get_override_parameters(), *found, *([IDEMPOTENCY_KEY] if self.method == "POST" else [])]

    def _get_response_for_code(self, serializer: Any, status_code: str, *args: Any, **kwargs: Any) -> Any:
        response = super()._get_response_for_code(serializer, status_code, *args, **kwargs)
        if status_code == "200" and self._is_list_view(serializer) and self.paginated():
            response["headers"] = {
                "X-Result-Count": {"schema": {"type": "integer"}, "description": "How many there are on all pages."},
                "Link": {"schema": {"type": "string"}, "description": "The first, prev, next and last page."},
            }
        return response

    def paginated(self) -> bool:
        return isinstance(getattr(self.view, "paginator", None), BasePagination)
