from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from broadcasts import drafting
from broadcasts.models import Broadcast, Message, MessageTranslation

from .base import OrganizationAdmin, ScopedInline
from .content import ContentForm, ContentFormSet
from .filters import BroadcastFilter


class FurtherBroadcastFilter(BroadcastFilter):
    path = "broadcast"


class MessageContentForm(ContentForm):
    class Meta(ContentForm.Meta):
        model = MessageTranslation


class MessageContentFormSet(ContentFormSet):
    def owner(self) -> tuple[Any, str]:
        broadcast = self.instance.broadcast if self.instance.broadcast_id else None
        return getattr(broadcast, "organization", None), self.data.get("syntax") or self.instance.syntax


class OnlyWhileEditable:
    """Nothing of a broadcast changes once it began to be sent."""

    def is_open(self, obj: Any) -> bool:
        return obj is None or not obj.pk or obj.broadcast.is_editable

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_add_permission(request, obj) and self.is_open(obj)  # type: ignore[misc]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and self.is_open(obj)  # type: ignore[misc]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and self.is_open(obj)  # type: ignore[misc]


class MessageTranslationInline(OnlyWhileEditable, ScopedInline, admin.StackedInline):
    model = MessageTranslation
    form = MessageContentForm
    formset = MessageContentFormSet
    verbose_name = "language"
    verbose_name_plural = "Content"
    template = "admin/broadcasts/translations.html"

    def get_extra(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> int:
        return 0 if obj else 1


@admin.register(Message)
class MessageAdmin(OnlyWhileEditable, OrganizationAdmin):
    """What a broadcast says on a further channel; its first message stands on the broadcast's own page."""

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
            field.queryset = field.queryset.filter(status__in=Broadcast.EDITABLE)
        return field

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).select_related("broadcast__organization", "channel", "template")

    def save_model(self, request: HttpRequest, obj: Message, form: Any, change: bool) -> None:
        drafting.lock(obj.broadcast)
        super().save_model(request, obj, form, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        drafting.touch(form.instance.broadcast)
        drafting.refresh_preview(Broadcast.objects.get(pk=form.instance.broadcast_id))

    def delete_model(self, request: HttpRequest, obj: Message) -> None:
        drafting.touch(obj.broadcast)
        super().delete_model(request, obj)
