"""The actions on an import: upload, start, stop, and perform after a dry run."""

import os
import shutil
from collections.abc import Mapping
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.db.models.functions import Now

from broadcasts.exceptions import InvalidInput, WrongState
from broadcasts.filetypes import clean_name
from broadcasts.models import Attribute, AuditEntry, ImportJob, Organization, User
from broadcasts.queue import enqueue

from .columns import Column, attribute_key, described
from .consents import validate_consent
from .job import Source, find_segment
from .kinds import KINDS
from .reading import Record
from .storing import Stored, store
from .suppressions import validate_defaults

__all__ = ["begin", "perform", "sample", "start", "stop", "store", "upload"]

Status = ImportJob.Status
TABS = {"tab": "\t", "\\t": "\t"}
ORPHANED = timedelta(minutes=1)  # a command that committed no chunk for longer is considered dead


def begin(organization: Organization, stored: Stored, *, by: User | None = None, **options: Any) -> ImportJob:
    """Upload a stored file and start; options as of both. The file is discarded if it cannot be imported."""
    try:
        with transaction.atomic():
            chosen = {name: options.pop(name) for name in ("mapping", "types", "dry_run") if name in options}
            job = upload(organization, stored, by=by, **options)
            return start(job, **chosen)
    except BaseException:
        stored.discard()
        raise


def upload(
    organization: Organization,
    stored: Stored,
    *,
    kind: str = ImportJob.Kind.CONTACTS,
    format: str = ImportJob.Format.CSV,
    filename: str = "",
    segment: str = "",
    delimiter: str = "",
    encoding: str = "",
    consent: Mapping[str, str] | None = None,
    create: bool = False,
    defaults: Mapping[str, str] | None = None,
    by: User | None = None,
) -> ImportJob:
    """Create an import, not started yet, of a stored file; raises InvalidInput for options that do not fit.

    segment: the name or uuid of a static segment that all contacts in the file join.
    consent: the consent that these contacts gave, see `validate_consent`.
    create: create unknown contacts; for attendances.
    defaults: values for columns that are blank or missing; for suppressions, see `validate_defaults`.
    """
    given = {"segment": segment, "consent": consent, "create": create, "defaults": defaults}
    accepted = KINDS[ImportJob.Kind(kind)].options
    if wrong := [name for name, value in given.items() if value and name not in accepted]:
        raise InvalidInput({wrong[0]: f"An import of {kind} has none."})
    find_segment(organization, segment, make=False)
    options: dict[str, Any] = {
        "segment": segment.strip(),
        "delimiter": TABS.get(delimiter, delimiter),
        "encoding": encoding,
    }
    if consent:
        options["consent"] = validate_consent(consent)
    if create:
        options["create"] = True
    if defaults:
        options["defaults"] = validate_defaults(defaults)
    job = ImportJob(
        organization=organization,
        by=by,
        kind=kind,
        format=format,
        filename=clean_name(filename, default=""),
        source=stored.path.name,
        bytes_total=stored.size,
        options=options,
        status=Status.UPLOADED,
    )
    job.save()
    return job


def sample(job: ImportJob, n: int, *, is_final: bool = False) -> tuple[list[Column], list[Record]]:
    """Return the columns of an upload and its first n records; raises InvalidInput, or WrongState without a file."""
    if not job.source or not job.source_path.exists():
        raise WrongState("The file of this import is not here any more: upload it again.")
    with job.source_path.open("rb") as file:
        source = Source.of(job, file, is_final=is_final)
        return source.columns, list(islice(source.records, n))


