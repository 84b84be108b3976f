"""What all our admin pages share: rows of the user's organizations only, and acts by role."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import quote
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import models
from django.db.models import CASCADE, PROTECT, ProtectedError, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.text import capfirst

from broadcasts import formats
from broadcasts.clocks import is_near
from broadcasts.database import as_id
from broadcasts.json_field import JsonFormField
from broadcasts.models import AuditEntry, Organization

from .access import Access, organization_of, scoped, within
from .language_field import HELP as LANGUAGE_HELP
from .language_field import LanguageField, LanguageInput
from .moment_field import MomentFormField
from .paginator import CappedPaginator, PagedList
from .pickers import ManyPicker, Picker, only_ids, with_addresses
from .saving_first import SavingFirst

LANGUAGE_FIELDS = frozenset({"language", "base_language"})
RELATED_SHOWN = 1000


class OrganizationForm(forms.ModelForm):
    """A form whose choices must all belong to the row's own organization."""

    def _get_validation_exclusions(self) -> set[str]:
        # Unique per organization is checked also where the organization is shown and not edited.
        excluded: set[str] = super()._get_validation_exclusions()  # type: ignore[misc]
        return excluded - ({"organization"} - set(self.errors))

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        own = getattr(cleaned.get("organization"), "pk", None) or organization_of(self.instance)
        for name, value in list(cleaned.items()):
            rows = [value] if isinstance(value, models.Model) else value if isinstance(value, QuerySet) else []
            for row in rows:
                if isinstance(row, Organization) or not hasattr(row, "organization_path"):
                    continue
                owner = organization_of(row)
                if own is None:
                    own = owner
                if owner != own:
                    self.add_error(name, ValidationError(f"“{row}” belongs to another organization."))
        return cleaned


