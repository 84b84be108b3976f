from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.text import capfirst

from broadcasts import audience
from broadcasts.exceptions import InvalidInput
from broadcasts.models import Contact, Segment, SegmentMember

from .base import OrganizationAdmin, OrganizationForm, list_url, number
from .by_contact import ByContact
from .filters import row_filter


class SegmentForm(OrganizationForm):
    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        if self.errors or self.instance.kind != Segment.Kind.DYNAMIC or not self.instance.rules:
            return
        try:
            audience.validate_rules(self.instance)
        except InvalidInput as error:
            self.add_error("rules", list(error.errors.values()))


@admin.register(Segment)
class SegmentAdmin(OrganizationAdmin):
    form = SegmentForm
    list_display = ["name", "kind", "contacts", "counted_at", "organization"]
    list_select_related = ["organization"]
    list_filter = ["kind"]
    search_fields = ["name"]
    autocomplete_fields = ["organization"]
    fields = ["organization", "name", "kind", "rules"]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return [*self.fields, *(["people", "uuid", "created"] if obj else [])]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        fixed = ["people", "uuid", "created"]
        return [*super().get_readonly_fields(request, obj), *fixed, *(["kind"] if obj else [])]

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "rules":
            kwargs["widget"] = forms.Textarea(attrs={"rows": 8, "cols": 70, "spellcheck": "false"})
            kwargs["help_text"] = 'Such as {"language": "es"} or {"attributes__plan": "pro"}; for a segment by rule.'
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> tuple[list, dict, set, list]:
        shown, counts, needed, protected = super().get_deleted_objects(objs, request)
        used = [row for segment in objs for row in audience.users_of(segment)]
        protected += [f"{capfirst(row._meta.verbose_name)}: {row}" for row in used]
        return shown, counts, needed, protected

    @admin.display(description="contacts", ordering="contacts_count")
    def contacts(self, segment: Segment) -> str:
        return format_html('<a href="{}">{}</a>', list_url(Contact, segment=segment.pk), number(segment.contacts_count))

    @admin.display(description="contacts")
    def people(self, segment: Segment) -> str:
        shown = format_html('<a href="{}">See who is in it</a>', list_url(Contact, segment=segment.pk))
        if segment.kind == Segment.Kind.STATIC:
            shown += format_html(
                ' · <a href="{}">Members</a> · <a href="{}">Add a member</a>',
                list_url(SegmentMember, segment=segment.pk),
                f"{list_url(SegmentMember)}add/?segment={segment.pk}",
            )
        return shown


@admin.register(SegmentMember)
class SegmentMemberAdmin(ByContact, OrganizationAdmin):
    list_display = ["contact", "segment", "created"]
    list_select_related = ["contact", "segment"]
    list_filter = [row_filter(Segment), row_filter(Contact)]
    autocomplete_fields = ["segment", "contact"]
    fields = ["segment", "contact"]

    def get_ordering(self, request: HttpRequest) -> Any:
        # Within one segment its own index gives the order of contacts without a sort.
        return ["contact"] if request.GET.get("segment") else ["-id"]

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_foreignkey(db_field, request, **kwargs)
        if db_field.name == "segment":
            field.queryset = field.queryset.filter(kind=Segment.Kind.STATIC)
        return field

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
