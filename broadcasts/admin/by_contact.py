"""Lists of rows that belong to a contact: found by it, and walked newest first."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from broadcasts.models import Contact

from .access import Access, has_more_than, scoped, within
from .search import find_contacts

FEW = 20_000
HELP = "The contact's whole address or id, or how words of its name or e-mail address begin."


class ByContact(admin.ModelAdmin):
    """Goes before OrganizationAdmin."""

    search_fields = ["contact__email_key"]
    search_help_text = HELP
    sortable_by = []

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """Where the user's contacts are few, start from them; else walking all rows backwards ends soon."""
        rows = super().get_queryset(request)
        organizations = Access.of(request).organizations()
        if organizations is None or not self.model.organization_path.startswith("contact__") or not is_list(request):
            return rows
        own = within(Contact.objects.all(), organizations)
        return rows if has_more_than(own, FEW) else self.model._default_manager.filter(contact__in=own.values("pk"))

    def get_search_results(self, request: HttpRequest, queryset: QuerySet, search_term: str) -> tuple[QuerySet, bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        contacts = scoped(Contact.objects.all(), Access.of(request))
        return queryset.filter(contact__in=find_contacts(contacts, term, limit=200)), False


def is_list(request: HttpRequest) -> bool:
    match = request.resolver_match
    return match is not None and (match.url_name or "").endswith("_changelist")
