"""Event subscriptions: their form, health and buttons, and the log of their calls."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.html import format_html

from broadcasts import formats, telling
from broadcasts.exceptions import BroadcastsError
from broadcasts.models import EVENT_TYPES, EventCall, EventSubscription

from .access import Access
from .base import OrganizationAdmin, OrganizationForm, ReadOnlyAdmin, list_url, number_column
from .filters import choice_filter, row_filter
from .moment_field import MomentFormField


class EventSubscriptionForm(OrganizationForm):
    types = forms.MultipleChoiceField(
        label="Events", choices=list(EVENT_TYPES.items()), widget=forms.CheckboxSelectMultiple
    )

    class Meta:
        model = EventSubscription
        fields = ["organization", "name", "url", "types", "is_active"]


class NewSecretForm(forms.Form):
    """Asks what becomes of the present secret."""

    old = forms.ChoiceField(
        label="The old secret",
        choices=[
            ("keep", "signs calls too for 24 hours, until the receiver knows the new one"),
            ("cut", "is cut at once: somebody else knows it"),
        ],
        initial="keep",
        widget=forms.RadioSelect,
    )


class ReplayForm(forms.Form):
    """Asks from when on."""

    since = MomentFormField(label="Since")


@admin.register(EventSubscription)
class EventSubscriptionAdmin(OrganizationAdmin):
    form = EventSubscriptionForm
    list_display = ["name", "url", "is_active", "health", "last_success_at", "organization"]
    list_select_related = ["organization"]
    list_filter = ["is_active"]
    search_fields = ["name", "url"]
    ordering = ["name"]
    autocomplete_fields = ["organization"]
    readonly_fields = ["health", "log", "last_success_at", "last_error", "last_error_at", "created_by"]
    change_form_template = "admin/broadcasts/eventsubscription/change_form.html"
    add_act = change_act = delete_act = "manage"

    def get_urls(self) -> list:
        pages = [("new-secret", self.secret_view), ("replay", self.replay_view)]
        return [
            *(
                path(f"<int:pk>/{name}/", self.admin_site.admin_view(view), name=f"broadcasts_eventsubscription_{name}")
                for name, view in pages
            ),
            *super().get_urls(),
        ]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        main = (None, {"fields": ["organization", "name", "url", "types", "is_active"]})
        return [main, ("Health", {"fields": self.readonly_fields})] if obj else [main]

    @admin.display(description="health")
    def health(self, subscription: EventSubscription) -> str:
        if subscription.stopped_because:
            return f"Switched off: {subscription.stopped_because}"
        if since := subscription.failing_since:
            n, times = subscription.failures, "time" if subscription.failures == 1 else "times"
            return f"Failing since {formats.moment(since)}: {formats.number(n)} {times} in a row"
        return "Good" if subscription.last_success_at else "Not called yet"

    @admin.display(description="log")
    def log(self, subscription: EventSubscription) -> str:
        waiting = subscription.calls.filter(state=EventCall.State.WAITING)[:1001].count()
        many = "more than 1,000" if waiting > 1000 else formats.number(waiting)
        calls = partial(list_url, EventCall, eventsubscription=subscription.pk)
        return format_html(
            '<a href="{}">All calls</a> · <a href="{}">{} waiting</a> · <a href="{}">given up</a>',
            calls(),
            calls(state=EventCall.State.WAITING),
            many,
            calls(state=EventCall.State.FAILED),
        )

    def save_model(self, request: HttpRequest, obj: EventSubscription, form: Any, change: bool) -> None:
        was_active = EventSubscription.objects.filter(pk=obj.pk, is_active=True).exists()
        if not change:
            obj.secrets, obj.created_by = {"signing_secret": telling.new_secret()}, Access.of(request).user
            super().save_model(request, obj, form, change)
            self.show_secret(request, obj.secrets["signing_secret"])
        else:  # only what was asked for: workers change the other columns meanwhile
            self.check_may_save(request, obj, change)
            obj.save(update_fields=[*form.changed_data, "modified"])
        telling.switched(obj, was_active=was_active)

    def show_secret(self, request: HttpRequest, secret: str) -> None:
        words = "The secret is <code>{}</code>. Copy it now: it cannot be shown again."
        messages.warning(request, format_html(words, secret))

    def steps(self, request: HttpRequest, obj: EventSubscription) -> dict[str, Callable[[], HttpResponse]]:
        def page(name: str) -> Callable[[], HttpResponse]:
            address = reverse(f"admin:broadcasts_eventsubscription_{name}", args=[obj.pk])
            return lambda: HttpResponseRedirect(address)

        pages = {name: page(name) for name in ("new-secret", "replay")}
        return {**super().steps(request, obj), "test": partial(self.send_test, request, obj.pk), **pages}

    def found(self, request: HttpRequest, pk: int) -> EventSubscription:
        row = self.get_object(request, str(pk))
        if row is None or not self.has_change_permission(request, row):
            raise Http404
        return row

    def send_test(self, request: HttpRequest, pk: int) -> HttpResponse:
        try:
            call = telling.test_call(self.found(request, pk))
        except BroadcastsError as error:
            messages.error(request, str(error))
        else:
            took = f"in {formats.number(call.duration_ms or 0)} ms"
            if call.state == EventCall.State.SUCCEEDED:
                messages.success(request, f"The receiver took the test event: it answered {call.status_code} {took}.")
            else:
                messages.error(request, f"The receiver did not take the test event: {call.error}")
        return HttpResponseRedirect(self.change_url(pk))

    def secret_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        subscription = self.found(request, pk)
        form = NewSecretForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            keep_old = form.cleaned_data["old"] == "keep"
            self.show_secret(
                request, telling.rotate_secret(subscription, keep_old=keep_old, by=Access.of(request).user)
            )
            return HttpResponseRedirect(self.change_url(pk))
        told = "Calls are signed with a new secret from now on, which is shown once."
        return self.ask(request, subscription, form, "Change the secret", told)

    def replay_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        subscription = self.found(request, pk)
        form = ReplayForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            try:
                n = telling.replay(subscription, form.cleaned_data["since"], by=Access.of(request).user)
            except BroadcastsError as error:
                form.add_error("since", str(error).removeprefix("since: "))
            else:
                calls = "call is" if n == 1 else "calls are"
                messages.success(request, f"{formats.number(n)} {calls} sent again, after those that wait.")
                return HttpResponseRedirect(self.change_url(pk))
        told = (
            "Every call that was made for events since then is sent again with the same events. Their ids are the "
            "same, so the receiver can tell which ones it has."
        )
        return self.ask(request, subscription, form, "Send calls again", told)

    def ask(
        self, request: HttpRequest, subscription: EventSubscription, form: forms.Form, title: str, told: str
    ) -> HttpResponse:
        context = {**self.admin_site.each_context(request), "opts": self.opts, "subscription": subscription}
        zone = f"In the time zone {timezone.get_current_timezone_name()}." if "since" in form.fields else ""
        context |= {"form": form, "title": title, "told": told, "zone": zone}
        return TemplateResponse(request, "admin/broadcasts/eventsubscription/ask.html", context)


class EventTypeFilter(admin.SimpleListFilter):
    title, parameter_name = "event", "type"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return list(EVENT_TYPES.items())

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        return queryset.filter(EventCall.having(self.value() or "")) if self.value() in EVENT_TYPES else queryset


@admin.register(EventCall)
class EventCallAdmin(ReadOnlyAdmin):
    list_display = [
        *("created", "subscription", "what", number_column(EventCall, "size"), "state"),
        *(number_column(EventCall, "attempts"), "answered", "due_at"),
    ]
    list_select_related = ["subscription"]
    list_filter = [
        choice_filter("state", EventCall.State),
        EventTypeFilter,
        choice_filter("cause", EventCall.Cause),
        row_filter(EventSubscription, "subscription"),
    ]
    sortable_by = []
    fieldsets = [
        (None, {"fields": ["subscription", "cause", "state", "what", "created", "identity", "body"]}),
        ("Last attempt", {"fields": ["attempts", "tried_at", "answered", "error", "answer", "due_at", "ended_at"]}),
    ]
    change_form_template = "admin/broadcasts/eventcall/change_form.html"

    def get_urls(self) -> list:
        again = self.admin_site.admin_view(self.again_view)
        return [path("<int:pk>/again/", again, name="broadcasts_eventcall_again"), *super().get_urls()]

    def change_view(self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None) -> Any:
        row = self.get_object(request, object_id)
        may_call = row is not None and self.may(request, "manage", row) and row.cause != EventCall.Cause.TEST
        return super().change_view(request, object_id, form_url, {"may_call": may_call})

    def again_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        call = self.get_object(request, str(pk))
        if call is None or not self.may(request, "manage", call):
            raise Http404
        try:
            new = telling.call_again(call, Access.of(request).user)
        except BroadcastsError as error:
            messages.error(request, str(error))
            return HttpResponseRedirect(self.change_url(pk))
        words = "It is tried now." if new.pk == pk else "It is sent again, as this new call."
        messages.success(request, words)
        return HttpResponseRedirect(self.change_url(new.pk))

    @admin.display(description="events")
    def what(self, call: EventCall) -> str:
        return ", ".join(call.type_names)

    @admin.display(description="webhook-id")
    def identity(self, call: EventCall) -> str:
        return call.identity

    @admin.display(description="answer")
    def answered(self, call: EventCall) -> str:
        if call.duration_ms is None:
            return "-"
        return f"{call.status_code or 'none'} in {formats.number(call.duration_ms)} ms"

    @admin.display(description="body")
    def body(self, call: EventCall) -> str:
        return format_html("<pre>{}</pre>", json.dumps(telling.document(call), indent=2, ensure_ascii=False))
