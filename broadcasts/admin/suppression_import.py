"""Taking a list of suppressions in, and giving it out."""

from collections.abc import Iterator
from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import path

from broadcasts import importing
from broadcasts.exceptions import InvalidInput
from broadcasts.exporting import suppressions_csv
from broadcasts.models import ChannelKind, Organization, Suppression, UseCase

from .access import Access, scoped
from .exports import Exportable

EVERYTHING = "everything"
JSON_LINES = (".jsonl", ".ndjson")


class StopsField(forms.ChoiceField):
    """What a suppression stops; cleaned to None where its reason decides, and to "" for everything."""

    def __init__(self, **kwargs: Any) -> None:
        by_reason = ("", "Marketing if unsubscribed or complained, else everything")
        choices = [by_reason, (EVERYTHING, "Everything"), *UseCase.choices]
        super().__init__(choices=choices, required=False, label="What it stops", **kwargs)

    def clean(self, value: Any) -> Any:
        return {"": None, EVERYTHING: ""}.get(chosen := super().clean(value), chosen)


class ListForm(forms.Form):
    organization = forms.ModelChoiceField(Organization.objects.none())
    file = forms.FileField(
        help_text="CSV whose first line names its columns, or a .jsonl file: address, channel_kind, reason, use_case, "
        "source; or hash, as an export of ours has it."
    )
    channel_kind = forms.ChoiceField(choices=ChannelKind.choices, help_text="Of lines that do not say.")
    reason = forms.ChoiceField(
        choices=Suppression.Cause.choices, initial=Suppression.Cause.IMPORT, help_text="Of lines that do not say."
    )
    use_case = StopsField(help_text="Of lines that do not say.")
    dry_run = forms.BooleanField(required=False, initial=True, label="Count only", help_text="Nothing is written.")

    def __init__(self, *args: Any, organizations: QuerySet[Organization], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choice: Any = self.fields["organization"]
        choice.queryset = organizations
        few = list(organizations[:2])
        if len(few) == 1:
            choice.initial, choice.widget = few[0], forms.HiddenInput()


class SuppressionLists(Exportable):
    """The pages for whole lists, for the suppressions' admin."""

    def csv(self, rows: QuerySet, organizations: QuerySet[Organization]) -> Iterator[str]:
        return suppressions_csv(rows)

    def get_urls(self) -> list:
        view = self.admin_site.admin_view(self.import_view)
        return [path("import/", view, name="broadcasts_suppression_import"), *super().get_urls()]

    def import_view(self, request: HttpRequest) -> HttpResponse:
        access = Access.of(request)
        if not access.may("write"):
            raise PermissionDenied
        organizations = scoped(Organization.objects.order_by("name"), access, "write")
        form = ListForm(request.POST or None, request.FILES or None, organizations=organizations)
        report = None
        if request.method == "POST" and form.is_valid():
            given = {name: value for name, value in form.cleaned_data.items() if value is not None}
            file = given.pop("file")
            try:
                report = importing.import_suppressions(
                    file,
                    given.pop("organization"),
                    json_lines=str(file.name).lower().endswith(JSON_LINES),
                    dry_run=given.pop("dry_run"),
                    defaults={**given, "source": str(file.name)},
                    by=access.user,
                )
            except InvalidInput as error:
                form.add_error("file", error.errors["file"])
        context = {"opts": self.opts, "title": "Import suppressions", "form": form, "report": report}
        shared = {**self.admin_site.each_context(request), "media": self.media + form.media}
        return TemplateResponse(request, "admin/broadcasts/suppression/import.html", {**shared, **context})
