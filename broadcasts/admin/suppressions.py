"""The suppression list: what stops an address, until when, the report that made it, and lifting it with a reason."""

from collections.abc import Iterator
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.safestring import mark_safe

from broadcasts import consenting, formats
from broadcasts.exporting import suppressions_csv
from broadcasts.mediums import address_hash, address_key, typed_address
from broadcasts.models import Delivery, Medium, Organization, Suppression, UseCase

from .access import Access, scoped
from .base import OrganizationAdmin, OrganizationForm, link, list_url, row_url
from .exports import Exportable
from .filters import choice_filter

EVERYTHING = "everything"
REPORT = {"code": "Code", "words": "The server's words", "reporter": "Reported by", "at": "At"}


class LiftForm(forms.Form):
    reason = forms.CharField(
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3, "cols": 60}),
        help_text="Why it may be sent to again, such as: she emptied her mailbox on 4 May. It is kept in the audit.",
    )


class ExpiryFilter(admin.SimpleListFilter):
    title = "expiry"
    parameter_name = "expires"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "Expires by itself"), ("no", "Never expires")]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        match self.value():
            case "yes":
                return queryset.filter(expires_at__isnull=False)
            case "no":
                return queryset.filter(expires_at=None)
        return queryset


class StopsField(forms.ChoiceField):
    """What a suppression stops; cleaned to None where its reason decides, and to "" for everything."""

    def __init__(self, **kwargs: Any) -> None:
        by_reason = ("", "Marketing if unsubscribed or complained, else everything")
        choices = [by_reason, (EVERYTHING, "Everything"), *UseCase.choices]
        super().__init__(choices=choices, required=False, label="What it stops", **kwargs)

    def clean(self, value: Any) -> Any:
        return {"": None, EVERYTHING: ""}.get(chosen := super().clean(value), chosen)


