"""List filters with fixed choices, which need no query."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from broadcasts.database import as_id
from broadcasts.models import Broadcast

from .access import Access, scoped

RECENT = 10


class RowFilter(admin.SimpleListFilter):
    """Narrow a list to one row of another table; offered only when the address names it, by a link from there."""

    model: Any
    field: str

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        value = str(self.used_parameters.get(str(self.parameter_name)) or "")
        pk = as_id(value) or 0
        self.row = scoped(self.model._default_manager.all(), Access.of(request)).filter(pk=pk).first() if pk else None
        return [(value, str(self.row or "not found"))] if value else []

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        if not self.value():
            return queryset
        return queryset.filter(**{self.field: self.row}) if self.row else queryset.none()


def row_filter(model: Any, field: str = "", title: str = "", parameter: str = "") -> type[RowFilter]:
    """Make a RowFilter on a foreign key."""
    name = field or model._meta.model_name
    return type(
        f"{model.__name__}Filter",
        (RowFilter,),
        {
            "model": model,
            "field": name,
            "title": title or model._meta.verbose_name,
            "parameter_name": parameter or model._meta.model_name,
        },
    )


class BroadcastListFilter(admin.SimpleListFilter):
    """The newest broadcasts, and the one that the address names."""

    title = "broadcast"
    parameter_name = "broadcast"
    path = "message__broadcast"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        rows = scoped(Broadcast.objects.all(), Access.of(request)).only("pk", "name")
        recent = list(rows.filter(Broadcast.BEGUN).order_by("-id")[:RECENT])
        value = str(self.used_parameters.get(self.parameter_name) or "")
        if (pk := as_id(value)) and pk not in {row.pk for row in recent}:
            recent += rows.filter(pk=pk)
        return [(str(row.pk), row.name) for row in recent] or ([(value, "not found")] if value else [])

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        value = self.value()
        if not value:
            return queryset
        known = {choice for choice, _ in self.lookup_choices}
        return self.narrow(queryset, pk) if (pk := as_id(value)) and str(pk) in known else queryset.none()

    def narrow(self, queryset: QuerySet, broadcast_id: int) -> QuerySet:
        return queryset.filter(**{self.path: broadcast_id})


def choice_filter(name: str, choices: Any, title: str = "") -> type[admin.SimpleListFilter]:
    """Return a filter class for a column with fixed choices; a callable is called when they are shown."""

    class ChoiceFilter(admin.SimpleListFilter):
        parameter_name = name

        def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
            offered = getattr(choices, "choices", None) or (choices() if callable(choices) else choices)
            return [(str(value), str(label)) for value, label in offered]

        def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
            return queryset.filter(**{name: self.value()}) if self.value() else queryset

    ChoiceFilter.title = title or name.replace("_", " ")
    return ChoiceFilter
