"""Templates that providers store: synced by a button, and shown as the provider tells them."""

from collections.abc import Callable
from functools import partial

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import path
from django.utils.html import format_html_join

from broadcasts import formats, syncing
from broadcasts.models import Channel, Template
from broadcasts.transports import TransportError

from .access import Access, scoped
from .base import OrganizationAdmin, list_url


def sync(request: HttpRequest, channel: Channel) -> None:
    """Sync a channel and say what was found."""
    try:
        found = syncing.sync(channel, by=Access.of(request).user)
    except TransportError as error:
        messages.error(request, f"The templates of “{channel}” could not be read: {error}")
    else:
        messages.success(request, f"“{channel}”: {found}")


class SyncingChannels(OrganizationAdmin):
    """The button on the page of a channel."""

    def steps(self, request: HttpRequest, obj: Channel) -> dict[str, Callable[[], HttpResponse]]:
        steps = super().steps(request, obj)
        return {**steps, "sync": partial(self.sync_step, request, obj)} if obj.stores_templates else steps

    def sync_step(self, request: HttpRequest, channel: Channel) -> HttpResponse:
        sync(request, channel)
        return HttpResponseRedirect(list_url(Template, channel=channel.pk))


class SyncingTemplates(OrganizationAdmin):
    """The button above the list of templates, and what stands on the page of a template that a provider stores."""

    change_list_template = "admin/broadcasts/template/change_list.html"

    def get_urls(self) -> list:
        view = self.admin_site.admin_view(self.sync_view)
        return [path("sync/", view, name="broadcasts_template_sync"), *super().get_urls()]

    def channels(self, request: HttpRequest) -> list[Channel]:
        rows = scoped(syncing.synced_channels().filter(is_active=True), Access.of(request), "write")
        return list(rows.select_related("organization").order_by("pk"))

    def changelist_view(self, request: HttpRequest, extra_context: dict | None = None) -> HttpResponse:
        return super().changelist_view(request, {"syncs": bool(self.channels(request)), **(extra_context or {})})

    def sync_view(self, request: HttpRequest) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        channels = self.channels(request)
        if not channels:
            raise Http404
        for channel in channels:
            sync(request, channel)
        return HttpResponseRedirect(list_url(Template))

    def languages(self, template: Template) -> str:
        rows = [
            (
                one.tag or one.language,
                one.status,
                one.status_reason,
                one.category.lower(),
                one.quality.lower(),
                needs(one.structure),
                f"not at the provider since {formats.moment(one.removed_at, template.organization.zone)}"
                if one.removed_at
                else "",
            )
            for one in template.translations.all()
        ]
        return format_html_join("", "<p><strong>{}</strong> {} {} {} {} · {} {}</p>", rows) or "-"


def needs(structure: dict) -> str:
    """Return what a template takes, in words."""
    header, body = structure.get("header") or {}, structure.get("body") or {}
    parts = []
    if header.get("kind") and (header["kind"] != "text" or header.get("parameters")):
        parts.append(f"header: {header['kind']}")
    if names := body.get("parameters"):
        parts.append(f"body: {', '.join(names)}")
    for index, button in enumerate(structure.get("buttons") or []):
        parts.append(f"button {index}: {button['kind'].replace('_', ' ')} “{button['text']}”")
    return "; ".join(parts) or "no parameters"