class Scoped:
    """Permissions by role and rows by organization, for model admins and inlines alike."""

    view_act = "read"
    add_act = "write"
    change_act = "write"
    delete_act = "write"

    def may(self, request: HttpRequest, act: str, obj: Any = None) -> bool:
        return Access.of(request).may(act, None if obj is None else organization_of(obj))

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may(request, self.view_act, obj)

    def has_view_or_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_view_permission(request, obj)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may(request, self.add_act, obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may(request, self.change_act, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may(request, self.delete_act, obj)

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return scoped(super().get_queryset(request), Access.of(request), self.view_act)  # type: ignore[misc]

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if isinstance(db_field, models.JSONField):
            kwargs.setdefault("form_class", JsonFormField)
        if isinstance(db_field, models.DateTimeField):
            kwargs.setdefault("form_class", MomentFormField)
        if db_field.name in LANGUAGE_FIELDS:
            kwargs = {"form_class": LanguageField, "widget": LanguageInput, "help_text": LANGUAGE_HELP, **kwargs}
        field = super().formfield_for_dbfield(db_field, request, **kwargs)  # type: ignore[misc]
        if isinstance(db_field, models.DateTimeField):
            zone = f"In the time zone {timezone.get_current_timezone_name()}."
            field.help_text = f"{field.help_text} {zone}".strip()
        return field

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        access = Access.of(request)
        if db_field.name in self.get_autocomplete_fields(request):  # type: ignore[attr-defined]
            kwargs.setdefault("widget", Picker(db_field, self.admin_site))  # type: ignore[attr-defined]
        rows = db_field.related_model._default_manager.all()
        if db_field.name == "organization":
            kwargs["queryset"] = scoped(rows, access, self.add_act)
            if access.only_organization:
                kwargs.update(widget=forms.HiddenInput, initial=access.only_organization)
            elif len(only := kwargs["queryset"].values_list("pk", flat=True)[:2]) == 1:
                kwargs["initial"] = only[0]
        else:
            kwargs.setdefault("queryset", scoped(rows, access))
        return with_addresses(super().formfield_for_foreignkey(db_field, request, **kwargs))  # type: ignore[misc]

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        kwargs.setdefault("queryset", scoped(db_field.related_model._default_manager.all(), Access.of(request)))
        if db_field.name in self.get_autocomplete_fields(request):  # type: ignore[attr-defined]
            kwargs.setdefault("widget", ManyPicker(db_field, self.admin_site))  # type: ignore[attr-defined]
        return with_addresses(super().formfield_for_manytomany(db_field, request, **kwargs))  # type: ignore[misc]


class OrganizationFilter(admin.SimpleListFilter):
    title = "organization"
    parameter_name = "organization"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        rows = scoped(Organization.objects.order_by("name"), Access.of(request))
        return [(str(pk), name) for pk, name in rows.values_list("pk", "name")[:200]]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        value = self.value()
        if value is None:
            return queryset
        return queryset.none() if (pk := as_id(value)) is None else within(queryset, [pk])


class OrganizationAdmin(Scoped, SavingFirst):
    """The admin of a model that belongs to an organization.

    The organization is chosen once; its column and filter are shown only to those who see more than one.
    """

    form = OrganizationForm
    paginator = CappedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    list_per_page = 50
    list_max_show_all = 0
    ordering = ["-id"]
    actions: Sequence[Any] | None = None
    by_organization = True
    save_on_top = False

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[PagedList]:
        return PagedList

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        columns = list(super().get_list_display(request))
        if Access.of(request).only_organization and "organization" in columns:
            columns.remove("organization")
        return columns

    def get_list_filter(self, request: HttpRequest) -> list[Any]:
        filters = list(super().get_list_filter(request))
        if self.by_organization and not Access.of(request).only_organization:
            filters.insert(0, OrganizationFilter)
        return filters

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        """Let an address filter a list only by what the list itself offers.

        Stock Django lets it name every column of the model with every lookup: that rows are found or not tells a
        stored secret letter by letter.
        """
        filters = self.list_filter if request is None else self.get_list_filter(request)
        return any(lookup in offered_by(one) for one in filters)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        fields = list(super().get_readonly_fields(request, obj))
        if obj is not None and "organization" in {field.name for field in self.model._meta.fields}:
            fields.append("organization")
        return fields

    def get_autocomplete_fields(self, request: HttpRequest) -> list[str]:
        fields = list(super().get_autocomplete_fields(request))
        if Access.of(request).only_organization and "organization" in fields:
            fields.remove("organization")
        return fields

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Return the initial values of a link, without those that are invalid for their field."""
        found: dict[str, Any] = super().get_changeform_initial_data(request)
        for field in self.model._meta.get_fields():
            if field.name not in found:
                continue
            if isinstance(field, models.ManyToManyField):
                found[field.name] = only_ids(found[field.name])
            elif isinstance(field, models.DateTimeField | models.ForeignKey):
                given = found.pop(field.name)
                with suppress(ValidationError):
                    value = field.to_python(given)
                    if not isinstance(value, datetime) or is_near(value):
                        found[field.name] = value
        return found

    def changeform_view(self, request: HttpRequest, object_id: str | None = None, *args: Any, **kwargs: Any) -> Any:
        """Serve a row's page in its own organization's time zone, or one to add it in that of a link's organization.

        For who has one organization all pages are in its zone.
        """
        row: Any = (
            self.get_object(request, object_id) if object_id and not Access.of(request).only_organization else None
        )
        owner = (
            organization_of(row) if hasattr(row, "organization_path") else as_id(request.GET.get("organization", ""))
        )
        if organization := scoped(Organization.objects.filter(pk=owner or 0), Access.of(request)).first():
            timezone.activate(organization.zone)  # until the end of `Site.admin_view`
        return super().changeform_view(request, object_id, *args, **kwargs)

    def check_may_save(self, request: HttpRequest, obj: Any, change: bool) -> None:
        """Refuse a row that was put into an organization where the user may not write."""
        if not self.may(request, self.change_act if change else self.add_act, obj):
            raise PermissionDenied

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        self.check_may_save(request, obj, change)
        super().save_model(request, obj, form, change)

    def users_of(self, obj: Any) -> Iterable[models.Model]:
        """Return the rows beside those of foreign keys that need a row, which therefore cannot be deleted."""
        return ()

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> tuple[list, dict, set, list]:
        """Return what is deleted with these rows, as counts up to a limit, without loading it."""
        shown: list[Any] = []
        protected: list[str] = []
        needed: set[str] = set()
        for obj in objs:
            shown.append(f"{capfirst(obj._meta.verbose_name)}: {obj}")
            if not self.has_delete_permission(request, obj):
                needed.add(str(obj._meta.verbose_name))
            for relation in obj._meta.related_objects:
                rows = relation.related_model._base_manager.filter(**{relation.field.name: obj})
                if relation.on_delete is PROTECT:
                    protected += [f"{capfirst(row._meta.verbose_name)}: {row}" for row in rows[:10]]
                elif relation.on_delete is CASCADE and (n := rows[: RELATED_SHOWN + 1].count()):
                    many = f"more than {formats.number(RELATED_SHOWN)}" if n > RELATED_SHOWN else str(n)
                    shown.append([f"with {many} {relation.related_model._meta.verbose_name_plural}"])
            protected += [f"{capfirst(row._meta.verbose_name)}: {row}" for row in self.users_of(obj)]
        return shown, {}, needed, protected

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        try:
            return super().delete_view(request, object_id, extra_context)
        except ProtectedError as error:
            first = next(iter(error.protected_objects))
            messages.error(request, f"It cannot be deleted: “{first}” ({first._meta.verbose_name}) needs it.")
            return HttpResponseRedirect(self.change_url(object_id))

    def change_url(self, pk: Any) -> str:
        return row_url(self.model, pk)

    # What staff did stands in the organization's own audit too, beside what the API did.
    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        self.audit(request, obj, "create")
        return super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        self.audit(request, obj, "change")
        return super().log_change(request, obj, message)

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        for obj in queryset:
            self.audit(request, obj, "delete")
        return super().log_deletions(request, queryset)

    def audit(self, request: HttpRequest, obj: Any, act: str, **detail: object) -> None:
        organization = Organization.objects.filter(pk=organization_of(obj) or 0).first()
        if organization is not None:
            AuditEntry.write(obj, act, organization=organization, user=request.user, **detail)


class ReadOnlyAdmin(OrganizationAdmin):
    """The admin of rows that only the program writes."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ScopedInline(Scoped):
    """An inline whose permissions are those of its parent's organization."""

    extra = 0
    show_change_link = False


def offered_by(list_filter: Any) -> set[str]:
    """Return the parameters by which a filter of a list may be asked: its own, or a field with `exact` and `isnull`."""
    if isinstance(list_filter, type) and issubclass(list_filter, admin.SimpleListFilter):
        return {str(list_filter.parameter_name)}
    field = list_filter if isinstance(list_filter, str) else list_filter[0]
    return {field, f"{field}__exact", f"{field}__isnull"}


def row_url(model: Any, pk: Any) -> str:
    """Return the address of a row's page."""
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_change", args=[quote(pk)])


def list_url(model: Any, **params: object) -> str:
    """Return the address of a list, filtered."""
    query = "&".join(f"{name}={value}" for name, value in params.items())
    address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    return f"{address}?{query}" if query else address


def link(row: Any, text: object = None) -> str:
    """Render a link to a row's page, or a dash for none."""
    if row is None:
        return "-"
    return format_html('<a href="{}">{}</a>', row_url(type(row), row.pk), text or row)


def number_column(model: Any, name: str) -> Any:
    """Return a column of a list that shows a field with a number."""
    field = model._meta.get_field(name)

    @admin.display(description=field.verbose_name, ordering=name)
    def shown(row: Any) -> str:
        return number(getattr(row, name))

    shown.__name__ = name
    return shown


def number(value: float | None) -> str:
    return "-" if value is None else formats.number(value)
