"""Files become people: upload, say what the columns are, look at a dry run, then import, watched from here."""

from pathlib import Path
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.urls import path
from django.utils import timezone
from django.utils.functional import cached_property
from django.views.decorators.http import require_POST

from broadcasts import importing
from broadcasts.exceptions import BroadcastsError, InvalidInput
from broadcasts.models import Attribute, ChannelKind, Contact, ImportJob, Organization, Segment, UseCase

from .access import Access, scoped
from .base import ReadOnlyAdmin, list_url
from .filters import choice_filter
from .progress import words
from .search import as_id

Status = ImportJob.Status
SAMPLES = 2
SHOWN = 10  # refused rows
OFFERED = 200  # segments and attributes
GUESSED = "cp1252"  # what a file that is not UTF-8 most likely is
JSON_LINES = (".jsonl", ".ndjson")
COUNTS = ("created", "updated", "unchanged", "invalid", "suppressed")
IGNORE = "-"


class UploadForm(forms.Form):
    organization = forms.ModelChoiceField(Organization.objects.none(), empty_label=None)
    file = forms.FileField(help_text="CSV with a header, or JSON lines (.jsonl) with the fields of the API.")
    kind = forms.ChoiceField(label="What it holds", choices=ImportJob.Kind.choices)
    segment = forms.CharField(
        required=False, max_length=255, help_text="A static segment that everybody joins; one of a new name is made."
    )
    create = forms.BooleanField(
        required=False, label="Make contacts", help_text="Of attendances: add people who are not known yet."
    )
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
    use_case = forms.ChoiceField(
        required=False,
        label="They agreed to",
        choices=[("", "Nothing that this file tells"), *UseCase.choices],
        help_text="Written for those of whom nothing is known; nobody's opt-out is ever written over.",
    )
    channel_kind = forms.ChoiceField(
        required=False,
        label="by",
        choices=[(kind.value, kind.label) for kind in ChannelKind if kind != ChannelKind.WEBHOOK],
    )
    source = forms.CharField(required=False, max_length=255, help_text="Where they said so, such as a form or a list.")
    wording = forms.CharField(
        required=False, widget=forms.Textarea(attrs={"rows": 2, "cols": 60}), help_text="The words they agreed to."
    )
    fieldsets = {
        "": ["organization", "file", "kind", "segment", "create"],
        "How it is written": ["delimiter", "encoding"],
        "Consent": ["use_case", "channel_kind", "source", "wording"],
    }

    def __init__(self, *args: Any, access: Access, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.segments = scoped(Segment.objects.filter(kind=Segment.Kind.STATIC), access, "write").order_by("name")
        organizations: Any = self.fields["organization"]
        organizations.queryset = scoped(Organization.objects.all(), access, "write")
        if access.only_organization:
            organizations.widget = forms.HiddenInput()
            organizations.initial = access.only_organization
        self.fields["segment"].widget.attrs["list"] = "segments"

    def grouped(self) -> list[tuple[str, list[forms.BoundField]]]:
        return [(title, [self[name] for name in names]) for title, names in self.fieldsets.items()]

    @cached_property
    def segment_names(self) -> list[str]:
        return list(self.segments.values_list("name", flat=True)[:OFFERED])

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("use_case"):
            for name in ("source", "wording"):
                if not cleaned.get(name):
                    self.add_error(name, "Say it; without it nobody can prove the consent later.")
        return cleaned

    def upload(self, request: HttpRequest) -> ImportJob:
        """Keep the file as an import that is not started yet; what cannot be read raises InvalidInput."""
        given = self.cleaned_data
        name = given["file"].name
        stored = importing.store(given["file"].chunks())
        consent = {key: given[key] for key in ("use_case", "channel_kind", "source", "wording")}
        attendances = given["kind"] == ImportJob.Kind.ATTENDANCES
        is_json = Path(name).suffix.lower() in JSON_LINES
        options = {"create": given["create"]} if attendances else {"segment": given["segment"]}
        try:
            with transaction.atomic():
                job = importing.upload(
                    given["organization"],
                    stored,
                    by=request.user,  # type: ignore[arg-type]
                    filename=name,
                    kind=given["kind"],
                    format=ImportJob.Format.JSON_LINES if is_json else ImportJob.Format.CSV,
                    delimiter=given["delimiter"],
                    encoding=given["encoding"] or ("" if stored.is_readable else GUESSED),
                    consent=consent if given["use_case"] and not attendances else None,
                    **options,
                )
                importing.sample(job, 1)
                return importing.start(job, dry_run=True) if is_json else job
        except BaseException:
            stored.discard()
            raise


class ColumnsForm(forms.Form):
    """One row for each column of the file: what it is, and the type of an attribute that is new."""

    def __init__(self, *args: Any, job: ImportJob, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.job = job
        self.columns, records = importing.sample(job, SAMPLES)
        self.samples = [record.cells for record in records if not record.fault]
        attributes = job.kind == ImportJob.Kind.CONTACTS
        self.known = dict(
            Attribute.objects.for_organization(job.organization_id).values_list("key", "label")[:OFFERED]
            if attributes
            else []
        )
        fields = importing.FIELDS if attributes else importing.ATTENDANCE_FIELDS
        named = [(name, name.replace("_", " ").capitalize()) for name in fields]
        types = [("", "By its values"), *Attribute.Type.choices]
        for column in self.columns:
            choices: list[Any] = [(IGNORE, "Ignore it"), ("Fields", named)]
            if attributes:
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


@admin.register(ImportJob)
class ImportJobAdmin(ReadOnlyAdmin):
    list_display = [
        *("filename", "what", "status", "rows"),
        *(f"{name}_count" for name in COUNTS),
        *("by", "organization", "created"),
    ]
    list_select_related = ["organization", "by"]
    list_filter = [choice_filter("status", Status), choice_filter("kind", ImportJob.Kind), "dry_run"]
    search_fields = ["filename"]
    change_form_template = "admin/broadcasts/importjob/change_form.html"
    fields = [
        *("organization", "by", "filename", "kind", "format", "mapping", "options"),
        *("rehearsal", "created", "started_at", "finished_at", "uuid"),
    ]

    @admin.display(description="what")
    def what(self, job: ImportJob) -> str:
        return f"Dry run, {job.kind}" if job.dry_run else job.get_kind_display()

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may(request, "write", obj)

    def get_urls(self) -> list:
        def page(suffix: str, view: Any, name: str) -> Any:
            return path(f"<int:pk>/{suffix}/", self.admin_site.admin_view(view), name=f"broadcasts_importjob_{name}")

        return [
            page("columns", self.columns_view, "columns"),
            page("now", require_POST(self.now_view), "now"),
            page("stop", require_POST(self.stop_view), "stop"),
            page("errors", self.errors_view, "errors"),
            page("progress", self.progress_view, "progress"),
            *super().get_urls(),
        ]

    def job_for(self, request: HttpRequest, pk: int, act: str) -> ImportJob:
        """Return an import of the user's own organizations, or 404; 403 when this act is not the user's."""
        job = self.get_object(request, str(pk))
        if job is None:
            raise Http404
        if not self.may(request, act, job):
            raise PermissionDenied
        return job

    def page(self, request: HttpRequest, name: str, title: str, **context: Any) -> HttpResponse:
        shared = {**self.admin_site.each_context(request), "opts": self.opts, "title": title, "media": self.media}
        return TemplateResponse(request, f"admin/broadcasts/importjob/{name}.html", {**shared, **context})

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """Take a file."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        access = Access.of(request)
        form = UploadForm(access=access, initial=self.preset(request))
        if request.method == "POST":
            form = UploadForm(request.POST, request.FILES, access=access)
            if form.is_valid():
                try:
                    job = form.upload(request)
                except InvalidInput as error:
                    for field, message in error.errors.items():
                        form.add_error(field if field in form.fields else None, message)
                else:
                    return HttpResponseRedirect(self.next_url(job))
        return self.page(request, "upload", "Import people", form=form)

    def preset(self, request: HttpRequest) -> dict[str, Any]:
        """Take the segment that a link names, and its organization."""
        asked = as_id(request.GET.get("segment", "")) or 0
        rows = scoped(Segment.objects.filter(kind=Segment.Kind.STATIC), Access.of(request), "write")
        segment = rows.filter(pk=asked).first() if asked else None
        return {"segment": segment.name, "organization": segment.organization_id} if segment else {}

    def next_url(self, job: ImportJob) -> str:
        base = self.change_url(job.pk)
        return base.replace("/change/", "/columns/") if job.status == Status.UPLOADED else base

    def columns_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Say what each column is, then go through the file without writing anything."""
        job = self.job_for(request, pk, "write")
        if job.status != Status.UPLOADED:
            return HttpResponseRedirect(self.change_url(pk))
        try:
            form = ColumnsForm(request.POST or None, job=job)
        except BroadcastsError as error:
            messages.error(request, str(error))
            return HttpResponseRedirect(self.change_url(pk))
        if request.method == "POST" and form.is_valid():
            try:
                form.start()
            except BroadcastsError as error:
                form.add_error(None, str(error))
            else:
                return HttpResponseRedirect(self.change_url(pk))
        return self.page(
            request, "columns", f"Columns of {job.filename}", form=form, job=job, samples=range(len(form.samples))
        )

    def now_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Import what a dry run went through."""
        job = self.job_for(request, pk, "write")
        try:
            job = importing.perform(job, by=request.user)  # type: ignore[arg-type]
        except BroadcastsError as error:
            messages.error(request, str(error))
        return HttpResponseRedirect(self.change_url(job.pk))

    def stop_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        job = self.job_for(request, pk, "write")
        try:
            importing.stop(job)
            self.audit(request, job, "stop")
            messages.success(request, "It stops after the rows that are being written; what is done stays done.")
        except BroadcastsError as error:
            messages.error(request, str(error))
        return HttpResponseRedirect(self.change_url(pk))

    def errors_view(self, request: HttpRequest, pk: int) -> HttpResponse | StreamingHttpResponse:
        job = self.job_for(request, pk, "read")
        try:
            lines = importing.refused_lines(job)
        except BroadcastsError as error:
            messages.error(request, str(error))
            return HttpResponseRedirect(self.change_url(pk))
        headers = {"Content-Disposition": f'attachment; filename="{job.uuid}.errors.csv"'}
        return StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8", headers=headers)

    def progress_view(self, request: HttpRequest, pk: int) -> JsonResponse:
        response = JsonResponse(progress(self.job_for(request, pk, "read")))
        response["Cache-Control"] = "no-store"
        return response

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        job = self.get_object(request, object_id)
        shown: dict[str, Any] = {}
        if job is not None:
            shown = {
                "job": job,
                "title": f"{'Dry run' if job.dry_run else 'Import'} of {job.filename}",
                "subtitle": None,
                "progress": progress(job),
                "problems": importing.first_refused(job, SHOWN),
                "may_write": self.may(request, "write", job),
                "performance": ImportJob.objects.filter(rehearsal=job).first() if job.dry_run else None,
                "may_perform": job.is_rehearsed and bool(job.source) and job.rows > job.invalid_count,
                "may_stop": job.status in ImportJob.STOPPABLE,
                "people_url": list_url(Contact),
            }
        return super().change_view(request, object_id, form_url, {**shown, **(extra_context or {})})


def progress(job: ImportJob) -> dict[str, Any]:
    """Return the state, the counts, and how many rows the file seems to have, for the strip and its script."""
    finished = job.status not in ImportJob.AT_WORK
    ended = job.finished_at if finished and job.finished_at else timezone.now()
    seconds = (ended - job.started_at).total_seconds() if job.started_at else 0
    share = job.progress
    rows = round(job.rows / share) if share and job.status != Status.DONE else job.rows
    rate = job.rows / seconds if seconds > 0 else 0
    pending = rows - job.rows
    return {
        "status": job.status,
        "label": job.get_status_display(),
        "finished": finished,
        "error": job.error_message,
        "recipients": rows,
        "done": job.rows,
        "gone": job.rows,
        "pending": pending,
        "rate": round(rate, 1),
        "left": words(pending / rate) if rate and pending and not finished else "",
        "took": words(seconds) if job.status in ImportJob.FINISHED and job.started_at else "",
        "numbers": [
            {
                "name": name,
                "label": str(ImportJob._meta.get_field(f"{name}_count").verbose_name).capitalize(),  # type: ignore[union-attr]
                "value": getattr(job, f"{name}_count"),
            }
            for name in COUNTS
        ],
        "facts": [],
    }
