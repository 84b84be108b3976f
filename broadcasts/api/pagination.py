"""Bare arrays, with the count and the neighbouring pages in headers."""

from typing import Any

from django.core.exceptions import EmptyResultSet
from django.core.paginator import Page
from rest_framework.exceptions import ValidationError
from rest_framework.pagination import PageNumberPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from broadcasts import links

from .counting import Counted
from .permissions import UUID


class LinkPagination(PageNumberPagination):
    """`page` from 1, `page_size` 10 (at most 300); X-Result-Count and Link tell the rest."""

    page: Page
    request: Request

    page_size = 10
    max_page_size = 300
    page_size_query_param = "page_size"

    def get_paginated_response(self, data: Any) -> Response:
        pages = {"first": 1}
        if self.page.has_previous():
            pages["prev"] = self.page.previous_page_number()
        if self.page.has_next():
            pages["next"] = self.page.next_page_number()
        pages["last"] = self.page.paginator.num_pages
        here = self.request.build_absolute_uri()
        urls = {rel: replace_query_param(here, "page", number) for rel, number in pages.items()}
        headers = {"X-Result-Count": str(self.page.paginator.count), "Link": link_header(urls)}
        return Response(data, headers=headers)

    def get_paginated_response_schema(self, schema: dict) -> dict:
        return schema


class BeforePagination(LinkPagination):
    """The same, and for readers of everything: `before=` never counts or skips rows."""

    is_keyset = False
    next_key = ""  # by which the next page begins; blank after the last one

    def get_paginated_response(self, data: Any) -> Response:
        if not self.is_keyset:
            return super().get_paginated_response(data)
        here = self.request.build_absolute_uri()
        urls = {"first": replace_query_param(here, "before", "")}
        if self.next_key:
            urls["next"] = replace_query_param(here, "before", self.next_key)
        return Response(data, headers={"Link": link_header(urls)})

    def get_schema_operation_parameters(self, view: Any) -> list[dict]:
        before = {
            "name": "before",
            "required": False,
            "in": "query",
            "description": "Read everything from the newest on: empty at first, then as the next link says.",
            "schema": {"type": "string"},
        }
        return [*super().get_schema_operation_parameters(view), before]


class KeysetPagination(BeforePagination):
    """Pages of ids of deliveries."""

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list | None:
        before = request.query_params.get("before")
        self.is_keyset = before is not None
        if before is None:
            return super().paginate_queryset(queryset, request, view)
        if before:
            queryset = queryset.filter(pk__lt=links.delivery_id(before) or 0)
        self.request = request
        size = self.get_page_size(request) or self.page_size
        keys = list(queryset.order_by("-pk")[: size + 1])
        self.next_key = links.delivery_token(keys[size - 1]) if len(keys) > size else ""
        return keys[:size]


class CreatedPagination(BeforePagination):
    """Pages whose rows are read by their ids, so that a late one skips index entries only; and `before=`, a uuid.

    `before=` never counts or skips rows, and reads by `created` whatever the ordering.
    """

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list | None:
        before = request.query_params.get("before")
        self.is_keyset, is_more = before is not None, False
        ids = queryset.values_list("pk", flat=True)
        if before is None:
            pks = super().paginate_queryset(self._counted(ids), request, view) or []
        else:
            self.request = request
            size = self.get_page_size(request) or self.page_size
            pks = list(self._after(ids, before)[: size + 1])
            is_more, pks = len(pks) > size, pks[:size]
        rows = queryset.model._default_manager.filter(pk__in=pks)
        rows.query.select_related = queryset.query.select_related
        found = {row.pk: row for row in rows}
        page = [found[pk] for pk in pks if pk in found]
        self.next_key = str(page[-1].uuid) if is_more and page else ""
        return page

    def _counted(self, ids: Any) -> Any:
        try:
            return Counted(ids, ids.count, of=ids.query.sql_with_params())
        except EmptyResultSet:
            return ids

    def _after(self, ids: Any, before: str) -> Any:
        """Return the ids of the rows after the one that a uuid names, in the order of their creation."""
        ids = ids.order_by("-created", "-id")
        if not before:
            return ids
        last = ids.filter(uuid=before).values("created", "pk").first() if UUID.fullmatch(before) else None
        if last is None:
            raise ValidationError({"before": ["No row of this list has this uuid: start with an empty one."]})
        return ids.filter(created__lte=last["created"]).exclude(created=last["created"], pk__gte=last["pk"])


def link_header(urls: dict[str, str]) -> str:
    """Write a Link header; clients split it at commas, so none may stand inside a URL."""
    return ", ".join(f'<{url.replace(",", "%2C")}>; rel="{rel}"' for rel, url in urls.items())
