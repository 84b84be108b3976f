from django.db import models

from .base import Base
from .organizations import Organization


class LinkCheck(Base):
    """Whether an address that content links to answers, as it was when it was asked last."""

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="link_checks", db_index=False)
    address = models.TextField()
    digest = models.CharField(max_length=64, editable=False)  # of the address, which may be too long for an index
    status_code = models.PositiveSmallIntegerField(null=True)  # None: it gave no answer
    fault = models.CharField(max_length=255, blank=True)  # why it gave none, or what is wrong with the answer
    checked_at = models.DateTimeField(null=True)  # None: it is asked soon
    asked_until = models.DateTimeField(null=True)  # by the task that claimed it; no other one asks meanwhile

    class Meta:
        constraints = [
            # Also finds the addresses of a message's links.
            models.UniqueConstraint(fields=["organization", "digest"], name="link_check_once"),
        ]
        indexes = [
            # `prune` deletes those that nobody has asked for since.
            models.Index(fields=["modified"], name="link_check_by_modified"),
        ]

    def __str__(self) -> str:
        return self.address