def start(
    job: ImportJob, *, mapping: Mapping[str, str] | None = None, types: Mapping[str, str] | None = None, dry_run=False
) -> ImportJob:
    """Start the import of an upload in the background; raises InvalidInput, or WrongState if it was started already.

    mapping: {header or position, such as "column 3": field}, before the guess by header; "-" ignores a column.
    types: {key: type} of attributes that are not registered yet; by default inferred from the first values.
    """
    job.options |= {"mapping": _texts("mapping", mapping), "types": _texts("types", types)}
    for key, type_ in job.options["types"].items():
        if type_ not in Attribute.Type.values or key != attribute_key(key):
            raise InvalidInput({"types": f"{key[:40]}: “{type_[:40]}” is none of {', '.join(Attribute.Type.values)}."})
    columns, first = sample(job, 1, is_final=True)
    if job.format == ImportJob.Format.JSON_LINES and (not first or first[0].fault):
        raise InvalidInput({"file": first[0].fault if first else "It is empty: it needs one object on each line."})
    _check_room(job.organization, columns)
    with transaction.atomic():
        segment = find_segment(job.organization, job.options["segment"], make=not dry_run)
        if segment:
            job.options["segment"] = str(segment.uuid)
        mine = ImportJob.objects.filter(pk=job.pk, status=Status.UPLOADED).transition(
            status=Status.WAITING, dry_run=dry_run, mapping=described(columns), options=job.options, modified=Now()
        )
        if not mine:
            raise WrongState("This import was started already.")
        AuditEntry.write(job, "import", organization=job.organization, user=job.by, dry_run=dry_run)
        enqueue("run_import", job.pk)
    job.refresh_from_db()
    return job


def _check_room(organization: Organization, columns: list[Column]) -> None:
    """Raise InvalidInput if the columns would create more attributes than an organization may have."""
    keys = {column.attribute for column in columns if column.attribute}
    known = set(Attribute.objects.for_organization(organization).filter(key__in=keys).values_list("key", flat=True))
    if fault := Attribute.no_room_for(len(keys - known), organization):
        raise InvalidInput({"mapping": f"{fault} Ignore columns with -, or map them to attributes that there are."})


def _texts(name: str, given: object) -> dict[str, str]:
    if given is None:
        return {}
    if not isinstance(given, Mapping) or not all(isinstance(one, str) for pair in given.items() for one in pair):
        raise InvalidInput({name: 'Give an object of texts, such as {"Mail": "email", "Notes": "-"}.'})
    return dict(given)


def perform(rehearsal: ImportJob, *, by: User | None = None) -> ImportJob:
    """Start the import of a finished dry run's file and return it; idempotent."""
    if not rehearsal.is_rehearsed:
        raise WrongState("Only what a dry run went through can be imported like this.")
    if performance := ImportJob.objects.filter(rehearsal=rehearsal).first():
        return performance
    sample(rehearsal, 0)
    job = ImportJob(
        organization=rehearsal.organization,
        by=by,
        kind=rehearsal.kind,
        format=rehearsal.format,
        filename=rehearsal.filename,
        rehearsal=rehearsal,
        bytes_total=rehearsal.bytes_total,
        options=dict(rehearsal.options),
        status=Status.UPLOADED,
    )
    job.source = job.file("upload").name
    try:
        with transaction.atomic():
            job.save()
            _link(rehearsal.source_path, job.source_path)
            start(job, mapping=rehearsal.options["mapping"], types=rehearsal.options["types"])
    except IntegrityError:
        return ImportJob.objects.get(rehearsal=rehearsal)
    except BaseException:
        job.source_path.unlink(missing_ok=True)
        raise
    rehearsal.discard_upload()
    return job


def _link(source: Path, target: Path) -> None:
    """Hard-link a file, or copy it if the file system has no hard links."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def stop(job: ImportJob) -> None:
    """Stop an import: at once if no worker runs it, otherwise after the current chunk. Raises WrongState."""
    same = ImportJob.objects.filter(pk=job.pk)
    idle = Q(status__in=(Status.UPLOADED, Status.WAITING))
    orphaned = Q(status=Status.RUNNING, source="", modified__lt=Now() - ORPHANED)
    stopped = {"status": Status.STOPPED, "finished_at": Now(), "modified": Now()}
    if not (
        same.filter(idle | orphaned).transition(**stopped)
        or same.filter(status=Status.RUNNING).transition(stop_asked=True)
    ):
        job.refresh_from_db()
        raise WrongState(f"This import is {job.get_status_display().lower()} already.")
    job.refresh_from_db()
    job.discard_upload()
