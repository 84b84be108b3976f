"""Mailboxes that are read for bounces, complaints and replies."""

from collections.abc import Callable
from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect

from broadcasts import fetching, formats
from broadcasts.models import Channel, Mailbox
from broadcasts.models.mailboxes import SECRET_FOR
from broadcasts.transports import SettingsForm, TransportError, kinds_that_read_mail
from broadcasts.transports.imap import SIGN_INS

from .base import OrganizationAdmin, number_column
from .settings_fields import PREFIX, SettingsFields, in_words, prefixed

COLUMNS = ["organization", "name", "channel", "host", "port", "security", "username", "sign_in"]
READING = ["folder", "kept_in", "minutes", "is_active"]


class MailboxForm(SettingsFields):
    """Carries the fields of all ways to sign in; those of the chosen one count."""

    settings_forms = tuple(SIGN_INS.values())

    class Meta:
        model = Mailbox
        fields = [*COLUMNS, *READING]

    def chosen_form(self, cleaned: dict[str, Any]) -> type[SettingsForm]:
        return SIGN_INS[cleaned.get("sign_in") or self.instance.sign_in]

    def prepare(self, cleaned: dict[str, Any]) -> None:
        for name in SECRET_FOR:
            if name in cleaned:
                setattr(self.instance, name, cleaned[name])


def form() -> type[MailboxForm]:
    """Make the form; a field shows which way to sign in it is for, and is checked by the form of that alone."""
    fields = {}
    for sign_in, settings_form in SIGN_INS.items():
        for name, field in prefixed(settings_form).items():
            field.required = False
            field.widget.attrs |= {"data-only-for": sign_in, "data-chosen-by": "sign_in"}
            fields[name] = field
    return type("MailboxForm", (MailboxForm,), fields)


@admin.register(Mailbox)
class MailboxAdmin(OrganizationAdmin):
    form = form()
    list_display = [
        *("name", "username", "folder", "channel", "is_active", "state", "checked_at"),
        *(number_column(Mailbox, "taken"), "organization"),
    ]
    list_select_related = ["organization", "channel"]
    list_filter = ["is_active"]
    search_fields = ["name", "username", "host"]
    ordering = ["name"]
    autocomplete_fields = ["organization"]
    readonly_fields = ["state", "checked_at", "mails_taken", "due_at", "last_error"]
    change_form_template = "admin/broadcasts/mailbox/change_form.html"
    add_act = change_act = delete_act = "manage"

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        may = self.may(request, self.change_act, obj)
        names = [PREFIX + name for settings_form in SIGN_INS.values() for name in settings_form.base_fields]
        return [
            (None, {"fields": [*COLUMNS, *(names if may else ["shown_settings"])]}),
            ("Reading", {"fields": READING}),
            *([("State", {"fields": self.readonly_fields})] if obj else []),
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        fields = super().get_readonly_fields(request, obj)
        return fields if self.may(request, self.change_act, obj) else [*fields, "shown_settings"]

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_foreignkey(db_field, request, **kwargs)
        if db_field.related_model is Channel and field is not None:
            field.queryset = field.queryset.filter(kind__in=kinds_that_read_mail()).order_by("name")
            field.help_text = "The e-mail channel whose bounces and replies arrive here. Copies of the organization's "
            field.help_text += "other channels are recognised too."
        return field

    @admin.display(description="state")
    def state(self, mailbox: Mailbox) -> str:
        if not mailbox.is_active:
            return "Switched off"
        if n := mailbox.failures:
            return f"Failing: {formats.number(n)} {'time' if n == 1 else 'times'} in a row"
        return "Good" if mailbox.checked_at else "Not read yet"

    @admin.display(description="mails taken in")
    def mails_taken(self, mailbox: Mailbox) -> str:
        return formats.number(mailbox.taken)

    @admin.display(description="settings")
    def shown_settings(self, mailbox: Mailbox) -> str:
        return in_words(mailbox.settings)

    def save_model(self, request: HttpRequest, obj: Mailbox, form: Any, change: bool) -> None:
        if not change:
            super().save_model(request, obj, form, change)
            return
        self.check_may_save(request, obj, change)
        changed = {name for name in form.changed_data if not name.startswith(PREFIX)}
        # Only what was asked for: workers change the other columns meanwhile.
        obj.save(update_fields=[*changed, "settings", "secrets", "modified"])
        fetching.begin_again(obj)

    def steps(self, request: HttpRequest, obj: Mailbox) -> dict[str, Callable[[], HttpResponse]]:
        return {**super().steps(request, obj), "check": partial(self.check_step, request, obj)}

    def check_step(self, request: HttpRequest, mailbox: Mailbox) -> HttpResponse:
        """Sign in and say how many mails are there."""
        if not self.has_change_permission(request, mailbox):
            raise Http404
        try:
            n = fetching.check(Mailbox.objects.get(pk=mailbox.pk))
        except TransportError as error:
            messages.error(request, f"“{mailbox}” cannot be read: {error}")
        else:
            mails = "mail is" if n == 1 else "mails are"
            messages.success(
                request, f"“{mailbox}” can be read: {formats.number(n)} {mails} in the folder “{mailbox.folder}”."
            )
        return HttpResponseRedirect(self.change_url(mailbox.pk))
