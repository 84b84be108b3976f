from collections.abc import Callable
from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html_join, strip_tags
from django.utils.text import Truncator

from broadcasts import designing, rendering, translating
from broadcasts.designing import Slot
from broadcasts.exceptions import InvalidInput
from broadcasts.models import Channel, Medium, Template, TemplateTranslation

from .access import Access
from .base import ScopedInline
from .content import ContentForm, ContentFormSet, tell_warnings, with_syntax_help
from .content_page import TemplateContentPage
from .expressions import LIQUID, translated
from .filters import choice_filter, row_filter
from .gallery import GalleryPages
from .template_sync import SyncingTemplates

SLOT_SHOWN = 80  # characters of the words of a slot
NO_SLOTS = (
    "The design is fixed and has no slots: messages made from it can change nothing but the subject, the preheader, "
    "the plain text and the files. Name slots on the content page, or let the design be changed."
)


def slots_of(template: Template) -> list[Slot]:
    """Return the slots of a template's first language; a template that is not stored yet has none."""
    first = template.translations.first() if template.pk else None
    return list(designing.slots_of(first)) if first else []


def first_words(default: Any) -> str:
    """Return the words of a slot's default, which may have several parts."""
    return str(next(iter(default.values()), "")) if isinstance(default, dict) else str(default)


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
class TemplateAdmin(GalleryPages, TemplateContentPage, SyncingTemplates):
    list_display = ["name", "medium", "channel", "status", "syntax", "organization", "modified"]
    list_select_related = ["organization", "channel"]
    list_filter = [choice_filter("medium", Medium), row_filter(Channel)]
    search_fields = ["name"]
    autocomplete_fields = ["organization"]
    fields = ["organization", "name", "medium", "syntax", "is_fixed", "slots"]
    readonly_fields = ["slots"]
    inlines = [TemplateTranslationInline]

    change_form_template = "admin/broadcasts/template/change_form.html"

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        return with_syntax_help(super().formfield_for_dbfield(db_field, request, **kwargs), db_field.name)

    def steps(self, request: HttpRequest, obj: Template) -> dict[str, Callable[[], HttpResponse]]:
        translate = partial(translating.translate_template, obj, Access.of(request).user)
        may = {LIQUID: partial(translated, request, translate, self.change_url(str(obj.pk)))}
        return {**super().steps(request, obj), **(may if self.has_change_permission(request, obj) else {})}

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        try:
            designing.again(Template.objects.get(pk=form.instance.pk))
        except InvalidInput as error:  # its HTML stays as it was
            self.message_user(request, f"Saved, but the HTML could not be made: {error}", messages.WARNING)
        if form.instance.is_fixed and not slots_of(form.instance):
            self.message_user(request, NO_SLOTS, messages.WARNING)
        if self.step(request, form.instance) is None:
            # Not with the languages that were read before they were changed.
            tell_warnings(request, rendering.warnings_of(Template.objects.get(pk=form.instance.pk)))

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).prefetch_related("translations")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj and obj.channel_id:
            return ["organization", "name", "medium", "channel", "languages"]
        return super().get_fields(request, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        fields = super().get_readonly_fields(request, obj)
        return [*fields, "name", "medium", "channel", "languages"] if obj and obj.channel_id else fields

    def get_inlines(self, request: HttpRequest, obj: Any) -> list[Any]:
        return [] if obj and obj.channel_id else list(super().get_inlines(request, obj))

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and not (obj and obj.channel_id)

    @admin.display(description="slots")
    def slots(self, template: Template) -> str:
        """List what may be written where the design is fixed, with the words that stand there by default."""
        rows = [
            (one.name, Truncator(strip_tags(first_words(one.default))).chars(SLOT_SHOWN)) for one in slots_of(template)
        ]
        return format_html_join("", "<div><strong>{}</strong> {}</div>", rows) or "None"

    @admin.display(description="status")
    def status(self, template: Template) -> str:
        """Tell of a provider's template each status and the languages in it, such as “approved: en_US, es”."""
        found: dict[str, list[str]] = {}
        for one in template.translations.all() if template.channel_id else []:
            status = "removed" if one.removed_at else one.status.lower().replace("_", " ")
            found.setdefault(status, []).append(one.tag)
        return "; ".join(f"{status}: {', '.join(tags)}" for status, tags in found.items()) or "-"
