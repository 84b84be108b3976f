"""Sending domains: what their DNS says, what to publish, and the keys that sign their mail."""

from collections.abc import Callable
from functools import partial
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse

from broadcasts import formats, inspecting
from broadcasts.exceptions import InvalidInput, WrongState
from broadcasts.models import SendingDomain, SigningKey
from broadcasts.rendering.signing import seconds_a_copy

from .access import Access
from .base import OrganizationAdmin, OrganizationForm

LEVELS = {"good": "Good", "warning": "Should be mended", "stop": "Must be mended", "": "Not checked yet"}


class SendingDomainForm(OrganizationForm):
    class Meta:
        model = SendingDomain
        fields = ["organization", "name"]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if not self.instance.pk and (organization := cleaned.get("organization")):
            try:
                inspecting.check_room(organization)
            except InvalidInput as error:
                raise ValidationError(error.errors["name"]) from None
        return cleaned


class NewKeyForm(forms.Form):
    """Asks what key to make."""

    algorithm = forms.ChoiceField(
        choices=SigningKey.Algorithm.choices,
        initial=SigningKey.Algorithm.RSA,
        widget=forms.RadioSelect,
        help_text="All receivers verify RSA. Ed25519 is faster, and some large providers do not know it: use it beside "
        "RSA.",
    )
    selector = forms.CharField(
        max_length=63, required=False, help_text="The name of its record. Blank: one from today's date."
    )


class ActivateForm(forms.Form):
    """Asks whether to wait for the DNS."""

    unseen = forms.BooleanField(
        label="Activate it though no check has seen its record",
        required=False,
        help_text="Mail is signed at once. Where receivers do not find the record, the signature counts as broken.",
    )


class RetireForm(forms.Form):
    """Asks nothing."""


