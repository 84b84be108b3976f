from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from broadcasts import drafting, rendering
from broadcasts.exceptions import InvalidInput, WrongState
from broadcasts.models import Broadcast, Medium, Message, MessageTranslation, User

from .access import Access
from .base import ScopedInline
from .compose_frame import step_url
from .content import (
    ContentForm,
    ContentFormSet,
    ReadableContent,
    chosen_message,
    content_fields,
    tell_warnings,
    with_syntax_help,
)
from .content_channels import FROM, FROM_CONTENT
from .content_message import MessageContentPage
from .drafts import DraftAdmin
from .filters import BroadcastListFilter
from .versions import MessageVersions


class FurtherBroadcastFilter(BroadcastListFilter):
    path = "broadcast"


class MessageContentForm(ContentForm):
    class Meta(ContentForm.Meta):
        model = MessageTranslation


class MessageContentFormSet(ContentFormSet):
    def owner(self) -> tuple[Any, str]:
        broadcast = self.instance.broadcast if self.instance.broadcast_id else None
        return getattr(broadcast, "organization", None), self.data.get("syntax") or self.instance.syntax

    def written(self) -> Message | None:
        message = self.instance
        return chosen_message(self.data, message.broadcast, message.parameters) if message.broadcast_id else None


class OnlyWhileEditable:
    """Permissions of inlines and admins: content may be changed only while its broadcast is editable."""

    def is_open(self, obj: Any) -> bool:
        return obj is None or not obj.pk or obj.broadcast.is_editable

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_add_permission(request, obj) and self.is_open(obj)  # type: ignore[misc]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and self.is_open(obj)  # type: ignore[misc]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and self.is_open(obj)  # type: ignore[misc]


class MessageTranslationInline(OnlyWhileEditable, ReadableContent, ScopedInline, admin.StackedInline):
    model = MessageTranslation
    form = MessageContentForm
    formset = MessageContentFormSet
    verbose_name = "language"
    verbose_name_plural = "Content"
    template = "admin/broadcasts/translations.html"

    def get_extra(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> int:
        return 0 if obj else 1

    def written_fields(self, obj: Any) -> list[str]:
        return content_fields(obj.medium if obj else Medium.EMAIL)


@admin.register(Message)
class MessageAdmin(OnlyWhileEditable, MessageVersions, MessageContentPage, DraftAdmin):
    """The messages of broadcasts on further channels; the first message is edited on the page of its broadcast."""

    list_display = ["broadcast", "channel", "position", "template", "syntax"]
    list_filter = [FurtherBroadcastFilter]
    search_fields = ["broadcast__name"]
    sortable_by = []
    autocomplete_fields = ["broadcast", "channel", "template"]
    readonly_fields = ["error"]
    fields = ["broadcast", "channel", "position", "template", "syntax"]
    inlines = [MessageTranslationInline]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return [*self.fields, *(["error"] if obj else [])]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        return [*super().get_readonly_fields(request, obj), *(["broadcast"] if obj else [])]

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_foreignkey(db_field, request, **kwargs)
        if db_field.name == "broadcast":
            field.queryset = field.queryset.filter(Broadcast.UNLOCKED)
        return field

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        return with_syntax_help(super().formfield_for_dbfield(db_field, request, **kwargs), db_field.name)

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).select_related("broadcast__organization", "channel", "template")

    def save_model(self, request: HttpRequest, obj: Message, form: Any, change: bool) -> None:
        self.check_may_save(request, obj, change)  # `save_related` saves it, together with its content

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        message, [content] = form.instance, formsets
        content.save(commit=False)  # only notes the changes, for the history
        spec = {name: form.cleaned_data[name] for name in ("channel", "template", "syntax")}
        spec |= {"translations": content.contents(), **({"uuid": message.uuid} if change else {})}
        specs = drafting.among_others(message, spec)
        drafting.save(message.broadcast, {"messages": specs}, by=_user(request))
        message.pk = Message.objects.get(broadcast=message.broadcast, position=specs.index(spec)).pk
        message.refresh_from_db()
        tell_warnings(request, rendering.warnings_of(message))

    def delete_model(self, request: HttpRequest, obj: Message) -> None:
        drafting.save(obj.broadcast, {"messages": drafting.among_others(obj)}, by=_user(request))

    def response_post_save_add(self, request: HttpRequest, obj: Message) -> HttpResponseRedirect:
        return _to_channels(obj.broadcast_id)

    def response_post_save_change(self, request: HttpRequest, obj: Message) -> HttpResponseRedirect:
        return _to_channels(obj.broadcast_id)

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        message = self.get_object(request, object_id)
        try:
            response = super().delete_view(request, object_id, extra_context)
            if message is None or response.status_code != 302:
                return response
            if request.GET.get(FROM) == FROM_CONTENT:
                return HttpResponseRedirect(step_url(message.broadcast, "what"))
            return _to_channels(message.broadcast_id)
        except (InvalidInput, WrongState) as error:
            messages.error(request, f"It was not deleted: {error}")
            return HttpResponseRedirect(self.change_url(object_id))


def _to_channels(broadcast_id: int) -> HttpResponseRedirect:
    """Go back to the page that lists the channels of a broadcast."""
    return HttpResponseRedirect(f"{reverse('admin:broadcasts_broadcast_change', args=[broadcast_id])}#channels")


def _user(request: HttpRequest) -> User:
    return Access.of(request).user
