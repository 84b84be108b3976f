"""The languages of a broadcast's first message, within the form of the broadcast."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.checks import InlineModelAdminChecks
from django.forms.models import inlineformset_factory
from django.http import HttpRequest

from broadcasts.models import Medium, Message, MessageTranslation

from .base import ScopedInline
from .broadcast_form import FirstMessageFormSet, TranslationForm
from .content import ReadableContent, content_fields


class FirstMessageChecks(InlineModelAdminChecks):
    """The languages belong to the broadcast through its first message, not by a key of their own."""

    def _check_relation(self, obj: Any, parent_model: Any) -> list:
        return []

    def _check_exclude_of_parent_model(self, obj: Any, parent_model: Any) -> list:
        return []


class FirstMessageInline(ReadableContent, ScopedInline, admin.StackedInline):
    model = MessageTranslation
    form = TranslationForm
    checks_class = FirstMessageChecks
    verbose_name = "language"
    verbose_name_plural = "Content"
    template = "admin/broadcasts/translations.html"

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        may = self.has_change_permission(request, obj) if obj else self.has_add_permission(request, obj)
        return inlineformset_factory(
            Message,
            MessageTranslation,
            form=TranslationForm,
            formset=FirstMessageFormSet,
            fields=self.written_fields(obj) if may else ["language"],
            extra=0 if obj and obj.first_message() else 1,
            can_delete=may and obj is not None,
        )

    def written_fields(self, obj: Any) -> list[str]:
        message = obj.first_message() if obj and obj.pk else None
        return content_fields(message.medium if message else Medium.EMAIL)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_add_permission(request, obj) and (obj is None or not obj.pk or obj.is_editable)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and (obj is None or not obj.pk or obj.is_editable)

    has_delete_permission = has_change_permission
