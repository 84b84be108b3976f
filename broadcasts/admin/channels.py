"""Channels: one form for the row and for the settings of its transport."""

from collections.abc import Callable
from functools import partial
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path
from django.utils import timezone
from django.utils.html import format_html

from broadcasts import formats, inspecting, transports
from broadcasts.mediums import email_domain
from broadcasts.models import TRACKED, Channel, ChannelRate, Medium, SendingDomain
from broadcasts.rendering.signing import seconds_a_copy

from .base import ReadOnlyAdmin, link, list_url, number_column
from .callback_address import RotatingChannels
from .filters import choice_filter, row_filter
from .gauges import GaugedChannels
from .settings_fields import PREFIX, SettingsFields, in_words, prefixed
from .template_sync import SyncingChannels


class ChannelForm(SettingsFields):
    """Ours and its transport's fields in one."""

    class Meta:
        model = Channel
        exclude = ["settings", "secrets"]

    def _get_validation_exclusions(self) -> set[str]:
        return super()._get_validation_exclusions() - {"medium"}  # the default of a medium is unique

    def prepare(self, cleaned: dict[str, Any]) -> None:
        self.instance.kind = cleaned.get("kind") or self.instance.kind


def form_for(kind: str) -> type[ChannelForm]:
    """Make the form of a kind."""
    settings_form = transports.transport_class(kind).settings_form
    return type("ChannelForm", (ChannelForm,), {"settings_forms": (settings_form,), **prefixed(settings_form)})


def has_choice(field: forms.Field) -> bool:
    """Tell whether there is anything to fill in: a list of which the operator offers nothing is not shown."""
    choices: Any = field.choices if isinstance(field, forms.ChoiceField) else [(True, "")]
    return any(value != "" for value, _ in choices)


