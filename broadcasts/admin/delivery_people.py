"""From a number of a report to its people: the filters of the log, its export, and a segment of whom it lists."""

from collections.abc import Iterator
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path

from broadcasts import formats, reporting, segmenting
from broadcasts.database import as_id
from broadcasts.exceptions import InvalidInput
from broadcasts.exporting import csv_lines
from broadcasts.models import Broadcast, Contact, Link, Organization
from broadcasts.reporting.people import clicked

from .access import Access, scoped
from .base import list_url, row_url
from .begin import begin
from .exports import Exportable
from .filters import RowFilter

TOLD = ("status", "fact", "reason", "language", "domain", "device")  # filters whose values say who they are
WITHOUT_BROADCAST = "Choose a broadcast first: a segment is of the people of one."


class GroupFilter(admin.SimpleListFilter):
    """The deliveries of one group of a report; shown only when the address names it, by a link from there."""

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        value = self.used_parameters.get(str(self.parameter_name))
        return [(str(value), str(value))] if value else []

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        return reporting.narrowed(queryset, str(self.parameter_name), self.value() or "") if self.value() else queryset


class LinkFilter(RowFilter):
    """Who clicked a link; beside machine=clicked, whose copies machines clicked it in."""

    model, field, title, parameter_name = Link, "", "link", "link"

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        if not self.value():
            return queryset
        if not self.row:
            return queryset.none()
        return queryset.filter(clicked(self.row, machine=request.GET.get("machine") == "clicked"))


def _group_filter(name: str, title: str) -> type[GroupFilter]:
    return type(f"{name.capitalize()}Filter", (GroupFilter,), {"parameter_name": name, "title": title})


GROUP_FILTERS: list[type[admin.SimpleListFilter]] = [
    LinkFilter,
    _group_filter("language", "language"),
    _group_filter("domain", "receiving domain"),
    _group_filter("device", "device class"),
    _group_filter("machine", "done by machines"),
    _group_filter("error", "error"),
]


class SegmentOfForm(forms.Form):
    name = forms.CharField(
        max_length=255, label="Name of the segment", widget=forms.TextInput(attrs={"class": "vTextField"})
    )


def _proposed(request: HttpRequest, broadcast: Broadcast) -> str:
    """Return a name for the people of a list, such as “Pool closed: opened, es”."""
    told = [request.GET[name] for name in TOLD if request.GET.get(name)]
    return f"{broadcast.name[:200]}: {', '.join(told)[:50] or 'recipients'}"


class PeopleOfReport(Exportable):
    """The log as a file, and as a segment of its people; for the admin of deliveries."""

    change_list_template = "admin/broadcasts/delivery/change_list.html"

    def csv(self, rows: Any, organizations: QuerySet[Organization]) -> Iterator[str]:
        return csv_lines(rows)

    def get_urls(self) -> list:
        view = self.admin_site.admin_view(self.segment_view)
        return [path("segment/", view, name="broadcasts_delivery_segment"), *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        may_write = Access.of(request).may("write")
        offered = may_write and bool(request.GET.get("broadcast"))
        return super().changelist_view(request, {"offers_segment": offered, **(extra_context or {})})

    def segment_view(self, request: HttpRequest) -> HttpResponse:
        """Ask for a name, and make a segment of the contacts that the list of this address shows."""
        broadcast = self._broadcast(request)
        try:
            rows = self.get_changelist_instance(request).queryset
        except IncorrectLookupParameters:
            return HttpResponseRedirect(f"{list_url(self.model)}?e=1")
        people = Contact.objects.filter(pk__in=rows.order_by().values("contact"))
        proposed = {"name": _proposed(request, broadcast)}
        form = SegmentOfForm(request.POST if request.method == "POST" else None, initial=proposed)
        if request.method == "POST" and form.is_valid():
            try:
                segment, n = segmenting.create(broadcast.organization, form.cleaned_data["name"], people)
            except InvalidInput as error:
                form.add_error("name", error.errors["name"])
            else:
                who = "1 person is" if n == 1 else f"{formats.number(n)} people are"
                messages.success(request, f"{who} in “{segment}” now.")
                if "send" in request.POST:
                    return begin(request, broadcast.organization, f"To {segment}", {"segments": [segment]})
                return HttpResponseRedirect(row_url(type(segment), segment.pk))
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Send to these",
            "form": form,
            "broadcast": broadcast,
            "back": f"{list_url(self.model)}?{request.GET.urlencode()}",
        }
        return TemplateResponse(request, "admin/broadcasts/delivery/segment.html", context)

    def _broadcast(self, request: HttpRequest) -> Broadcast:
        access = Access.of(request)
        pk = as_id(request.GET.get("broadcast", "")) or 0
        broadcast = scoped(Broadcast.objects.select_related("organization"), access).filter(pk=pk).first()
        if broadcast is None:
            raise Http404(WITHOUT_BROADCAST)
        if not access.may("write", broadcast.organization_id):
            raise PermissionDenied
        return broadcast
