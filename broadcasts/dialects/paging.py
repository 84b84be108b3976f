"""Pages of bare arrays, by number and size."""

from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers

MOST = 100


class PageSerializer(serializers.Serializer):
    page = serializers.IntegerField(required=False, default=1, min_value=1, max_value=10_000_000)


def cut(rows: QuerySet, page: int, size: int) -> list[Any]:
    """Return a page of rows, from 1; [] beyond the end."""
    begin = (page - 1) * size
    return list(rows[begin : begin + size])
