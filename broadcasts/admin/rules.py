"""The rules builder: its form field, and the endpoints that it calls."""

import json
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.forms.boundfield import BoundField
from django.forms.fields import InvalidJSONInput
from django.forms.widgets import Script
from django.http import Http404, HttpRequest, HttpResponseNotAllowed, JsonResponse
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path, reverse

from broadcasts import audience
from broadcasts.database import as_id
from broadcasts.exceptions import InvalidInput
from broadcasts.json_field import JsonFormField
from broadcasts.mediums import ADDRESS_FIELDS
from broadcasts.models import Contact, Organization, Segment

from .access import Access
from .base import row_url
from .patience import TooSlow, at_most
from .search import find_contacts

SAMPLED = 10
RARE = 10_000  # contacts; the sample of fewer is found by another query
SECONDS = 2  # timeout of each of the two queries of the preview
NOT_JSON = 'not JSON; give an object, such as {"language": "es"}'


class RulesWidget(forms.Textarea):
    """The rules as JSON, which scripts show as rows beside it; without scripts it is a text area."""

    class Media:
        css = {"all": ["broadcasts/builder.css"]}
        js = [Script("broadcasts/builder.js", type="module")]

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__({"rows": 8, "cols": 70, "spellcheck": "false", **(attrs or {})})

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        for what in ("catalogue", "suggest", "sample"):
            context["widget"]["attrs"][f"data-rules-{what}"] = reverse(f"admin:broadcasts_segment_{what}")
        return context


class RulesField(JsonFormField):
    """Rules or a query in a form of a row that belongs to an organization; blank is {}."""

    widget = RulesWidget
    max_depth = 300  # `audience` tells where they are too deep

    def get_bound_field(self, form: Any, field_name: str) -> BoundField:
        self.widget.attrs["data-organization"] = form.instance.organization_id or ""
        if isinstance(form.instance, Segment):
            self.widget.attrs["data-segment"] = form.instance.pk or ""
        return super().get_bound_field(form, field_name)

    def prepare_value(self, value: Any) -> Any:
        return value if isinstance(value, InvalidJSONInput) else json.dumps(value or {}, indent=2, ensure_ascii=False)

    def to_python(self, value: Any) -> Any:
        try:
            read = super().to_python(value)
        except ValidationError as error:
            raise ValidationError(f"This is {NOT_JSON}.") if error.code == "invalid" else error from None
        return {} if read is None else read


class RuleViews(admin.ModelAdmin):
    """Endpoints of the builder; for the segment's admin. Each reads within one organization of the user's."""

    def get_urls(self) -> list[URLPattern]:
        views = {"catalogue": self.catalogue_view, "suggest": self.suggest_view, "sample": self.sample_view}
        urls = [
            path(f"{name}/", self.admin_site.admin_view(view), name=f"broadcasts_segment_{name}")
            for name, view in views.items()
        ]
        return [*urls, *super().get_urls()]

    def catalogue_view(self, request: HttpRequest) -> JsonResponse:
        """Serve what a rule may be made of."""
        organization = _organization(request, request.GET)
        return JsonResponse({"fields": [asdict(field) for field in audience.catalogue(organization)]})

    def suggest_view(self, request: HttpRequest) -> JsonResponse:
        """Return existing values that begin with the typed text."""
        organization = _organization(request, request.GET)
        of, text, beside = (request.GET.get(name, "")[:1000].replace("\0", "") for name in ("of", "text", "beside"))
        if of == "contact":
            found = _people(organization, text)
        else:
            found = audience.suggest(organization, of, text, beside)
        return JsonResponse({"found": [{"value": value, "label": label} for value, label in found]})

    def sample_view(self, request: HttpRequest) -> HttpResponseBase:
        """Return the number of contacts that match rules with a sample, or the errors of the rules."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        organization = _organization(request, request.POST)
        segment = _segment(organization, request.POST.get("segment", ""))
        try:
            segment.rules = json.loads(request.POST.get("rules", ""))
        except (ValueError, RecursionError):
            return JsonResponse({"path": "", "message": NOT_JSON}, status=400)
        try:
            audience.validate_rules(segment)
            chosen = {way: audience.compile_query(segment.rules, organization, of_all=way) for way in (True, False)}
        except InvalidInput as error:
            steps, _, message = error.errors["rules"].removeprefix("rules").partition(": ")
            return JsonResponse({"path": steps, "message": message}, status=400)
        people, count = _sample(chosen)
        shown = [
            {"name": str(one), "address": one.email or one.phone, "url": row_url(Contact, one.pk)} for one in people
        ]
        return JsonResponse({"count": count, "people": shown})


def _organization(request: HttpRequest, given: Any) -> Organization:
    pk = as_id(given.get("organization", ""))
    if pk is None or not Access.of(request).may("read", pk):
        raise Http404
    organization = Organization.objects.filter(pk=pk).first()
    if organization is None:
        raise Http404
    return organization


def _segment(organization: Organization, pk: str) -> Segment:
    """Return the segment whose rules are tried, so that they cannot lead back to it; a new one when none is named."""
    rows = Segment.objects.for_organization(organization).select_related("organization")
    found = rows.filter(pk=as_id(pk) or 0).first()
    return found or Segment(organization=organization)


def _people(organization: Organization, text: str) -> list[tuple[str, str]]:
    contacts = Contact.objects.for_organization(organization)
    found = contacts.filter(pk__in=find_contacts(contacts, text.strip(), limit=SAMPLED)) if text.strip() else contacts
    rows = found.order_by("-pk")[:SAMPLED]
    return [(str(row.uuid), row.name_and_address) for row in rows]


def _sample(chosen: dict[bool, QuerySet[Contact]]) -> tuple[list[Contact], int | None]:
    """Return a sample of the contacts and their number, or None if counting takes too long.

    If few contacts match, the query for all at once finds the sample faster; if many, the query that checks each row.
    """
    people: list[Contact] = []
    count = None
    with suppress(TooSlow), at_most(SECONDS):
        count = chosen[True].count()
    with suppress(TooSlow), at_most(SECONDS):
        found = chosen[count is None or count < RARE]
        people = list(found.only("pk", "uuid", "full_name", *ADDRESS_FIELDS)[:SAMPLED])
    return people, count
