"""Pages of bare arrays, by number and size."""

from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers

MOST = 100


class PageSerializer(serializers.Serializer):
    page = serializers.IntegerField(required=False, default=1, min_value=1, max_value=10_000_000)


def window(page: int, size: int) -> slice:
    """Return the part of a list that a page shows, from page 1 on."""
    return slice((page - 1) * size, page * size)


def cut(rows: QuerySet, page: int, size: int) -> list[Any]:
    """Return a page of rows; [] beyond the end."""
    return list(rows[window(page, size)])
