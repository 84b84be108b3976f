"""The OpenAPI document of a dialect, below /api/schema/: its own operations, and its own errors."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.urls import URLPattern, path
from drf_spectacular.views import SpectacularAPIView

from broadcasts.api.schema import REFUSALS, refusals

Hook = Callable[..., dict[str, Any]]


def routes(route: str, view: Any) -> list[URLPattern]:
    """Return a route with and without a trailing slash: neither redirects."""
    return [path(route, view), path(f"{route}/", view)]


def document(name: str, patterns: Sequence[URLPattern], root: str, title: str, description: str) -> URLPattern:
    """Return the route of a dialect's document; `describe_refusals` of its errors adds how it refuses.

    root: a regular expression for the beginning of all addresses, which says nothing about an operation.
    """
    settings = {
        "TITLE": title,
        "DESCRIPTION": description,
        "SCHEMA_PATH_PREFIX": root,
        "PREPROCESSING_HOOKS": ["broadcasts.dialects.schema.without_slashes"],
        "POSTPROCESSING_HOOKS": [
            "drf_spectacular.hooks.postprocess_schema_enums",
            f"broadcasts.dialects.{name}.errors.describe_refusals",
        ],
    }
    view = SpectacularAPIView.as_view(patterns=list(patterns), custom_settings=settings)
    return path(f"api/schema/{name}/", view, name=f"schema-{name}")


def without_slashes(endpoints: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Name each route once; a hook of drf-spectacular."""
    return [one for one in endpoints if not one[0].endswith("/")]


def describing(
    problem: Mapping[str, Any],
    kinds: Sequence[str] = ("application/json",),
    *,
    always: str = "",
    without: str = "",
    **changed: str,
) -> Hook:
    """Return a hook that describes the refusals of all operations, by one JSON schema of errors, in these formats.

    `changed` tells statuses otherwise than the native document does, such as status_404="…". `always` is a status that
    all operations may have; `without` is one that none has.
    """
    told = REFUSALS | {name.removeprefix("status_"): text for name, text in changed.items()}

    def describe(result: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        result.setdefault("components", {}).setdefault("schemas", {})["Problem"] = dict(problem)
        for route, operations in result["paths"].items():
            for method, operation in operations.items():
                for parameter in operation.get("parameters", []):
                    if parameter["in"] == "query" and parameter["schema"].get("minLength") == 1:
                        del parameter["schema"]["minLength"]  # a blank one counts as absent
                found = refusals(route, method, operation)
                for status in {*found, always} - {without, ""}:
                    operation["responses"][status] = _refusal(told[status], status, kinds)
                operation["responses"] = dict(sorted(operation["responses"].items()))
        return result

    return describe


def _refusal(text: str, status: str, kinds: Sequence[str]) -> dict[str, Any]:
    schema = {"schema": {"$ref": "#/components/schemas/Problem"}}
    answer: dict[str, Any] = {"description": text, "content": {kind: dict(schema) for kind in kinds}}
    if status in ("429", "503", "507"):
        answer["headers"] = {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds to wait."}}
    return answer