@admin.register(SendingDomain)
class SendingDomainAdmin(OrganizationAdmin):
    form = SendingDomainForm
    list_display = ["name", "state", "signs", "checked_at", "organization"]
    list_select_related = ["organization"]
    search_fields = ["name"]
    ordering = ["name"]
    autocomplete_fields = ["organization"]
    fields = ["organization", "name"]
    change_form_template = "admin/broadcasts/sendingdomain/change_form.html"
    add_act = change_act = delete_act = "manage"

    def get_urls(self) -> list:
        view = self.admin_site.admin_view
        return [
            path("<int:pk>/new-key/", view(self.new_key_view), name="broadcasts_sendingdomain_new-key"),
            path("<int:pk>/keys/<int:key>/", view(self.key_view), name="broadcasts_sendingdomain_key"),
            *super().get_urls(),
        ]

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        keys = SigningKey.objects.filter(is_active=True).defer("secret")
        return super().get_queryset(request).prefetch_related(models.Prefetch("keys", keys, to_attr="active_keys"))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        return [*super().get_readonly_fields(request, obj), *(["name"] if obj else [])]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Show the domains of all channels, also of those that are older than these pages."""
        if self.has_view_permission(request):
            inspecting.know_all(Access.of(request).organizations())
        return super().changelist_view(request, extra_context)

    @admin.display(description="state")
    def state(self, domain: SendingDomain) -> str:
        return LEVELS[inspecting.worst(inspecting.findings(domain)) if domain.checked_at else ""]

    @admin.display(description="signed by")
    def signs(self, domain: SendingDomain) -> str:
        return ", ".join(key.selector for key in domain.active_keys) or "-"  # type: ignore[attr-defined]

    def users_of(self, obj: SendingDomain) -> QuerySet:
        """An active key keeps its domain: mail would leave unsigned without anybody noticing."""
        return SigningKey.objects.filter(domain=obj, is_active=True).select_related("domain")

    def save_model(self, request: HttpRequest, obj: SendingDomain, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        inspecting.ask_again(obj)

    def change_view(self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None) -> Any:
        domain = self.get_object(request, object_id)
        shown: dict[str, Any] = {}
        if domain is not None:
            keys = domain.keys.defer("secret").order_by("-is_active", "selector")
            shown = {"findings": inspecting.findings(domain), "keys": keys}
            shown |= dict.fromkeys(("show_save", "show_save_and_continue", "show_save_and_add_another"), False)
        return super().change_view(request, object_id, form_url, {**shown, **(extra_context or {})})

    def steps(self, request: HttpRequest, obj: SendingDomain) -> dict[str, Callable[[], HttpResponse]]:
        address = reverse("admin:broadcasts_sendingdomain_new-key", args=[obj.pk])
        check = partial(self.check_again, request, obj)
        return {**super().steps(request, obj), "check": check, "new-key": lambda: HttpResponseRedirect(address)}

    def check_again(self, request: HttpRequest, domain: SendingDomain) -> HttpResponse:
        inspecting.ask_again(domain)
        messages.success(request, f"{domain} is being checked. Load this page again in a few seconds.")
        return HttpResponseRedirect(self.change_url(domain.pk))

    def found(self, request: HttpRequest, pk: int) -> SendingDomain:
        domain = self.get_object(request, str(pk))
        if domain is None or not self.has_view_permission(request, domain):
            raise Http404
        return domain

    def new_key_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        domain = self.found(request, pk)
        if not self.has_change_permission(request, domain):
            raise Http404
        form = NewKeyForm(request.POST or None)
        form.fields["selector"].widget.attrs["placeholder"] = inspecting.new_selector(domain)
        if request.method == "POST" and form.is_valid():
            try:
                key = inspecting.make_key(domain, **form.cleaned_data, by=Access.of(request).user)
            except InvalidInput as error:
                for name, words in error.errors.items():
                    form.add_error(name, words)
            else:
                messages.success(request, f"The key {key.selector} is made. Publish its record, then activate it.")
                return HttpResponseRedirect(self.key_url(key))
        told = f"The key will sign the mail of {domain}. It signs nothing before it is activated."
        return self.ask(request, domain, form, title="Make a key", told=told, button="Make the key", act="make")

    def key_url(self, key: SigningKey) -> str:
        return reverse("admin:broadcasts_sendingdomain_key", args=[key.domain_id, key.pk])

    def key_view(self, request: HttpRequest, pk: int, key: int) -> HttpResponse:
        """Show the record of a key, and activate, retire or delete it."""
        domain = self.found(request, pk)
        row = SigningKey.objects.filter(domain=domain, pk=key).select_related("domain__organization").first()
        if row is None:
            raise Http404
        may = self.has_change_permission(request, domain)
        if request.method == "POST":
            if not may:
                raise Http404
            return self.act_on(request, row)
        told = (
            "This key signs the mail of its domain. After it is retired, keep its record for a week: receivers need it "
            "for mail that is under way."
            if row.is_active
            else "Publish this record where the domain's DNS is kept. Then check, and activate the key."
        )
        form = None if not may else RetireForm() if row.is_active else ActivateForm()
        act = "retire" if row.is_active else "activate"
        more = {"key": row, "host": inspecting.host_of(row), "record": inspecting.record_of(row)}
        more |= {"zone_record": inspecting.zone_record(row), "speed": speed_of(row)}
        more["findings"] = [one for one in inspecting.findings(domain) if one.key == str(row.uuid)]
        button = f"{act.capitalize()} this key"
        title = f"Key {row.selector}"
        return self.ask(request, domain, form, title=title, told=told, button=button, act=act, **more)

    def act_on(self, request: HttpRequest, key: SigningKey) -> HttpResponse:
        user = Access.of(request).user
        try:
            if "delete" in request.POST:
                inspecting.delete_key(key, user)
                messages.success(request, f"The key {key.selector} is deleted. Its record can be removed from the DNS.")
                return HttpResponseRedirect(self.change_url(key.domain_id))
            if "retire" in request.POST:
                inspecting.retire(key, user)
                messages.success(request, f"The key {key.selector} signs nothing any more.")
            elif "activate" in request.POST:
                inspecting.activate(key, user, unseen=bool(request.POST.get("unseen")))
                messages.success(request, f"The key {key.selector} signs the mail of {key.domain} from now on.")
        except WrongState as error:
            messages.error(request, str(error))
        return HttpResponseRedirect(self.key_url(key))

    def ask(self, request: HttpRequest, domain: SendingDomain, form: forms.Form | None, **shown: Any) -> HttpResponse:
        context = {**self.admin_site.each_context(request), "opts": self.opts, "domain": domain, "form": form, **shown}
        return TemplateResponse(request, "admin/broadcasts/sendingdomain/ask.html", context)


def speed_of(key: SigningKey) -> str:
    """Say what a signature costs on this machine, and the rate that it allows."""
    seconds = seconds_a_copy(key)
    rate = formats.number(int(1 / seconds))
    return (
        f"Signing with it takes {formats.number(round(seconds * 1_000_000))} µs a copy on this server, so that each "
        f"process that sends signs at most {rate} copies a second."
    )
