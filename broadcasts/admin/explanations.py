"""The page that explains why a contact did, or did not, get a broadcast, and the form that leads to it."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import path

from broadcasts import explaining
from broadcasts.database import as_id
from broadcasts.models import Broadcast, Contact, Delivery, Message

from .access import Access, scoped
from .pickers import Picker

SITE = admin.site
ASK = "ask"  # the id of the form that the fields belong to, wherever they are on a page


class AskForm(forms.Form):
    """Choose a contact and a broadcast of the same organization."""

    contact = forms.ModelChoiceField(Contact.objects.none(), label="Person")
    broadcast = forms.ModelChoiceField(Broadcast.objects.none())

    def __init__(self, data: Any, access: Access, **kwargs: Any) -> None:
        if data is not None:  # the autocomplete widget looks up its choice by id
            data = {name: data[name] for name in ("contact", "broadcast") if as_id(data.get(name, ""))}
        super().__init__(data, **kwargs)
        for name, model, source in (("contact", Contact, Delivery), ("broadcast", Broadcast, Message)):
            field: Any = self.fields[name]
            field.queryset = scoped(model.objects.select_related("organization"), access)
            field.widget = Picker(source._meta.get_field(name), SITE, attrs={"form": ASK})
            field.widget.choices = field.choices

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        contact, broadcast = cleaned.get("contact"), cleaned.get("broadcast")
        if contact and broadcast and contact.organization_id != broadcast.organization_id:
            self.add_error("broadcast", f"“{broadcast}” belongs to another organization than “{contact}”.")
        return cleaned


class AskingAdmin(admin.ModelAdmin):
    """A ModelAdmin with fields of `AskForm` on its pages, and their scripts."""

    @property
    def media(self) -> forms.Media:
        return super().media + Picker(Delivery._meta.get_field("contact"), SITE).media


class ExplainView(AskingAdmin):
    """The page itself, under the URLs of contacts."""

    def get_urls(self) -> list:
        view = self.admin_site.admin_view(self.explain_view)
        return [path("explain/", view, name="broadcasts_contact_explain"), *super().get_urls()]

    def explain_view(self, request: HttpRequest) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        form = AskForm(request.GET or None, Access.of(request))
        told = None
        if form.is_valid():
            told = explaining.explain(form.cleaned_data["contact"], form.cleaned_data["broadcast"])
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Why did, or didn\u2019t, this person get it?",
            "form": form,
            "told": told,
            "media": self.media,
        }
        return TemplateResponse(request, "admin/broadcasts/contact/explain.html", context)
