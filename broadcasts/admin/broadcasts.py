"""The pages of a broadcast: its form, and the panel from which it is sent."""

from copy import deepcopy
from typing import Any

from django.contrib import admin, messages
from django.db.models import prefetch_related_objects
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone

from broadcasts import archiving, drafting, formats, rendering
from broadcasts.exceptions import WrongState
from broadcasts.models import (
    TRACKED,
    Broadcast,
    Channel,
    Message,
    Organization,
    Syntax,
    Template,
)
from broadcasts.stats import BroadcastCounts

from .access import Access, scoped
from .base import link
from .broadcast_actions import BroadcastActions
from .broadcast_form import MESSAGE_FIELDS, BroadcastForm, has_many_contacts
from .broadcast_list import BroadcastListing
from .compose import ComposePages
from .confirmations import stamp
from .content import tell_warnings
from .drafts import DraftAdmin
from .explanations import AskForm, AskingAdmin
from .first_message import FirstMessageInline
from .gallery import StartPage
from .pickers import Picker
from .progress import progress, undo_left
from .report import report

TIMES = ["local_time", "ignore_quiet_hours", "expires_at"]
MEASURING = "Opens and clicks of its mail. General messages are measured only if the organization allows it."
USUAL = 5  # how many audience fields are always shown
WRITTEN = {*drafting.PLAIN_FIELDS, *Broadcast.WHO_LISTS}
RECORD = ["uuid", "author_name", "created", "modified"]


