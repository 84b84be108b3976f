from collections.abc import Iterator
from typing import Any, ClassVar

from django.http import StreamingHttpResponse
from rest_framework.renderers import BaseRenderer


class Csv(BaseRenderer):
    """Selects CSV in content negotiation; views stream the CSV and errors are JSON, so it renders nothing."""

    media_type = "text/csv"
    format = "csv"
    charset = "utf-8"


class AsTable:
    """A mixin for views: the actions in `tables` can return CSV too."""

    tables: ClassVar[frozenset[str]] = frozenset({"list"})

    def get_renderers(self: Any) -> list[Any]:
        return [*super().get_renderers(), *([Csv()] if self.action in self.tables else [])]  # type: ignore[misc]


def stream(text: Iterator[str], filename: str, content_type: str = "text/csv; charset=utf-8") -> StreamingHttpResponse:
    """Send a file of any length in constant memory."""
    headers = {"Content-Disposition": f'attachment; filename="{filename}"', "Cache-Control": "no-store"}
    return StreamingHttpResponse(text, content_type=content_type, headers=headers)
