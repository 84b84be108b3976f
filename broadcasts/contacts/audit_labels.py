"""Replace a contact's name by its uuid in the labels of audit entries, both ours and the admin's."""

from typing import Any

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model, QuerySet

from broadcasts.models import Attendance, AuditEntry, Consent, Contact, Member, SegmentMember

# Models whose labels begin with the name of the contact.
CALLED_BY_NAME: tuple[type[Model], ...] = (Consent, Attendance, SegmentMember)


def forget_labels(contact: Contact, model: type[Model], rows: QuerySet[Any]) -> None:
    """Replace the labels of the entries about some rows by the contact's uuid."""
    pks = list(rows.values_list("pk", flat=True))
    label = str(contact.uuid)
    entries = AuditEntry.objects.for_organization(contact.organization_id)
    entries.filter(model=model._meta.model_name, object_id__in=pks).update(label=label)
    kind = ContentType.objects.get_for_model(model)
    LogEntry.objects.filter(content_type=kind, object_id__in=[str(pk) for pk in pks]).update(object_repr=label)


def forget_name(contact: Contact) -> None:
    """Replace the contact's name in entries about its rows, deleted ones included; namesakes lose theirs as well."""
    staff = Member.objects.for_organization(contact.organization_id).values("user")
    entries = AuditEntry.objects.for_organization(contact.organization_id)
    for model in CALLED_BY_NAME:
        named = entries.filter(model=model._meta.model_name, label__startswith=str(contact))
        named.update(label=str(contact.uuid))
        kind = ContentType.objects.get_for_model(model)
        told = LogEntry.objects.filter(content_type=kind, user__in=staff, object_repr__startswith=str(contact))
        told.update(object_repr=str(contact.uuid))
