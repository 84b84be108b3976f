"""The admin site: its permission, the groups of its index, and pages without a row."""

from functools import wraps
from http import HTTPStatus
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.autocomplete import AutocompleteJsonView
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import SimpleTemplateResponse, TemplateResponse
from django.urls import URLPattern, URLResolver, path, reverse
from django.utils import timezone

from broadcasts import accounts
from broadcasts.models import Contact
from broadcasts.origin import network_address

from . import expressions, merge_fields, sms
from .access import Access
from .dashboard import dashboard
from .period import period_page
from .workers import workers

SECTIONS = {
    "Sending": ["Broadcast", "Delivery", "Message", "Template", "Layout", "Channel", "SendingDomain"],
    "People": ["Contact", "Segment", "SegmentMember", "Attribute", "Activity", "Attendance", "ImportJob"],
    "Consent": ["Suppression", "Consent", "ConsentChange"],
    "What came back": ["DeliveryEvent", "Inbound", "Mailbox", "Link", "ProviderRef"],
    "Organization": ["Organization", "Member", "Invitation", "User", "ApiToken", "Media", "AuditEntry"],
    "Programs that are told": ["EventSubscription", "EventCall"],
}
REST = "Behind the scenes"
STARTS = {"Broadcast": "admin:broadcasts_broadcast_start"}  # where a new row begins, other than at its form


class Suggestions(AutocompleteJsonView):
    """What pickers offer: people with their addresses, since names alone do not tell them apart."""

    def process_request(self, request: HttpRequest) -> Any:
        found = super().process_request(request)
        if not found[2].concrete:  # another model's field towards this one, which no picker is for
            raise PermissionDenied
        return found

    def serialize_result(self, obj: Any, to_field_name: str) -> dict[str, str]:
        found = super().serialize_result(obj, to_field_name)
        return {**found, "text": obj.name_and_address} if isinstance(obj, Contact) else found


class Site(admin.AdminSite):
    site_header = "Broadcasts"
    site_title = "Broadcasts"
    index_title = "Overview"
    site_url = None

    def has_permission(self, request: HttpRequest) -> bool:
        user = request.user
        return user.is_active and getattr(user, "is_staff", False) and bool(Access.of(request))

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        """Serve a page in the time zone of the user's organization, which people write and read times in."""
        inner = super().admin_view(view, cacheable)

        @wraps(inner)
        def zoned(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            with timezone.override(Access.of(request).zone):
                response = inner(request, *args, **kwargs)
                return response.render() if isinstance(response, SimpleTemplateResponse) else response

        return zoned

    def get_urls(self) -> list[URLResolver | URLPattern]:
        own = [
            path("workers/", self.admin_view(self.workers), name="workers"),
            path("statistics/", self.admin_view(self.statistics), name="statistics"),
            path("sms/count/", self.admin_view(sms.count_view), name="sms-count"),
            path("syntax/", self.admin_view(self.syntax), name="syntax"),
            path("syntax/check/", self.admin_view(expressions.check_view), name="expressions-check"),
            path("fields/", self.admin_view(merge_fields.fields_view), name="broadcasts-fields"),
        ]
        return [*own, *super().get_urls()]

    def autocomplete_view(self, request: HttpRequest) -> Any:
        return Suggestions.as_view(admin_site=self)(request)

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        return super().index(request, {**dashboard(Access.of(request)), **(extra_context or {})})

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        response = super().password_change(request, extra_context)
        if response.status_code == HTTPStatus.FOUND:  # it was changed; else the form is shown again
            accounts.note(request.user, "change password", ip=network_address(request))  # type: ignore[arg-type]
        return response

    def workers(self, request: HttpRequest) -> HttpResponse:
        context = {**self.each_context(request), "title": "Workers", **workers(Access.of(request))}
        return TemplateResponse(request, "admin/workers.html", context)

    def statistics(self, request: HttpRequest) -> HttpResponse:
        context = {**self.each_context(request), "title": "Statistics", **period_page(request)}
        return TemplateResponse(request, "admin/statistics.html", context)

    def syntax(self, request: HttpRequest) -> HttpResponse:
        """Show Liquid and expressions side by side."""
        context = {**self.each_context(request), "title": "Liquid and expressions", "pairs": expressions.PAIRS}
        return TemplateResponse(request, "admin/syntax.html", context)

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[dict[str, Any]]:
        """Group the models of the index by subject."""
        apps = super().get_app_list(request, app_label)
        if app_label is not None:
            return apps
        shown: list[dict[str, Any]] = []
        for app in apps:
            models = {model["object_name"]: model for model in app["models"]}
            for name in STARTS.keys() & models.keys():
                if models[name]["add_url"]:
                    models[name]["add_url"] = reverse(STARTS[name])
            for name, members in SECTIONS.items():
                if found := [models.pop(member) for member in members if member in models]:
                    shown.append({**app, "name": name, "models": found})
            if models:
                shown.append({**app, "name": REST, "models": list(models.values())})
        return shown
