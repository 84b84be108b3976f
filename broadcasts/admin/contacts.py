from operator import itemgetter
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import F, QuerySet
from django.http import HttpRequest

from broadcasts import audience, contacts
from broadcasts.database import as_id
from broadcasts.exceptions import InvalidInput
from broadcasts.explaining import history, story
from broadcasts.languages import language_name
from broadcasts.mediums import ADDRESS_FIELDS
from broadcasts.models import Attribute, Contact, Medium, Organization, Segment, Suppression

from .access import Access, has_more_than, scoped
from .base import OrganizationAdmin, OrganizationForm
from .begin import SendToChosen
from .by_contact import is_list
from .consents import with_history
from .contact_actions import ContactAdminActions
from .explanations import AskForm, ExplainView
from .filters import choice_filter
from .members import SegmentActions
from .search import find_contacts

RECENT = 50
REPLIES = 10
FEW = 20_000  # so many rows are sorted in no time
WALKED = {"status", "language", "segment"}  # filters without an index


class SegmentListFilter(admin.SimpleListFilter):
    """The contacts of a segment, as an audience of it would find them."""

    title = "segment"
    parameter_name = "segment"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        value = str(self.used_parameters.get(self.parameter_name) or "")
        rows = scoped(Segment.objects.select_related("organization"), Access.of(request))
        self.row = rows.filter(pk=as_id(value) or 0).first() if value else None
        return [(value, str(self.row or "not found"))] if value else []

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        if not self.value():
            return queryset
        if self.row is None:
            return queryset.none()
        rows = queryset.alias(of=F("organization_id") + 0).filter(of=self.row.organization_id)
        if self.row.kind == Segment.Kind.STATIC:
            members = list(self.row.members.order_by("contact").values_list("contact", flat=True)[: FEW + 1])
            if len(members) <= FEW:
                return rows.filter(pk__in=members)
        try:
            return rows & audience.segment_contacts(self.row).order_by()
        except InvalidInput as error:
            messages.error(request, f"The rules of “{self.row}” cannot be used: {error}")
            return queryset.none()


class LanguageFilter(admin.SimpleListFilter):
    title = "language"
    parameter_name = "language"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        rows = scoped(Organization.objects.all(), Access.of(request)).values_list("languages", flat=True)
        found = {tag for tags in rows[:100] for tag in tags}
        return sorted(((tag, language_name(tag)) for tag in found), key=itemgetter(1))

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        return queryset.filter(language=self.value()) if self.value() else queryset


class ContactForm(OrganizationForm):
    def _post_clean(self) -> None:
        """Show a duplicate address as an error of its field; the unique key is not in the form."""
        super()._post_clean()  # type: ignore[misc]
        contact = self.instance
        if contact.organization_id is None:
            return
        others = Contact.objects.for_organization(contact.organization_id).exclude(pk=contact.pk)
        for key, field in Contact.KEYS.items():
            value = getattr(contact, key)
            if field in self.fields and field not in self.errors and value:
                other = others.filter(**{key: value}).first()
                if other is not None:
                    self.add_error(field, ValidationError(f"The contact “{other}” (id {other.pk}) has this already."))


@admin.register(Contact)
class ContactAdmin(SendToChosen, SegmentActions, ContactAdminActions, ExplainView, OrganizationAdmin):
    form = ContactForm
    list_display = ["__str__", "email", "phone", "language", "status", "organization", "created"]
    list_select_related = ["organization"]
    list_filter = [choice_filter("status", Contact.Status), LanguageFilter, SegmentListFilter]
    search_fields = ["email_key"]
    search_help_text = (
        "How words of a name or an e-mail address begin, such as “gar mar” for María García; or a phone number, "
        "external id, id or uuid."
    )
    sortable_by = []  # a million rows are listed newest first only
    autocomplete_fields = ["organization"]
    readonly_fields = ["uuid", "last_seen_at", "created", "modified"]
    delete_act = "manage"
    change_form_template = "admin/broadcasts/contact/change_form.html"
    fieldsets = [
        (None, {"fields": ["organization", "full_name", "status"]}),
        ("Addresses", {"fields": [*ADDRESS_FIELDS, "external_id"]}),
        ("What is known", {"fields": ["language", "time_zone", "attributes", "no_tracking"]}),
        ("Record", {"fields": ["uuid", "last_seen_at", "created", "modified"], "classes": ["collapse"]}),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        rows = super().get_queryset(request)
        organizations = Access.of(request).organizations()
        if organizations and is_list(request) and WALKED & set(request.GET) and has_more_than(rows, FEW):
            # Reads the table in its own order; the index by organization would fetch its rows one by one.
            rows = Contact.objects.alias(owner=F("organization_id") + 0).filter(owner__in=organizations)
        return rows

    def get_search_results(self, request: HttpRequest, queryset: QuerySet, search_term: str) -> tuple[QuerySet, bool]:
        term = search_term.strip()
        return (queryset.filter(pk__in=find_contacts(queryset, term)) if term else queryset), False

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "attributes":
            kwargs["widget"] = forms.Textarea(attrs={"rows": 6, "cols": 60, "spellcheck": "false"})
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def save_model(self, request: HttpRequest, obj: Contact, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        Attribute.register(obj.organization, obj.attributes)

    def delete_model(self, request: HttpRequest, obj: Contact) -> None:
        contacts.delete(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet) -> None:
        for contact in queryset.order_by("pk").iterator():
            contacts.delete(contact)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> Any:
        contact = self.get_object(request, object_id)
        shown = about(contact, request) if contact is not None else {}
        return super().change_view(request, object_id, form_url, {**shown, **(extra_context or {})})


def about(contact: Contact, request: HttpRequest) -> dict[str, Any]:
    """Gather what a contact's page answers: consents, suppressions, segments, and why it did or did not get what."""
    before = request.GET.get("before", "")
    told, older = history(contact, as_id(before))
    return {
        "consents": with_history(contact.consents.order_by("medium", "use_case")),
        "suppressions": Suppression.objects.for_organization(contact.organization_id)
        .filter(medium__in=Medium.values, address_hash__in=contact.hashes)
        .order_by(),  # by any order of the table's, the planner would walk the organization's whole list
        "memberships": contact.segment_members.select_related("segment").order_by("segment__name")[:RECENT],
        "told": [(broadcast, [(one, story(one)) for one in copies]) for broadcast, copies in told],
        "older": older,
        "replies": contact.inbound.select_related("channel", "broadcast").order_by("-pk")[:REPLIES],
        "ask": AskForm(None, Access.of(request)),
    }
