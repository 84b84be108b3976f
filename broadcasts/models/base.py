"""What all rows share: a public uuid, two times, and a way to start from one organization."""

import os
import time
import uuid
from typing import ClassVar, Self, TypeVar

from django.db import models


def uuid7() -> uuid.UUID:
    """Make a time-ordered UUID (RFC 9562, version 7), so that a million inserts share index pages."""
    value = (time.time_ns() // 1_000_000) << 80 | int.from_bytes(os.urandom(10), "big")
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return uuid.UUID(int=value)


_Row = TypeVar("_Row", bound=models.Model)


class OrganizationQuerySet(models.QuerySet[_Row]):
    """Every query from outside starts with `for_organization`."""

    def for_organization(self, organization: models.Model | int) -> Self:
        pk = organization if isinstance(organization, int) else organization.pk
        path = getattr(self.model, "organization_path")  # noqa: B009  (each of our models says it)
        return self.filter(**{"pk" if path == "pk" else f"{path}_id": pk})

    def transition(self, **changes: object) -> bool:
        """Apply a conditional UPDATE; True when exactly one row changed, so that its owner is known."""
        changed = self.update(**changes)
        assert changed <= 1, "a transition is of one row"
        return changed == 1


class Base(models.Model):
    """A row with a public uuid, belonging to an organization through `organization_path`."""

    organization_path: ClassVar[str] = "organization"

    uuid = models.UUIDField(default=uuid7, unique=True, editable=False)
    created = models.DateTimeField(auto_now_add=True)
    modified = models.DateTimeField(auto_now=True)

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        abstract = True
