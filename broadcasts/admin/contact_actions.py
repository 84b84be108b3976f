"""What can be done with people beside editing them: export, one person's data, merge, erase."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse

from broadcasts import contacts, formats
from broadcasts.contacts import MERGED_AT_ONCE
from broadcasts.database import as_id
from broadcasts.exceptions import BroadcastsError
from broadcasts.exporting import contacts_csv, person_json
from broadcasts.models import AuditEntry, Contact, Delivery, Organization

from .access import Access, scoped
from .base import list_url, row_url
from .exports import Exportable, download

SHOWN = (*Contact.PROFILE, "attributes")


class MergeForm(forms.Form):
    keep = forms.ModelChoiceField(
        Contact.objects.none(), label="Keep", error_messages={"required": "Choose the one to keep."}
    )

    def __init__(self, *args: Any, contacts: QuerySet[Contact], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["keep"].queryset = contacts  # type: ignore[attr-defined]


class ContactAdminActions(Exportable):
    """The addresses and pages of the actions, for the contact's admin."""

    actions: Sequence[Any] | None = ["export_selected", "merge_selected"]

    def csv(self, rows: QuerySet, organizations: QuerySet[Organization]) -> Iterator[str]:
        return contacts_csv(rows, organizations)

    def get_urls(self) -> list:
        def page(route: str, view: Callable[..., HttpResponse], name: str) -> Any:
            return path(route, self.admin_site.admin_view(view), name=f"broadcasts_contact_{name}")

        return [
            page("merge/", self.merge_view, "merge"),
            page("<int:pk>/data/", self.data_view, "data"),
            page("<int:pk>/erase/", self.erase_view, "erase"),
            *super().get_urls(),
        ]

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        actions = super().get_actions(request)
        if not Access.of(request).may("manage"):
            actions.pop("merge_selected", None)
        return actions

    @admin.action(description="Merge selected, which are the same person")
    def merge_selected(self, request: HttpRequest, queryset: QuerySet) -> HttpResponse | None:
        pks = [str(pk) for pk in queryset.values_list("pk", flat=True)[: MERGED_AT_ONCE + 2]]
        if not 2 <= len(pks) <= MERGED_AT_ONCE + 1:
            messages.error(request, f"Select the contacts of one person: two at least, {MERGED_AT_ONCE + 1} at most.")
            return None
        return HttpResponseRedirect(f"{reverse('admin:broadcasts_contact_merge')}?contacts={','.join(pks)}")

    def merge_view(self, request: HttpRequest) -> HttpResponse:
        """Show the contacts side by side and ask which one to keep."""
        asked = [pk for part in request.GET.get("contacts", "").split(",") if (pk := as_id(part))]
        rows = scoped(Contact.objects.all(), Access.of(request), "manage").filter(pk__in=asked[: MERGED_AT_ONCE + 1])
        found = list(rows.prefetch_related("consents").order_by("pk"))
        if len(found) < 2:
            messages.error(request, "There are no two contacts here that you may merge.")
            return HttpResponseRedirect(list_url(Contact))
        form = MergeForm(request.POST if request.method == "POST" else None, contacts=rows)
        if request.method == "POST" and form.is_valid():
            keep = form.cleaned_data["keep"]
            try:
                contacts.merge(keep, [one for one in found if one.pk != keep.pk], by=Access.of(request).user)
            except BroadcastsError as error:
                messages.error(request, str(error))
            else:
                messages.success(request, f"{len(found)} contacts are one now: “{keep}”.")
                return HttpResponseRedirect(row_url(Contact, keep.pk))
        return self._page(request, "merge", "Merge contacts", form=form, contacts=found, lines=side_by_side(found))

    def data_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Give all that is kept about one person as a file."""
        contact = self._contact(request, pk)
        AuditEntry.write(contact, "export data", organization=contact.organization, user=request.user)
        return download(person_json(contact), f"contact-{contact.uuid}.json", "application/json")

    def erase_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Ask on GET, erase on POST."""
        contact = self._contact(request, pk)
        if request.method == "POST":
            contacts.erase(contact, by=Access.of(request).user, source="admin")
            messages.success(request, "The person is erased. Their addresses stay suppressed, by their hashes alone.")
            return HttpResponseRedirect(list_url(Contact))
        return self._page(request, "erase", f"Erase {contact}", contact=contact)

    def _contact(self, request: HttpRequest, pk: int) -> Contact:
        contact = self.get_object(request, str(pk))
        if contact is None:
            raise Http404
        if not Access.of(request).may("manage", contact.organization_id):
            raise PermissionDenied
        return contact

    def _page(self, request: HttpRequest, name: str, title: str, **context: Any) -> HttpResponse:
        shared = {**self.admin_site.each_context(request), "opts": self.opts, "title": title, "media": self.media}
        return TemplateResponse(request, f"admin/broadcasts/contact/{name}.html", {**shared, **context})


def side_by_side(contacts: list[Contact]) -> list[tuple[str, list[str]]]:
    """Return the rows of the comparison: a label and the value of each contact."""
    lines = []
    for name in SHOWN:
        cells = [getattr(contact, name) for contact in contacts]
        if name == "attributes":
            cells = ["; ".join(f"{key}: {value}" for key, value in sorted(one.items())) for one in cells]
        lines.append((str(Contact._meta.get_field(name).verbose_name), [str(one or "") for one in cells]))  # type: ignore[union-attr]
    copies = Delivery.objects.filter(contact__in=contacts).order_by().values("contact").annotate(n=Count("pk"))
    counts = dict(copies.values_list("contact", "n"))
    lines.append(("status", [contact.get_status_display() for contact in contacts]))
    lines.append(("consents", ["; ".join(map(consent, contact.consents.all())) for contact in contacts]))
    lines.append(("deliveries", [formats.number(counts.get(contact.pk, 0)) for contact in contacts]))
    lines.append(("added", [formats.moment(contact.created, contact.organization.zone) for contact in contacts]))
    return lines


def consent(row: Any) -> str:
    return f"{row.get_use_case_display()} by {row.get_medium_display()}: {row.get_state_display()}"
