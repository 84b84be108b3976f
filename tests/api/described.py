"""Holds each answer of the API against the OpenAPI document."""

import json
import re
from functools import cache
from typing import Any

from django.urls import resolve
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.settings import patched_settings
from jsonschema import Draft202012Validator
from rest_framework.test import APIClient


class DescribedClient(APIClient):
    """An API client that fails a test on any answer that the document does not describe."""

    def request(self, **kwargs: Any) -> Any:
        answer = super().request(**kwargs)
        if kwargs["PATH_INFO"].startswith("/api/"):
            compare(kwargs["REQUEST_METHOD"], kwargs["PATH_INFO"], answer)
        return answer


@cache
def document(dialect: str = "") -> dict[str, Any]:
    """Return the OpenAPI document of a dialect, by default that of the native API."""
    view = resolve(f"/api/schema/{dialect}/").func.view_initkwargs if dialect else {}
    with patched_settings(view.get("custom_settings")):
        made = SchemaGenerator(patterns=view.get("patterns")).get_schema(request=None, public=True)
    return json.loads(json.dumps(made, default=str))


@cache
def operations(dialect: str = "") -> list[tuple[re.Pattern[str], dict[str, Any]]]:
    """Return the document's paths as patterns; the literal ones come first."""
    paths = sorted(document(dialect)["paths"].items(), key=lambda item: item[0].count("{"))
    return [(re.compile(re.sub(r"\{\w+\}", "[^/]+", path)), described) for path, described in paths]


@cache
def validator(schema: str, dialect: str = "") -> Draft202012Validator:
    return Draft202012Validator({**json.loads(schema), "components": document(dialect)["components"]})


def compare(method: str, path: str, answer: Any, dialect: str = "") -> None:
    routes = operations(dialect)
    found = (described for pattern, described in routes if pattern.fullmatch(path.rstrip("/") if dialect else path))
    operation = next(found, {})
    described = operation.get(method.lower())
    if described is None or answer.status_code in (301, 500):  # a test that breaks something asserts the 500 itself
        return
    status, kind = str(answer.status_code), answer.headers.get("Content-Type", "").partition(";")[0]
    asked = f"{method} {path} {status}"
    assert status in described["responses"], f"{asked} is not described"
    content = described["responses"][status].get("content", {})
    if not kind or answer.status_code == 204:
        assert not content, f"{asked} has no content"
        return
    assert kind in content, f"{asked} as {kind} is not described"
    if kind == "application/json" and not answer.streaming and not picks(answer):
        errors = [*validator(json.dumps(content[kind].get("schema", {})), dialect).iter_errors(answer.json())]
        assert not errors, f"{asked}: {errors[0].json_path} {errors[0].message}"


def picks(answer: Any) -> bool:
    """Tell whether only some fields were asked for: the others, also required ones, are left out."""
    return bool({"field", "fields", "expand"} & answer.wsgi_request.GET.keys())
