"""The forms of an import: the file with the options of its kind, and the mapping of its columns."""

from pathlib import Path
from typing import Any, ClassVar

from django import forms
from django.db import transaction
from django.http import HttpRequest
from django.utils.functional import cached_property

from broadcasts import importing
from broadcasts.mediums import PERSONAL
from broadcasts.models import Attribute, ImportJob, Medium, Organization, Segment, Suppression, UseCase

from .access import Access, scoped
from .suppressions import StopsField

Kind = ImportJob.Kind
SAMPLES = 2
OFFERED = 200  # segments and attributes
GUESSED = "cp1252"  # what a file that is not UTF-8 most likely is
JSON_LINES = (".jsonl", ".ndjson")
IGNORE = "-"
UNSAID = "Of lines that do not say."


class UploadForm(forms.Form):
    """Takes a file; what a kind of import asks beside it is a form of its own below."""

    kind: ClassVar[str]
    organization = forms.ModelChoiceField(Organization.objects.none(), empty_label=None)
    file = forms.FileField(help_text="CSV with a header, or JSON lines (.jsonl) with the fields of the API.")
    delimiter = forms.ChoiceField(
        required=False,
        label="Cells are separated by",
        choices=[("", "Found by itself"), (",", "Comma"), (";", "Semicolon"), ("tab", "Tab"), ("|", "Bar |")],
    )
    encoding = forms.ChoiceField(
        required=False,
        choices=[
            ("", "Found by itself"),
            ("utf-8-sig", "UTF-8"),
            ("cp1252", "Windows, Western European"),
            ("latin-1", "ISO 8859-1"),
            ("utf-16", "UTF-16"),
        ],
    )
    fieldsets: ClassVar[dict[str, list[str]]] = {}

    def __init__(self, *args: Any, access: Access, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.access = access
        organizations: Any = self.fields["organization"]
        organizations.queryset = scoped(Organization.objects.all(), access, "write")
        if access.only_organization:
            organizations.widget = forms.HiddenInput()
            organizations.initial = access.only_organization

    def grouped(self) -> list[tuple[str, list[forms.BoundField]]]:
        written = {"How it is written": ["delimiter", "encoding"]}
        return [(title, [self[name] for name in names]) for title, names in {**self.fieldsets, **written}.items()]

    def options(self) -> dict[str, Any]:
        """Return what the kind has beside the options of every file."""
        return {}

    def upload(self, request: HttpRequest) -> ImportJob:
        """Keep the file as an import that is not started yet; what cannot be read raises InvalidInput."""
        given = self.cleaned_data
        name = given["file"].name
        stored = importing.store(given["file"].chunks())
        is_json = Path(name).suffix.lower() in JSON_LINES
        try:
            with transaction.atomic():
                job = importing.upload(
                    given["organization"],
                    stored,
                    by=request.user,  # type: ignore[arg-type]
                    filename=name,
                    kind=self.kind,
                    format=ImportJob.Format.JSON_LINES if is_json else ImportJob.Format.CSV,
                    delimiter=given["delimiter"],
                    encoding=given["encoding"] or ("" if stored.is_readable else GUESSED),
                    **self.options(),
                )
                importing.sample(job, 1)
                return importing.start(job, dry_run=True) if is_json else job
        except BaseException:
            stored.discard()
            raise


class ContactsForm(UploadForm):
    kind = Kind.CONTACTS
    segment = forms.CharField(
        required=False,
        max_length=255,
        help_text="A static segment that everybody joins; one of a new name is made.",
        widget=forms.TextInput(attrs={"list": "segments"}),
    )
    use_case = forms.ChoiceField(
        required=False,
        label="They agreed to",
        choices=[("", "Nothing that this file tells"), *UseCase.choices],
        help_text="Written for those of whom nothing is known; nobody's opt-out is ever written over.",
    )
    medium = forms.ChoiceField(
        required=False,
        label="by",
        choices=[(medium.value, medium.label) for medium in PERSONAL],
    )
    source = forms.CharField(required=False, max_length=255, help_text="Where they said so, such as a form or a list.")
    wording = forms.CharField(
        required=False, widget=forms.Textarea(attrs={"rows": 2, "cols": 60}), help_text="The words they agreed to."
    )
    fieldsets = {
        "": ["organization", "file", "segment"],
        "Consent": ["use_case", "medium", "source", "wording"],
    }

    @cached_property
    def segment_names(self) -> list[str]:
        rows = scoped(Segment.objects.filter(kind=Segment.Kind.STATIC), self.access, "write").order_by("name")
        return list(rows.values_list("name", flat=True)[:OFFERED])

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("use_case"):
            for name in ("source", "wording"):
                if not cleaned.get(name):
                    self.add_error(name, "Say it; without it nobody can prove the consent later.")
        return cleaned

    def options(self) -> dict[str, Any]:
        given = self.cleaned_data
        consent = {key: given[key] for key in ("use_case", "medium", "source", "wording")}
        return {"segment": given["segment"], "consent": consent if given["use_case"] else None}


class AttendancesForm(UploadForm):
    kind = Kind.ATTENDANCES
    create = forms.BooleanField(required=False, label="Make contacts", help_text="Add people who are not known yet.")
    fieldsets = {"": ["organization", "file", "create"]}

    def options(self) -> dict[str, Any]:
        return {"create": self.cleaned_data["create"]}


class SuppressionsForm(UploadForm):
    kind = Kind.SUPPRESSIONS
    medium = forms.ChoiceField(choices=Medium.choices, help_text=UNSAID)
    reason = forms.ChoiceField(choices=Suppression.Cause.choices, initial=Suppression.Cause.IMPORT, help_text=UNSAID)
    use_case = StopsField(help_text=UNSAID)
    fieldsets = {"": ["organization", "file", "medium", "reason", "use_case"]}

    def options(self) -> dict[str, Any]:
        given = self.cleaned_data
        said = {name: given[name] for name in ("medium", "reason", "use_case") if given[name] is not None}
        return {"defaults": {**said, "source": given["file"].name}}


UPLOADS: dict[str, type[UploadForm]] = {form.kind: form for form in (ContactsForm, AttendancesForm, SuppressionsForm)}


class ColumnsForm(forms.Form):
    """For each column of the file: the field that it fills, and the type of a new attribute."""

    def __init__(self, *args: Any, job: ImportJob, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.job = job
        self.columns, records = importing.sample(job, SAMPLES)
        self.samples = [record.cells for record in records if not record.fault]
        words = importing.kind_of(job).vocabulary
        known = (
            Attribute.objects.for_organization(job.organization_id) if words.attributes else Attribute.objects.none()
        )
        self.known = dict(known.values_list("key", "label")[:OFFERED])
        named = [(name, name.replace("_", " ").capitalize()) for name in words.fields]
        types = [("", "By its values"), *Attribute.Type.choices]
        for column in self.columns:
            choices: list[Any] = [(IGNORE, "Ignore it"), ("Fields", named)]
            if words.attributes:
                choices += self.attribute_choices(column)
                self.fields[f"type_{column.index}"] = forms.ChoiceField(choices=types, required=False)
                self.fields[f"type_{column.index}"].widget.attrs["aria-label"] = f"Type of {column.header}"
            field = forms.ChoiceField(choices=choices, initial=column.target or IGNORE)
            field.widget.attrs["aria-label"] = f"What {column.header or 'the column without a header'} is"
            self.fields[f"column_{column.index}"] = field

    def attribute_choices(self, column: importing.Column) -> list[Any]:
        known = [(f"attributes.{key}", label or key) for key, label in self.known.items()]
        key = column.attribute or importing.attribute_key(column.header)
        new = [(f"attributes.{key}", f"New attribute “{key}”")] if key and key not in self.known else []
        return [*new, *([("Attributes", known)] if known else [])]

    def rows(self) -> list[dict[str, Any]]:
        """What the page shows of each column."""
        return [
            {
                "header": column.header or f"Column {column.index + 1}",
                "samples": [cells[column.index] if column.index < len(cells) else "" for cells in self.samples],
                "target": self[f"column_{column.index}"],
                "type": self[f"type_{column.index}"] if f"type_{column.index}" in self.fields else "",
            }
            for column in self.columns
        ]

    def start(self) -> None:
        given = self.cleaned_data
        mapping = {f"column {column.index + 1}": given[f"column_{column.index}"] for column in self.columns}
        types = {
            mapping[f"column {column.index + 1}"].removeprefix("attributes."): given[f"type_{column.index}"]
            for column in self.columns
            if mapping[f"column {column.index + 1}"].startswith("attributes.") and given.get(f"type_{column.index}")
        }
        importing.start(self.job, mapping=mapping, types=types, dry_run=True)
