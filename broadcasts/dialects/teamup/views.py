"""What TeamUp's views share: headers that name an account, forms as bodies, `fields`, and pages in an envelope."""

import json
import re
from typing import Any, ClassVar

from django.http import QueryDict
from django.utils.datastructures import MultiValueDict
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.exceptions import NotFound, ParseError, PermissionDenied, ValidationError
from rest_framework.pagination import PageNumberPagination
from rest_framework.parsers import FormParser, MultiPartParser
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from broadcasts.api.parsers import Json
from broadcasts.database import as_id
from broadcasts.dialects.views import DialectView, PerMinute

from .picking import paths, pick
from .renderers import Xml

NAME = re.compile(r"[A-Za-z0-9_-]+")
NESTED = re.compile(r"\[([^\[\]]*)\]")
TARGET = "target_recipients"
DEEPEST = 3  # levels below it in a form: query, its key, and nothing else
MIXED = "Write target_recipients in one way: as JSON, with brackets, or with dots."


class TeamUpPerUser(PerMinute):
    limit = 250

    def who(self, request: Request) -> str:
        return f"t:{request.user.pk}"


class TeamUpView(DialectView):
    """By default for admins only; what a view reads or writes is JSON or XML, and a form or JSON."""

    parser_classes = [Json, FormParser, MultiPartParser]
    renderer_classes = [JSONRenderer, Xml]
    throttle_classes = [TeamUpPerUser]
    parameters: ClassVar[tuple[Any, ...]] = (
        OpenApiParameter("fields", str, description="The keys of the answer, with commas, also dotted; all without."),
        OpenApiParameter("expand", str, description="The ids that are shown as objects, with commas, also dotted."),
        OpenApiParameter("Teamup-Request-Mode", str, OpenApiParameter.HEADER, enum=["provider"]),
        OpenApiParameter(
            "TeamUp-Provider-ID",
            {"type": "string", "pattern": f"^{NAME.pattern}$"},
            OpenApiParameter.HEADER,
            description="The provider of the key: its id, uuid or slug; an empty one is refused.",
        ),
    )

    def act(self) -> str:
        return "manage"

    def check_permissions(self, request: Request) -> None:
        super().check_permissions(request)
        mode = request.headers.get("Teamup-Request-Mode", "provider")
        if mode not in ("provider", "customer"):
            raise ValidationError({"Teamup-Request-Mode": ["Must be provider; customers have no key here."]})
        if mode == "customer":
            raise PermissionDenied("A key of this server works in provider mode only.")
        own = self.organization
        account = request.headers.get("TeamUp-Provider-ID", str(own.pk))
        if not NAME.fullmatch(account):
            raise ValidationError({"TeamUp-Provider-ID": ["Give the id of the provider, or leave it out."]})
        if account not in (str(own.pk), str(own.uuid), own.slug):
            raise PermissionDenied("This key belongs to another provider.")

    def number(self, key: str) -> int:
        """Return the id of a row in the URL; raises NotFound for what is no number of a row."""
        found = as_id(key)
        if found is None:
            raise NotFound()
        return found

    def answer(self, data: Any, status: int = 200) -> Response:
        """Return an answer with the keys that `fields` names."""
        return Response(pick(data, paths(self.request, "fields")), status)

    def page(self, rows: Any, shown: Any) -> Response:
        """Return a page of rows, each as `shown` tells it; `fields` names the keys of the items."""
        pages = TeamUpPages()
        found: list[Any] = pages.paginate_queryset(rows, self.request, self) or []
        wanted = paths(self.request, "fields")
        return pages.get_paginated_response([pick(one, wanted) for one in shown(found)])

    def body(self) -> dict[str, Any]:
        """Return the body; of a form with `target_recipients` as the object that it stands for."""
        data = self.request.data
        if not isinstance(data, QueryDict | MultiValueDict):
            if not isinstance(data, dict):
                raise ParseError("The body must be an object.")
            return data
        if self.request.FILES:
            raise ValidationError({name: ["Files are not taken here."] for name in self.request.FILES})
        found: dict[str, Any] = {name: data.get(name) for name in data if not _is_nested(name)}
        nested = {name: data.getlist(name) for name in data if _is_nested(name)}
        styles = {"[" if "[" in name else "." for name in nested}
        if len(styles) > 1 or (styles and TARGET in found):
            raise ValidationError({TARGET: [MIXED]})
        if nested:
            found[TARGET] = _tree(nested)
        elif isinstance(found.get(TARGET), str):
            found[TARGET] = _read(found[TARGET])
        return found


class TeamUpPageSerializer(serializers.Serializer):
    page = serializers.IntegerField(required=False, min_value=1)
    page_size = serializers.IntegerField(required=False, help_text="At most 100, which also is the default.")


class TeamUpPages(PageNumberPagination):
    page_size = max_page_size = 100
    page_size_query_param = "page_size"


def _is_nested(name: str) -> bool:
    return name.startswith((f"{TARGET}[", f"{TARGET}."))


def _tree(nested: dict[str, list[str]]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for name, values in nested.items():
        rest = name.removeprefix(TARGET)
        steps = NESTED.findall(rest) if rest.startswith("[") else rest[1:].split(".")
        if rest != ("".join(f"[{step}]" for step in steps) if rest.startswith("[") else f".{'.'.join(steps)}"):
            raise ValidationError({TARGET: [MIXED]})
        if len(steps) > DEEPEST:
            raise ValidationError({TARGET: ["It is nested too deeply."]})
        place = tree
        for step in steps[:-1]:
            place = place.setdefault(step, {})
            if not isinstance(place, dict):
                raise ValidationError({TARGET: [MIXED]})
        place[steps[-1]] = values[0] if len(values) == 1 else values
    return tree


def _read(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise ValidationError({TARGET: ["Expected a JSON object."]}) from None
