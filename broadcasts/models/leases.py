"""Leases: for how long a worker that claims a row keeps it."""

from datetime import timedelta

from django.conf import settings
from django.db.models.expressions import CombinedExpression
from django.db.models.functions import Now


def lease_end() -> CombinedExpression:
    """Return the end of a lease taken now, on the database's clock."""
    return Now() + timedelta(seconds=settings.LEASE_SECONDS)
