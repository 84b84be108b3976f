from typing import Any

from django.db.models import QuerySet
from rest_framework.exceptions import ValidationError
from rest_framework.filters import BaseFilterBackend
from rest_framework.request import Request


class Ordering(BaseFilterBackend):
    """`o`, repeated or comma separated: the names in `view.ordering_fields`, each with `-` for descending.

    Ends with the id, so that pages neither repeat nor miss rows that are equal in all else.
    """

    def filter_queryset(self, request: Request, queryset: QuerySet, view: Any) -> QuerySet:
        fields: dict[str, str] = view.ordering_fields
        asked = [name.strip() for value in request.query_params.getlist("o") for name in value.split(",")]
        asked = [name for name in asked if name]
        if unknown := [name for name in asked if name.removeprefix("-") not in fields]:
            raise ValidationError(
                {"o": [f"Select a valid choice. {name} is not one of the available choices." for name in unknown]}
            )
        if not fields:
            return queryset
        names = asked or [view.default_ordering]
        signs = ["-" if name.startswith("-") else "" for name in names]
        columns = [sign + fields[name.removeprefix("-")] for sign, name in zip(signs, names, strict=True)]
        queryset = view.prepare_ordering(queryset, {name.removeprefix("-") for name in names})
        return queryset.order_by(*columns, signs[-1] + "id")

    def get_schema_operation_parameters(self, view: Any) -> list[dict]:
        if not view.ordering_fields:
            return []
        names = sorted(sign + name for name in view.ordering_fields for sign in ("", "-"))
        return [
            {
                "name": "o",
                "required": False,
                "in": "query",
                "description": f"Ordering; {view.default_ordering} by default.",
                "schema": {"type": "array", "items": {"type": "string", "enum": names}},
                "explode": True,
                "style": "form",
            }
        ]
