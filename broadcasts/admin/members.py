"""Static segments in the admin: contacts put in and taken out from their list, and a rule frozen into members."""

from collections.abc import Callable
from functools import partial
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.defaultfilters import pluralize
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from broadcasts import audience, formats, segmenting
from broadcasts.exceptions import BroadcastsError, InvalidInput
from broadcasts.models import Contact, Segment

from .access import Access, scoped
from .base import row_url
from .saving_first import SavingFirst

ACTS = {"add_to_segment": "Add to a segment", "remove_from_segment": "Remove from a segment"}


class ChooseForm(forms.Form):
    """Which static segment."""

    segment = forms.ModelChoiceField(Segment.objects.none(), empty_label="Choose…")

    def __init__(self, data: Any, request: HttpRequest) -> None:
        super().__init__(data)
        rows = scoped(Segment.objects.filter(kind=Segment.Kind.STATIC), Access.of(request), "write")
        self.fields["segment"].queryset = rows.select_related("organization").order_by("name")  # type: ignore[attr-defined]


class NameForm(forms.Form):
    """What the frozen segment is called."""

    name = forms.CharField(max_length=255)


class SegmentActions(admin.ModelAdmin):
    """Actions on the contact list: for those that are ticked, or for all that the search and the filters find."""

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        found = super().get_actions(request)
        if not self.may(request, "write") or "_popup" in request.GET:  # type: ignore[attr-defined]
            return found
        return {**found, **{name: (partial(_act, name), name, label) for name, label in ACTS.items()}}


def _act(name: str, modeladmin: Any, request: HttpRequest, contacts: QuerySet[Contact]) -> HttpResponse | None:
    """Ask for the segment, then do it to all of them at once."""
    form = ChooseForm(request.POST if "segment" in request.POST else None, request)
    if form.is_valid():
        segment = form.cleaned_data["segment"]
        verb = segmenting.add if name == "add_to_segment" else segmenting.remove
        with transaction.atomic():
            n = verb(segment, contacts)
            modeladmin.audit(request, segment, "change", fields=["members"])
        audience.count_segment(segment)
        done = "Added to" if name == "add_to_segment" else "Removed from"
        people = f"{formats.number(n)} contact{pluralize(n)}"
        modeladmin.message_user(request, f"{done} “{segment}”: {people}.", messages.SUCCESS)
        return None
    context = {
        "contacts_count": contacts.count(),
        "hidden": [
            ("action", name),
            ("select_across", request.POST.get("select_across", "0")),
            *((ACTION_CHECKBOX_NAME, pk) for pk in request.POST.getlist(ACTION_CHECKBOX_NAME)),
        ],
    }
    return _ask(modeladmin, request, form, ACTS[name], **context)


class FreezeView(SavingFirst):
    """A page of a dynamic segment that makes a static one of it; for the segment's admin."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.freeze_view)
        return [path("<int:pk>/freeze/", view, name="broadcasts_segment_freeze"), *super().get_urls()]

    def steps(self, request: HttpRequest, obj: Segment) -> dict[str, Callable[[], HttpResponse]]:
        return {"freeze": partial(HttpResponseRedirect, reverse("admin:broadcasts_segment_freeze", args=[obj.pk]))}

    def freeze_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        segment = self.get_queryset(request).filter(pk=pk, kind=Segment.Kind.DYNAMIC).first()
        if segment is None:
            raise Http404
        if not self.has_change_permission(request, segment):
            raise PermissionDenied
        proposed = f"{segment.name[:230]}, {formats.day(timezone.localdate())}"
        form = NameForm(request.POST or None, initial={"name": proposed})
        if form.is_valid():
            try:
                frozen = segmenting.freeze(segment, form.cleaned_data["name"])
            except InvalidInput as error:
                form.add_error(
                    None if "name" not in error.errors else "name", ValidationError(list(error.errors.values()))
                )
            except BroadcastsError as error:
                form.add_error(None, ValidationError(str(error)))
            else:
                self.audit(request, frozen, "create")  # type: ignore[attr-defined]
                many = formats.number(frozen.contacts_count or 0)
                self.message_user(request, f"Frozen: {many} members.", messages.SUCCESS)
                return HttpResponseRedirect(row_url(Segment, frozen.pk))
        return _ask(self, request, form, "Freeze into a static segment", segment=segment)


def _ask(modeladmin: Any, request: HttpRequest, form: forms.Form, title: str, **context: Any) -> TemplateResponse:
    context = {
        **modeladmin.admin_site.each_context(request),
        "opts": modeladmin.opts,
        "title": title,
        "form": form,
        **context,
    }
    return TemplateResponse(request, "admin/broadcasts/segment/ask.html", context)