@admin.register(Channel)
class ChannelAdmin(GaugedChannels, RotatingChannels, SyncingChannels):
    form = ChannelForm
    list_display = [
        "name",
        "kind",
        "from_address",
        "is_active",
        "is_default",
        "health",
        number_column(Channel, "rate"),
        "organization",
    ]
    list_select_related = ["organization"]
    list_filter = [choice_filter("kind", transports.choices), "is_active", choice_filter("health", Channel.Health)]
    search_fields = ["name", "from_address"]
    ordering = ["name"]
    autocomplete_fields = ["organization"]
    readonly_fields = ["health", "last_error", "last_error_at", "backoff_until", "resting_until", "resting_reason"]
    change_form_template = "admin/broadcasts/channel/change_form.html"
    add_act = change_act = delete_act = "manage"

    def get_urls(self) -> list:
        check = self.admin_site.admin_view(self.check_view)
        return [path("<int:pk>/check/", check, name="broadcasts_channel_check"), *super().get_urls()]

    def kind_of(self, request: HttpRequest, obj: Channel | None) -> str:
        kind = obj.kind if obj else request.POST.get("kind") or request.GET.get("kind") or ""
        return kind if kind in transports.TRANSPORTS else next(iter(transports.TRANSPORTS))

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        kwargs["form"] = form_for(self.kind_of(request, obj))
        return super().get_form(request, obj, change, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        transport = transports.transport_class(self.kind_of(request, obj))
        names = [
            name
            for name, field in transport.settings_form.base_fields.items()
            if (obj and obj.settings.get(name)) or has_choice(field)
        ]
        may = self.may(request, self.change_act, obj)
        shown = [PREFIX + name for name in names] if may else ["shown_settings"]
        calls = ["callback_url"] if obj and transport.calls_back and may else []
        sender = ["from_name", "from_address", "reply_to"] if transport.medium == "email" else ["from_address"]
        return [
            (None, {"fields": ["organization", "kind", "name", "is_active", "is_default"]}),
            ("Sender", {"fields": [*sender, *(["signature"] if obj and transport.carries_mail else [])]}),
            (f"Connection ({transport.label})", {"fields": [*shown, *calls]}) if shown else (None, {"fields": []}),
            *([("Measuring", {"fields": [*TRACKED.values()]})] if transport.carries_mail else []),
            *([("Log", {"fields": ["keeps_answers"]})] if transport.medium == Medium.EMAIL else []),
            ("Speed", {"fields": ["rate", "burst", "domain_rates", "ramp"]}),
            ("More", {"fields": ["address_field"], "classes": ["collapse"]}),
            *([("Health", {"fields": self.readonly_fields})] if obj else []),
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        fields = [*super().get_readonly_fields(request, obj), "callback_url", "signature", *(["kind"] if obj else [])]
        return fields if self.may(request, self.change_act, obj) else [*fields, "shown_settings"]

    def formfield_for_choice_field(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "kind":
            kwargs.update(widget=forms.HiddenInput, initial=self.kind_of(request, None))
        return super().formfield_for_choice_field(db_field, request, **kwargs)

    def save_model(self, request: HttpRequest, obj: Channel, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        inspecting.know(obj)

    @admin.display(description="signature")
    def signature(self, channel: Channel) -> str:
        """Say what signs its mail, and how fast."""
        if not channel.transport_class.sends_as_composed(channel.settings):
            return "None of this server: the service or backend that carries the mail signs it."
        domain = email_domain(channel.from_address)
        row = SendingDomain.objects.filter(organization=channel.organization_id, name=domain).first()
        keys = list(row.keys.filter(is_active=True)) if row else []
        page = link(row, domain) if row else format_html('<a href="{}">{}</a>', list_url(SendingDomain), domain)
        if not keys:
            return format_html("None: no key of {} is active.", page)
        seconds = sum(map(seconds_a_copy, keys))
        return format_html(
            "DKIM, as {}: {}. That takes {} µs a copy on this server, so each process that sends signs at most {} "
            "copies a second.",
            page,
            ", ".join(f"{key.get_algorithm_display()} ({key.selector})" for key in keys),
            formats.number(round(seconds * 1_000_000)),
            formats.number(int(1 / seconds)),
        )

    @admin.display(description="why it rests")
    def resting_reason(self, channel: Channel) -> str:
        return channel.resting_reason

    @admin.display(description="callback address")
    def callback_url(self, channel: Channel) -> str:
        kept = channel.callback_kept_until
        if kept is None or kept <= timezone.now():
            return channel.callback_url
        return (
            f"{channel.callback_url} (the one before it works until {formats.moment(kept, channel.organization.zone)})"
        )

    @admin.display(description="settings")
    def shown_settings(self, channel: Channel) -> str:
        return in_words(channel.settings)

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """Ask for the kind first, because the form depends on it."""
        kinds = transports.choices()
        if "kind" in request.POST or "kind" in request.GET or len(kinds) == 1 or not self.has_add_permission(request):
            return super().add_view(request, form_url, extra_context)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "What does the new channel send through?",
            "kinds": kinds,
        }
        return TemplateResponse(request, "admin/broadcasts/channel/kinds.html", context)

    def steps(self, request: HttpRequest, obj: Channel) -> dict[str, Callable[[], HttpResponse]]:
        return {**super().steps(request, obj), "check": partial(self.check_view, request, obj.pk)}

    def check_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Prove that sending would work, without sending."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        channel = self.get_object(request, str(pk))
        if channel is None or not self.has_change_permission(request, channel):
            raise Http404
        try:
            channel.transport().check()
        except transports.TransportError as error:
            code = format_html(" (<code>{}</code>)", error.code) if error.code else ""
            messages.error(request, format_html("“{}” would not send: {}{}", channel, error, code))
        else:
            messages.success(request, f"“{channel}” is ready: the connection works.")
        return HttpResponseRedirect(self.change_url(pk))


@admin.register(ChannelRate)
class ChannelRateAdmin(ReadOnlyAdmin):
    list_display = ["channel", "domain", "arrival", "day", number_column(ChannelRate, "sent_today")]
    list_select_related = ["channel"]
    list_filter = [row_filter(Channel)]
    search_fields = ["domain__startswith"]
    sortable_by = []
