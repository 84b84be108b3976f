"""Segments and their members."""

from django.db import models
from django.db.models.functions import Lower

from .base import Base, OrganizationQuerySet
from .contacts import Contact
from .fields import VocabularyField
from .organizations import Organization


class Segment(Base):
    """A named set of contacts, defined by rules (dynamic) or by membership (static)."""

    class Kind(models.TextChoices):
        DYNAMIC = "dynamic", "By rule"
        STATIC = "static", "By membership"

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="segments")
    name = models.CharField(max_length=255)
    kind = VocabularyField(max_length=10, choices=Kind, default=Kind.DYNAMIC)
    rules = models.JSONField(default=dict, blank=True, help_text='Such as {"language": "es"}.')
    contacts_count = models.PositiveIntegerField(null=True, editable=False)
    counted_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                "organization",
                Lower("name"),
                name="segment_name_ci",
                violation_error_message="There is a segment of this name already.",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class SegmentMember(models.Model):
    """A contact in a static segment."""

    organization_path = "segment__organization"

    segment = models.ForeignKey(Segment, models.CASCADE, related_name="members", db_index=False)
    contact = models.ForeignKey(Contact, models.CASCADE, related_name="segment_members")  # a contact's segments
    created = models.DateTimeField(auto_now_add=True)

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        constraints = [
            # The audience query reads the contacts of a static segment.
            models.UniqueConstraint(fields=["segment", "contact"], name="segment_member_once"),
        ]

    def __str__(self) -> str:
        return f"{self.contact} in {self.segment}"
