from contextlib import suppress
from typing import Any

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html

from broadcasts import audience
from broadcasts.database import tidy_name
from broadcasts.exceptions import InvalidInput
from broadcasts.models import Contact, Segment, SegmentMember

from .base import OrganizationAdmin, OrganizationForm, list_url, number
from .begin import BeginInList
from .by_contact import ByContact
from .filters import row_filter
from .members import FreezeView
from .patience import TooSlow, at_most
from .rules import SECONDS, RulesField, RuleViews


class SegmentForm(OrganizationForm):
    rules = RulesField(required=False, help_text='Such as {"language": "es"} or {"attributes__plan": "pro"}.')

    def clean_name(self) -> str:
        return tidy_name(self.cleaned_data["name"])

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if cleaned.get("kind", self.instance.kind) == Segment.Kind.STATIC:
            cleaned["rules"] = {}  # its field is out of sight then
        return cleaned

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        if self.errors or self.instance.kind != Segment.Kind.DYNAMIC:
            return
        try:
            audience.validate_rules(self.instance)
        except InvalidInput as error:
            self.add_error("rules", list(error.errors.values()))


@admin.register(Segment)
class SegmentAdmin(BeginInList, RuleViews, FreezeView, OrganizationAdmin):
    form = SegmentForm
    list_display = ["name", "kind", "contacts", "counted_at", "organization"]
    list_select_related = ["organization"]
    list_filter = ["kind"]
    search_fields = ["name"]
    autocomplete_fields = ["organization"]
    fields = ["organization", "name", "kind", "rules"]
    change_form_template = "admin/broadcasts/segment/change_form.html"

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fields = [name for name in self.fields if obj is None or name != "rules" or obj.kind == Segment.Kind.DYNAMIC]
        return [*fields, *(["people", "uuid", "created"] if obj else [])]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        fixed = ["people", "uuid", "created"]
        return [*super().get_readonly_fields(request, obj), *fixed, *(["kind"] if obj else [])]

    def save_model(self, request: HttpRequest, obj: Segment, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        count, now = None, timezone.now()
        with suppress(TooSlow), at_most(SECONDS):
            count = audience.segment_contacts(obj, of_all=True).count()
        Segment.objects.filter(pk=obj.pk).update(contacts_count=count, counted_at=now if count is not None else None)

    def users_of(self, obj: Segment) -> list[Model]:
        return audience.references_to(obj)

    @admin.display(description="contacts", ordering="contacts_count")
    def contacts(self, segment: Segment) -> str:
        return format_html('<a href="{}">{}</a>', list_url(Contact, segment=segment.pk), number(segment.contacts_count))

    @admin.display(description="contacts")
    def people(self, segment: Segment) -> str:
        shown = format_html('<a href="{}">See who is in it</a>', list_url(Contact, segment=segment.pk))
        if segment.kind == Segment.Kind.STATIC:
            shown += format_html(
                ' · <a href="{}">Members</a> · <a href="{}">Add a member</a> · <a href="{}">Add from a list</a>',
                list_url(SegmentMember, segment=segment.pk),
                f"{list_url(SegmentMember)}add/?segment={segment.pk}",
                list_url(Contact),
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

    def save_model(self, request: HttpRequest, obj: SegmentMember, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        Contact.touch(Contact.objects.filter(pk=obj.contact_id))

    def delete_model(self, request: HttpRequest, obj: SegmentMember) -> None:
        self.delete_queryset(request, SegmentMember.objects.filter(pk=obj.pk))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[SegmentMember]) -> None:
        Contact.touch(Contact.objects.filter(pk__in=queryset.order_by().values("contact")))
        queryset.delete()
