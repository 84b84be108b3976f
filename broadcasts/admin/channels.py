"""Channels: one form for the row and for the settings of its transport."""

from collections.abc import Callable
from copy import deepcopy
from functools import partial
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path
from django.utils import timezone
from django.utils.html import format_html

from broadcasts import formats, transports
from broadcasts.models import TRACKED, Channel, ChannelRate, Medium

from .base import OrganizationForm, ReadOnlyAdmin, number_column
from .callback_address import RotatingChannels
from .filters import choice_filter, row_filter
from .template_sync import SyncingChannels

PREFIX = "setting_"


class ChannelForm(OrganizationForm):
    """Carries the fields of the transport's SettingsForm under a prefix; secrets are never rendered."""

    settings_form: type[transports.SettingsForm]

    class Meta:
        model = Channel
        exclude = ["settings", "secrets"]

    def _get_validation_exclusions(self) -> set[str]:
        return super()._get_validation_exclusions() - {"medium"}  # the default of a medium is unique

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        stored = self.instance.secrets or {}
        for name in self.settings_form.base_fields:
            field = self.fields.get(PREFIX + name)
            if field is None:
                continue
            if name in self.settings_form.secret:
                field.widget = forms.PasswordInput(render_value=False, attrs={"autocomplete": "new-password"})
                if stored.get(name):
                    field.required = False
                    field.help_text = "Leave blank to keep the stored one."
            elif self.instance.pk and name in self.instance.settings:
                self.initial[PREFIX + name] = value = self.instance.settings[name]
                if value and isinstance(field, forms.ChoiceField) and not field.valid_value(value):
                    field.help_text = f"The stored choice “{value}” is not offered any more; choose another."

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        values = {name: cleaned.get(PREFIX + name) for name in self.settings_form.base_fields}
        stored = self.instance.secrets or {}
        data = {name: value or stored.get(name) for name, value in values.items()} | {
            name: value for name, value in values.items() if name not in self.settings_form.secret
        }
        check = self.settings_form(data=data)
        for name, errors in check.errors.items():
            shown = PREFIX + name if PREFIX + name in self.fields else None
            if shown not in self.errors:
                self.add_error(shown, ValidationError(list(errors)))
        if not self.errors:
            self.instance.kind = cleaned.get("kind") or self.instance.kind
            try:
                self.instance.configure(values)
            except ValidationError as error:
                self.add_error(None, error.messages)
        return cleaned


def form_for(kind: str) -> type[ChannelForm]:
    """Make the form of a kind: ours and its transport's fields in one."""
    settings_form = transports.transport_class(kind).settings_form
    fields = {PREFIX + name: deepcopy(field) for name, field in settings_form.base_fields.items()}
    for name, field in settings_form.base_fields.items():
        fields[PREFIX + name].label = field.label or name.replace("_", " ").capitalize()
    return type("ChannelForm", (ChannelForm,), {"settings_form": settings_form, **fields})


def has_choice(field: forms.Field) -> bool:
    """Tell whether there is anything to fill in: a list of which the operator offers nothing is not shown."""
    choices: Any = field.choices if isinstance(field, forms.ChoiceField) else [(True, "")]
    return any(value != "" for value, _ in choices)


@admin.register(Channel)
class ChannelAdmin(RotatingChannels, SyncingChannels):
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
            ("Sender", {"fields": sender}),
            (f"Connection ({transport.label})", {"fields": [*shown, *calls]}) if shown else (None, {"fields": []}),
            *([("Measuring", {"fields": [*TRACKED.values()]})] if transport.carries_mail else []),
            *([("Log", {"fields": ["keeps_answers"]})] if transport.medium == Medium.EMAIL else []),
            ("Speed", {"fields": ["rate", "burst", "domain_rates", "ramp"]}),
            ("More", {"fields": ["address_field"], "classes": ["collapse"]}),
            *([("Health", {"fields": self.readonly_fields})] if obj else []),
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        fields = [*super().get_readonly_fields(request, obj), "callback_url", *(["kind"] if obj else [])]
        return fields if self.may(request, self.change_act, obj) else [*fields, "shown_settings"]

    def formfield_for_choice_field(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "kind":
            kwargs.update(widget=forms.HiddenInput, initial=self.kind_of(request, None))
        return super().formfield_for_choice_field(db_field, request, **kwargs)

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
        return ", ".join(f"{name}: {value}" for name, value in channel.settings.items() if value not in ("", None))

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
