from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest

from broadcasts.models import (
    ChannelKind,
    Consent,
    ConsentChange,
    ConsentState,
    Contact,
    Suppression,
    UseCase,
    address_hash,
    address_key,
)

from .base import OrganizationAdmin, OrganizationForm, ReadOnlyAdmin
from .by_contact import ByContact
from .filters import choice_filter, row_filter
from .suppression_import import SuppressionLists


class SuppressionForm(OrganizationForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "address" in self.fields:
            self.fields["address"].required = True

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        organization, kind, address = (cleaned.get(name) for name in ("organization", "channel_kind", "address"))
        if not (organization and kind and address):
            return cleaned
        try:
            key = address_key(kind, address, organization.country)
        except ValidationError as error:
            self.add_error("address", error)
            return cleaned
        self.instance.address_hash = address_hash(key)
        same = Suppression.objects.for_organization(organization).filter(
            channel_kind=kind, address_hash=self.instance.address_hash, reason=cleaned.get("reason")
        )
        if same.exists():
            self.add_error("address", "This address is suppressed for this reason already.")
        return cleaned


@admin.register(Suppression)
class SuppressionAdmin(SuppressionLists, OrganizationAdmin):
    """Added by who writes, removed by who manages, changed by nobody."""

    form = SuppressionForm
    list_display = ["__str__", "channel_kind", "reason", "use_case", "source", "organization", "created"]
    list_select_related = ["organization"]
    list_filter = [choice_filter("channel_kind", ChannelKind), choice_filter("reason", Suppression.Cause)]
    search_fields = ["address"]
    search_help_text = "A whole e-mail address or phone number."
    sortable_by = []
    autocomplete_fields = ["organization"]
    fields = ["organization", "channel_kind", "address", "reason", "use_case", "source"]
    delete_act = "manage"

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return [*self.fields, *(["created"] if obj else [])]

    def get_search_results(self, request: HttpRequest, queryset: QuerySet, search_term: str) -> tuple[QuerySet, bool]:
        if not search_term.strip():
            return queryset, False
        hashes = []
        for kind in ChannelKind.values:
            try:
                hashes.append(address_hash(address_key(kind, search_term)))
            except ValidationError:
                continue
        kinds = {"channel_kind__in": ChannelKind.values}  # the index of hashes begins with organization and kind
        return queryset.filter(address_hash__in=[one for one in hashes if one], **kinds), False


class ConsentForm(OrganizationForm):
    reason = forms.CharField(
        max_length=255,
        label="Evidence",
        help_text="How you know: who said it, where and when. It is kept in the history.",
    )


@admin.register(Consent)
class ConsentAdmin(ByContact, OrganizationAdmin):
    form = ConsentForm
    list_display = ["contact", "channel_kind", "use_case", "state", "modified"]
    list_select_related = ["contact"]
    list_filter = [
        choice_filter("channel_kind", ChannelKind),
        choice_filter("use_case", UseCase),
        choice_filter("state", ConsentState),
        row_filter(Contact),
    ]
    autocomplete_fields = ["contact"]
    fields = ["contact", "channel_kind", "use_case", "state", "reason"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        fixed = ["contact", "channel_kind", "use_case"] if obj else []
        return [*super().get_readonly_fields(request, obj), *fixed]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fields = list(self.fields)
        if obj and not self.has_change_permission(request, obj):
            fields.remove("reason")
        return fields

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # withdraw it, so that the history stays whole

    def save_model(self, request: HttpRequest, obj: Consent, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        ConsentChange.objects.create(
            contact=obj.contact,
            channel_kind=obj.channel_kind,
            use_case=obj.use_case,
            state=obj.state,
            source=f"staff: {request.user}"[:255],
            evidence={"note": form.cleaned_data["reason"]},
        )


@admin.register(ConsentChange)
class ConsentChangeAdmin(ByContact, ReadOnlyAdmin):
    list_display = ["contact", "channel_kind", "use_case", "state", "source", "created"]
    list_select_related = ["contact"]
    list_filter = [choice_filter("state", ConsentState), row_filter(Contact)]
