from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from broadcasts.models import Medium, Template, TemplateTranslation

from .base import OrganizationAdmin, ScopedInline
from .content import ContentForm, ContentFormSet
from .filters import choice_filter


class TemplateContentForm(ContentForm):
    class Meta(ContentForm.Meta):
        model = TemplateTranslation


class TemplateContentFormSet(ContentFormSet):
    def owner(self) -> tuple[Any, str]:
        return getattr(self.instance, "organization", None), self.data.get("syntax") or self.instance.syntax


class TemplateTranslationInline(ScopedInline, admin.StackedInline):
    model = TemplateTranslation
    form = TemplateContentForm
    formset = TemplateContentFormSet
    template = "admin/broadcasts/translations.html"

    def get_extra(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> int:
        return 0 if obj else 1


@admin.register(Template)
class TemplateAdmin(OrganizationAdmin):
    list_display = ["name", "medium", "syntax", "organization", "modified"]
    list_select_related = ["organization"]
    list_filter = [choice_filter("medium", Medium)]
    search_fields = ["name"]
    autocomplete_fields = ["organization", "channel"]
    fields = ["organization", "name", "medium", "channel", "syntax"]
    inlines = [TemplateTranslationInline]
