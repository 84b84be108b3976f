"""Additions to the OpenAPI schema that cannot be derived from the code."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter
from rest_framework.pagination import BasePagination

from broadcasts.apis import NATIVE

from .blocks import components


class TokenScheme(OpenApiAuthenticationExtension):
    target_class = "broadcasts.api.authentication.TokenAuthentication"
    match_subclasses = True
    name = ["tokenAuth", "apiKeyAuth"]

    def get_security_requirement(self, auto_schema: Any) -> list[dict[str, list[Any]]]:
        """Return the headers of which a request has one."""
        return [{name: []} for name in self.name]

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
    """Adds what every operation of ours has: `field`, `Idempotency-Key`, and the headers of lists.

    A view of another API names by `parameters` what its operations have instead of `field`.
    """

    def get_override_parameters(self) -> list[Any]:
        found = getattr(self.view, "parameters", [FIELD] if self.method in ("GET", "PUT", "PATCH") else [])
        return [*super().get_override_parameters(), *found, *([IDEMPOTENCY_KEY] if self.method == "POST" else [])]

    def get_operation_id(self) -> str:
        """Return the name that clients give an operation, without the .json of an address; a page is a list."""
        name = super().get_operation_id().replace(".json", "")
        shows_page = "results" in getattr(self.get_response_serializers(), "_declared_fields", {})
        return f"{name.removesuffix('retrieve')}list" if shows_page and name.endswith("retrieve") else name

    def get_description(self) -> str:  # type: ignore[override]  # its stubs describe another one
        """Return what a view says of itself; what a base class of another API's views says is not for clients."""
        is_inherited = hasattr(self.view, "parameters") and not type(self.view).__doc__
        return "" if is_inherited else super().get_description()

    def get_tags(self) -> list[str]:
        return [tag.removesuffix(".json") for tag in super().get_tags()]

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


OTHERS = "/api/v2/"  # the addresses below the native root that belong to dialects


def native_only(endpoints: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Leave dialects out of the native document; each has one of its own. A hook of drf-spectacular."""
    return [one for one in endpoints if one[0].startswith(NATIVE) and not one[0].startswith(OTHERS)]


REFUSALS = {
    "400": "What was asked cannot be done as it was asked; the reply says what is wrong, by field where it is a field.",
    "401": "No token was given, or none that is valid.",
    "403": "The token, or its member's role, does not allow this.",
    "404": "There is no such row in this organization, or no such page.",
    "406": "The reply cannot be given in the format that was asked for.",
    "409": "The state of the row does not allow this, or somebody else changed it at the same time.",
    "413": "The request is too large.",
    "415": "The body is of a type that is not taken here.",
    "429": "The token has used up its requests of this hour; Retry-After says when to go on.",
    "502": "The provider could not be asked, or refused; nothing was changed.",
    "503": "The database cannot be used for now; Retry-After says when to try again.",
    "507": "The disk has no room for it; Retry-After says when to try again.",
}
ALWAYS = ("400", "401", "403", "406", "429", "503")
OF_WRITES = ("409", "413", "415", "507")
NEEDS_STATE = "/check/"  # how the paths end of which reading needs a state, too
# How the paths end of which the answer is the provider's.
ASKS_PROVIDER = ("/sync-templates/", "/mailboxes/{uuid}/check/")
PROBLEM = {
    "type": "object",
    "description": "Why a request was refused.",
    "properties": {"detail": {"type": "string"}},
    "required": ["detail"],
}
INVALID = {
    "type": "object",
    "description": "What is wrong, under the name of the field that it concerns; `non_field_errors` and `detail` "
    "concern the request as a whole. What lies inside a field is told by its name or position in there.",
    "additionalProperties": {"anyOf": [{"type": "string"}, {"type": "array"}, {"type": "object"}]},
    "minProperties": 1,
}


def describe_refusals(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """Add to each operation how it may refuse; a hook of drf-spectacular."""
    schemas = result["components"]["schemas"]
    schemas |= {"Problem": PROBLEM, "Invalid": INVALID} | (components() if "Layout" in schemas else {})
    for path, operations in result["paths"].items():
        for method, operation in operations.items():
            for status in refusals(path, method, operation):
                operation["responses"][status] = refusal(status)
            operation["responses"] = dict(sorted(operation["responses"].items()))
    return result


def refusals(path: str, method: str, operation: dict[str, Any]) -> list[str]:
    """Return the statuses that an operation may refuse with."""
    paged = any(parameter["name"] == "page" for parameter in operation.get("parameters", []))
    found = [*ALWAYS, *(OF_WRITES if method != "get" else ("409",) if path.endswith(NEEDS_STATE) else ())]
    found += ["502"] if path.endswith(ASKS_PROVIDER) else []
    return [*found, "404"] if "{" in path or paged else found


def refusal(status: str) -> dict[str, Any]:
    name = "Invalid" if status == "400" else "Problem"
    answer: dict[str, Any] = {
        "description": REFUSALS[status],
        "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}},
    }
    if status in ("429", "503", "507"):
        answer["headers"] = {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds to wait."}}
    return answer