@admin.register(Broadcast)
class BroadcastAdmin(BroadcastListing, StartPage, ComposePages, BroadcastActions, AskingAdmin, DraftAdmin):
    form = BroadcastForm
    autocomplete_fields = [
        "organization",
        "segments",
        "excluded_segments",
        "contacts",
        "activity",
        "retarget_of",
        "excluded_broadcasts",
    ]
    inlines = [FirstMessageInline]
    change_form_template = "admin/broadcasts/broadcast/change_form.html"

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and (obj is None or obj.is_editable)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and (obj is None or obj.is_editable)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change, **kwargs)
        access = Access.of(request)
        for name, model in (("channel", Channel), ("template", Template)):
            if name in form.base_fields:
                field: Any = deepcopy(form.base_fields[name])  # the class's own is shared by all requests
                field.queryset = scoped(model.objects.all(), access)
                field.widget = Picker(Message._meta.get_field(name), self.admin_site)
                field.widget.choices = field.choices
                form.base_fields[name] = field
        return form

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        who = list(Broadcast.WHO)
        if obj is not None and has_many_contacts(obj):
            who[who.index("contacts")] = "many_contacts"
        message = ["channel", "template", "syntax"]
        if obj is not None and not self.has_change_permission(request, obj):
            message = ["shown_channel", "shown_template", "shown_syntax"]
        return [
            (None, {"fields": ["organization", "name", "use_case"]}),
            (
                "Who",
                {
                    "fields": who[:USUAL],
                    "description": "Sends to everyone in any of these, minus the exclusions below.",
                },
            ),
            ("Who, in more ways", {"fields": who[USUAL:], "classes": self._collapsed(request, obj, who[USUAL:])}),
            ("What", {"fields": [*message, "base_language", "channel_policy", *self._fallback(obj)]}),
            ("When", self._when(request, obj)),
            *self._archive(obj),
            ("Measuring", {"fields": [*TRACKED.values()], "description": MEASURING}),
            *([("Record", {"fields": RECORD, "classes": ["collapse"]})] if obj is not None else []),
        ]

    def _archive(self, obj: Any) -> list[Any]:
        """The switch is shown where an archive is; of a broadcast that has begun, its page has buttons for it."""
        is_offered = obj is None or (obj.organization.has_archive and obj.is_editable)
        return [("Public archive", {"fields": ["in_archive"], "classes": ["collapse"]})] if is_offered else []

    def _fallback(self, obj: Any) -> list[str]:
        """The fields of a policy are shown where they can be chosen, or mean something."""
        is_other = obj is not None and not obj.is_editable and not obj.falls_back
        return [] if is_other else list(Broadcast.FALLBACK_FIELDS)

    def _collapsed(self, request: HttpRequest, obj: Any, names: list[str]) -> list[str]:
        """Fields that hold something, or were filled in by a link, are not hidden."""
        if any(name in request.GET for name in names):
            return []
        used = obj is not None and any(getattr(obj, name) for name in names if name not in Broadcast.WHO_LISTS)
        return [] if used or (obj is not None and obj.excluded_broadcasts.exists()) else ["collapse"]

    def _when(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        if obj is not None and obj.status in Broadcast.STARTED:
            zone = f"In the time zone {timezone.get_current_timezone_name()}."
            return {"fields": ["scheduled_at", "started_at", "completed_at", *TIMES], "description": zone}
        said = "Nothing leaves before you schedule it or send it."
        return {"fields": ["scheduled_at", *TIMES], "description": said}

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        fields = [*super().get_readonly_fields(request, obj), "many_contacts", *RECORD]
        fields += ["started_at", "completed_at"]
        if obj is not None and not self.has_change_permission(request, obj):
            fields += ["shown_channel", "shown_template", "shown_syntax"]
        if obj is not None and obj.status == Broadcast.Status.SCHEDULED:
            fields += ["scheduled_at", "local_time"]  # the action “Schedule” changes it, as one step with what follows
        return fields

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        organization = scoped(Organization.objects.order_by("id"), Access.of(request), "write").first()
        found: dict[str, Any] = super().get_changeform_initial_data(request)
        if organization is not None:
            found.setdefault("base_language", organization.primary_language)
            found.setdefault("use_case", organization.default_use_case)
        return found

    def get_formset_kwargs(self, request: HttpRequest, obj: Any, inline: Any, prefix: str) -> dict[str, Any]:
        kwargs = super().get_formset_kwargs(request, obj, inline, prefix)
        if not obj.pk:
            kwargs["initial"] = [{"language": self.get_changeform_initial_data(request).get("base_language", "en")}]
        return kwargs

    @admin.display(description="contacts")
    def many_contacts(self, broadcast: Broadcast) -> str:
        return f"{formats.number(broadcast.contacts.count())} contacts, too many to edit here; the API can."

    @admin.display(description="channel")
    def shown_channel(self, broadcast: Broadcast) -> str:
        message = broadcast.first_message()
        return link(message.channel if message else None)

    @admin.display(description="template")
    def shown_template(self, broadcast: Broadcast) -> str:
        message = broadcast.first_message()
        return link(message.template if message else None)

    @admin.display(description="syntax")
    def shown_syntax(self, broadcast: Broadcast) -> str:
        message = broadcast.first_message()
        return message.get_syntax_display() if message else "-"

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        broadcast = self.get_object(request, object_id)
        if broadcast is None:
            return super().change_view(request, object_id, form_url, extra_context)
        try:
            if request.method == "POST" and not broadcast.is_editable:
                raise WrongState(f"“{broadcast}” {self.why_locked(broadcast)}")
            return super().change_view(
                request, object_id, form_url, {**self.panel(request, broadcast), **(extra_context or {})}
            )
        except WrongState as error:
            messages.error(request, f"Nothing was saved: {error}")
            return HttpResponseRedirect(self.change_url(object_id))

    def why_locked(self, broadcast: Broadcast) -> str:
        """Return why it cannot be edited, as the rest of a sentence."""
        if broadcast.is_undoable:
            return "is about to be sent: stop it first."
        return "has begun to be sent." if broadcast.has_begun else "was cancelled: reopen it first."

    def warnings(self, broadcast: Broadcast) -> list[str]:
        """Return what is wrong with its expressions; the channel is named where there are several."""
        found = list(broadcast.messages.all())
        scope = rendering.ExpressionScope(broadcast.organization)
        return [
            f"{message.channel}, {words}" if len(found) > 1 else words
            for message in found
            for words in rendering.warnings_of(message, scope)
        ]

    def panel(self, request: HttpRequest, broadcast: Broadcast) -> dict[str, Any]:
        """What stands above the form: what can be done now, and how far it is."""
        prefetch_related_objects([broadcast], "messages__channel", "messages__translations")
        has_begun, counts = broadcast.has_begun, BroadcastCounts.of(broadcast)
        written = list(broadcast.messages.all())
        return {
            "broadcast": broadcast,
            "seen": stamp(broadcast),
            "due": formats.planned(broadcast.due_from, broadcast.organization.zone) if broadcast.due_from else "",
            "undo_left": undo_left(broadcast),
            "may_undo": self.may(request, "send", broadcast),
            "unscheduled": self.unscheduled(request, broadcast),
            "actions_now": self.actions_for(request, broadcast, counts),
            "progress": progress(broadcast, told=counts) if has_begun else None,
            "report": report(broadcast, counts) if has_begun else None,
            "retargets": self.retargets_for(request, broadcast, counts),
            "children": list(broadcast.children.order_by("id")[:10]),
            "public_address": archiving.public_address(broadcast),
            "channels": written,
            "ask": AskForm(None, Access.of(request)),
            "warnings": self.warnings(broadcast),
            "translates": any(one.syntax == Syntax.EXPRESSIONS for one in written),
            "may_write": self.may(request, "write", broadcast),
        }

    # Saving.

    def save_model(self, request: HttpRequest, obj: Broadcast, form: Any, change: bool) -> None:
        self.check_may_save(request, obj, change)  # `save_related` saves it, together with its content

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        broadcast, [content] = form.instance, formsets
        content.save(commit=False)  # only notes the changes, for the history
        told = form.changed_data if change else form.cleaned_data
        values = {name: form.cleaned_data[name] for name in told if name in WRITTEN}
        if not change or content.has_changed() or set(MESSAGE_FIELDS) & set(told):
            values["messages"] = content.messages(broadcast, form.cleaned_data)
        drafting.save(broadcast, values, by=Access.of(request).user)
        broadcast.refresh_from_db()
        if self.step(request, broadcast) is None and "_continue" not in request.POST:  # the page itself tells them
            tell_warnings(request, self.warnings(broadcast))
        self.say_times(request, broadcast, form, is_saved_first=change and self.step(request, broadcast) is not None)

    def say_times(self, request: HttpRequest, obj: Broadcast, form: Any, *, is_saved_first: bool) -> None:
        """Show how changed times were understood; buttons of actions show it on their own page."""
        if "scheduled_at" in form.changed_data and obj.scheduled_at and not is_saved_first:
            messages.info(request, f"Saved as a draft with {self.unscheduled(request, obj)}")
        if "expires_at" in form.changed_data and obj.expires_at:
            messages.info(request, f"It expires at {formats.moment(obj.expires_at, obj.organization.zone)}.")

    def unscheduled(self, request: HttpRequest, broadcast: Broadcast) -> str:
        """Return a note about the time of a draft, which is not scheduled yet; "" if it has none."""
        if broadcast.scheduled_at is None or broadcast.status not in (Broadcast.Status.DRAFT, Broadcast.Status.FAILED):
            return ""
        how = ": press Schedule" if self.may(request, "send", broadcast) else ": that takes somebody who may send"
        time = formats.planned(broadcast.scheduled_at, broadcast.organization.zone)
        return f"the time {time}. It is not scheduled yet{how}."

    def delete_model(self, request: HttpRequest, obj: Broadcast) -> None:
        drafting.delete(obj, by=Access.of(request).user)

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        try:
            return super().delete_view(request, object_id, extra_context)
        except WrongState as error:
            messages.error(request, f"It was not deleted: {error}")
            return HttpResponseRedirect(self.change_url(object_id))