class SuppressionForm(OrganizationForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "address" in self.fields:
            self.fields["address"].required = True
            self.fields["use_case"] = StopsField()

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if cleaned.get("use_case") is None:
            cleaned["use_case"] = Suppression.stops(cleaned.get("reason", ""))
        if (ends := cleaned.get("expires_at")) and ends <= timezone.now():
            self.add_error("expires_at", "This has passed: choose a time that is still to come, or leave it blank.")
        organization, medium, address = (cleaned.get(name) for name in ("organization", "medium", "address"))
        if not (organization and medium and address):
            return cleaned
        try:
            cleaned["address"] = typed_address(medium, address, organization.country)
        except ValidationError as error:
            self.add_error("address", error)
            return cleaned
        same = Suppression.objects.for_organization(organization).filter(
            Q(use_case="") | Q(use_case=cleaned.get("use_case")),
            medium=medium,
            address_hash=consenting.hash_of(cleaned["address"]),
            reason=cleaned.get("reason"),
        )
        if same.exists():
            self.add_error("address", "This address is suppressed for this reason already.")
        return cleaned


@admin.register(Suppression)
class SuppressionAdmin(Exportable, OrganizationAdmin):
    """Suppressions: `write` may add them, `manage` may lift them with a reason, and they cannot be changed."""

    form = SuppressionForm
    list_display = ["address_or_hash", "medium", "cause", "ends", "use_case", "source", "organization", "created"]
    list_select_related = ["organization"]
    list_filter = [choice_filter("medium", Medium), choice_filter("reason", Suppression.Cause, "cause"), ExpiryFilter]
    search_fields = ["address"]
    search_help_text = "A whole e-mail address or phone number."
    sortable_by = []
    autocomplete_fields = ["organization"]
    fields = ["organization", "medium", "address", "reason", "use_case", "source", "expires_at"]
    delete_act = "manage"
    actions = ["export_selected", "lift_selected"]
    change_form_template = "admin/broadcasts/suppression/change_form.html"

    def csv(self, rows: QuerySet, organizations: QuerySet[Organization]) -> Iterator[str]:
        return suppressions_csv(rows)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return [*self.fields, *(["created", "copy", "told"] if obj else [])]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        return [*super().get_readonly_fields(request, obj), *(["copy", "told"] if obj else [])]

    @admin.display(description="address")
    def address_or_hash(self, row: Suppression) -> str:
        return row.address or row.address_hash

    @admin.display(description="cause")
    def cause(self, row: Suppression) -> str:
        return row.get_reason_display()

    @admin.display(description="expires")
    def ends(self, row: Suppression) -> str:
        return formats.moment(row.expires_at, timezone.get_current_timezone()) if row.expires_at else "never"

    @admin.display(description="delivery")
    def copy(self, row: Suppression) -> str:
        """The copy that came back, as long as the log has it."""
        found = Delivery.objects.filter(pk=row.delivery or 0).select_related("message__broadcast").first()
        return link(found, found.message.broadcast) if found else "-"

    @admin.display(description="what the report said")
    def told(self, row: Suppression) -> str:
        report = row.report or {}
        lines = [(label, report[name]) for name, label in REPORT.items() if report.get(name)]
        return format_html_join(mark_safe("<br>"), "{}: {}", lines) or "-"

    def change_view(self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None) -> Any:
        row = self.get_object(request, object_id)
        may_lift = row is not None and self.has_delete_permission(request, row)
        context = {"show_delete": False, "may_lift": may_lift}
        return super().change_view(request, object_id, form_url, {**context, **(extra_context or {})})

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        actions = super().get_actions(request)
        return {name: one for name, one in actions.items() if name != "lift_selected" or self.may(request, "manage")}

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """Lift one suppression: it is not deleted without a reason."""
        row = self.get_object(request, object_id)
        if row is None or not self.has_delete_permission(request, row):
            return super().delete_view(request, object_id, extra_context)  # which tells it
        answer = self._lift(request, Suppression.objects.filter(pk=row.pk), back=row_url(Suppression, row.pk))
        return answer or HttpResponseRedirect(list_url(Suppression))

    @admin.action(description="Lift, with a reason")
    def lift_selected(self, request: HttpRequest, queryset: QuerySet) -> HttpResponse | None:
        rows = scoped(queryset, Access.of(request), "manage")
        if not rows.exists():
            messages.warning(request, "None of these may be lifted by you: nothing was done.")
            return None
        return self._lift(request, rows, back=list_url(Suppression), ticked=True)

    def _lift(self, request: HttpRequest, rows: QuerySet, *, back: str, ticked: bool = False) -> HttpResponse | None:
        """Ask for the reason, then lift; None once it is done."""
        form = LiftForm(request.POST if "confirmed" in request.POST else None)
        if form.is_bound and form.is_valid():
            n = consenting.lift_by_staff(rows, by=Access.of(request).user, reason=form.cleaned_data["reason"])
            messages.success(request, f"{formats.number(n)} lifted: what was sent there can be sent there again.")
            return None
        shown = list(rows.order_by("pk")[: consenting.LIFTED_AT_ONCE + 1])
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Lift suppressions" if ticked else "Lift a suppression",
            "form": form,
            "rows": shown[: consenting.LIFTED_AT_ONCE],
            "more": len(shown) > consenting.LIFTED_AT_ONCE,
            "limit": consenting.LIFTED_AT_ONCE,
            "ticked": ticked,
            "back": back,
        }
        return TemplateResponse(request, "admin/broadcasts/suppression/lift.html", context)

    def save_model(self, request: HttpRequest, obj: Suppression, form: Any, change: bool) -> None:
        self.check_may_save(request, obj, change)
        place = (obj.organization, obj.medium, obj.address, obj.reason, obj.use_case, obj.source)
        row = consenting.suppress(*place, expires_at=obj.expires_at)
        assert row is not None  # the form checked its address
        obj.pk = row.pk

    def get_search_results(self, request: HttpRequest, queryset: QuerySet, search_term: str) -> tuple[QuerySet, bool]:
        if not search_term.strip():
            return queryset, False
        hashes = []
        for medium in Medium.values:
            try:
                hashes.append(address_hash(address_key(medium, search_term)))
            except ValidationError:
                continue
        # By every medium, as the index begins with it.
        return queryset.filter(medium__in=Medium.values, address_hash__in=[one for one in hashes if one]), False
