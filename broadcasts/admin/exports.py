"""Lists as CSV: as filtered, by a link, or the selected rows, by an action; in constant memory."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.urls import path

from broadcasts.database import as_id
from broadcasts.models import AuditEntry, Organization

from .access import Access, scoped
from .base import list_url


def download(text: Iterator[str], filename: str, content_type: str = "text/csv; charset=utf-8") -> HttpResponse:
    headers = {"Content-Disposition": f'attachment; filename="{filename}"', "Cache-Control": "no-store"}
    return StreamingHttpResponse(text, content_type=content_type, headers=headers)  # type: ignore[return-value]


class Exportable(admin.ModelAdmin):
    """Goes before OrganizationAdmin, whose list it exports."""

    actions: Sequence[Any] | None = ["export_selected"]

    def csv(self, rows: QuerySet, organizations: QuerySet[Organization]) -> Iterator[str]:
        """Return rows as CSV."""
        raise NotImplementedError

    def get_urls(self) -> list:
        name = f"broadcasts_{self.opts.model_name}_export"
        return [path("export/", self.admin_site.admin_view(self.export_view), name=name), *super().get_urls()]

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)  # it would load all rows, to collect what is deleted with them
        return actions

    def export_view(self, request: HttpRequest) -> HttpResponse:
        """Export the list with the filters and the search of the address."""
        try:
            rows = self.get_changelist_instance(request).queryset
        except IncorrectLookupParameters:
            return HttpResponseRedirect(f"{list_url(self.model)}?e=1")
        return self._export(request, rows)

    @admin.action(description="Export as CSV")
    def export_selected(self, request: HttpRequest, queryset: QuerySet) -> HttpResponse:
        return self._export(request, queryset)

    def _export(self, request: HttpRequest, rows: QuerySet) -> HttpResponse:
        organizations = scoped(Organization.objects.all(), Access.of(request))
        if (chosen := as_id(request.GET.get("organization", ""))) is not None:
            organizations = organizations.filter(pk=chosen)
        plural = str(self.opts.verbose_name_plural)
        for organization in organizations:
            AuditEntry.write(organization, f"export {plural}", organization=organization, user=request.user)
        return download(self.csv(rows, organizations), f"{plural}.csv")
