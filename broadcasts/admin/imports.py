"""Imports in the admin: upload, mapping of columns, dry run, import and progress."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.urls import path
from django.utils import timezone
from django.views.decorators.http import require_POST

from broadcasts import importing
from broadcasts.database import as_id
from broadcasts.exceptions import BroadcastsError, InvalidInput
from broadcasts.formats import duration
from broadcasts.models import Attendance, Contact, ImportJob, Segment, Suppression

from .access import Access, scoped
from .base import ReadOnlyAdmin, list_url, number_column
from .filters import choice_filter
from .import_forms import UPLOADS, ColumnsForm

Kind = ImportJob.Kind
Status = ImportJob.Status
SHOWN = 10  # refused rows
COUNTS = ("created", "updated", "unchanged", "invalid", "suppressed")
# Where the rows of each kind are found afterwards.
LISTS = {Kind.CONTACTS: Contact, Kind.ATTENDANCES: Attendance, Kind.SUPPRESSIONS: Suppression}


@admin.register(ImportJob)
class ImportJobAdmin(ReadOnlyAdmin):
    list_display = [
        *("filename", "what", "status", number_column(ImportJob, "rows")),
        *(number_column(ImportJob, f"{name}_count") for name in COUNTS),
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
        asked = request.POST if request.method == "POST" else request.GET
        kind = next((kind for kind in Kind if kind == asked.get("kind")), Kind.CONTACTS)
        access = Access.of(request)
        form = UPLOADS[kind](access=access, initial=self.preset(request))
        if request.method == "POST":
            form = UPLOADS[kind](request.POST, request.FILES, access=access)
            if form.is_valid():
                try:
                    job = form.upload(request)
                except InvalidInput as error:
                    for field, message in error.errors.items():
                        form.add_error(field if field in form.fields else None, message)
                else:
                    return HttpResponseRedirect(self.next_url(job))
        return self.page(request, "upload", f"Import {kind}", form=form, kinds=Kind.choices, kind=kind)

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
        """Ask for the mapping of the columns, then start a dry run."""
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
                "doubts": importing.doubts_of(job),
                "segment": importing.segment_of(job),
                "may_write": self.may(request, "write", job),
                "performance": ImportJob.objects.filter(rehearsal=job).first() if job.dry_run else None,
                "may_perform": job.is_rehearsed and bool(job.source) and job.rows > job.invalid_count,
                "may_stop": job.status in ImportJob.STOPPABLE,
                "list_url": list_url(LISTS[Kind(job.kind)]),
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
        "left": duration(pending / rate) if rate and pending and not finished else "",
        "took": duration(seconds) if job.status in ImportJob.FINISHED and job.started_at else "",
        "numbers": [
            {
                "name": name,
                "label": str(ImportJob._meta.get_field(f"{name}_count").verbose_name).capitalize(),  # type: ignore[union-attr]
                "value": getattr(job, f"{name}_count"),
            }
            for name in COUNTS
            if name != "suppressed" or job.kind == Kind.CONTACTS
        ],
        "facts": [],
    }
