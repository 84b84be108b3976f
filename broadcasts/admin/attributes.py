from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from broadcasts import indexing
from broadcasts.exceptions import InvalidInput
from broadcasts.models import Attribute

from .base import OrganizationAdmin, OrganizationForm


class AttributeForm(OrganizationForm):
    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        names = ("key", "type", "is_indexed")
        asked = Attribute(
            pk=self.instance.pk, **{name: cleaned.get(name, getattr(self.instance, name)) for name in names}
        )
        try:
            indexing.check(asked)
        except InvalidInput as error:
            self.add_error("is_indexed", forms.ValidationError(list(error.errors.values())))
        return cleaned


@admin.register(Attribute)
class AttributeAdmin(OrganizationAdmin):
    form = AttributeForm
    list_display = ["key", "label", "type", "index", "organization"]
    list_select_related = ["organization"]
    list_filter = ["type", "is_indexed"]
    search_fields = ["key", "label"]
    ordering = ["key"]
    autocomplete_fields = ["organization"]
    fields = ["organization", "key", "label", "type", "is_indexed", "index"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        fixed = ["index", *(["key"] if obj else [])]
        if not self.may(request, "manage", obj):
            fixed.append("is_indexed")
        return [*super().get_readonly_fields(request, obj), *fixed]

    @admin.display(description="index")
    def index(self, attribute: Attribute) -> str:
        return attribute.get_index_state_display() or "-"

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if {"is_indexed", "type"} & set(form.changed_data) and (obj.is_indexed or change):
            indexing.follow(obj)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> tuple[list, dict, set, list]:
        shown, counts, needed, protected = super().get_deleted_objects(objs, request)
        return (
            shown,
            counts,
            needed,
            [*protected, *(one for attribute in objs for one in indexing.obstacles(attribute))],
        )

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        indexing.remove(obj)

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        for attribute in queryset:
            indexing.remove(attribute)
