import json
from typing import Any

from rest_framework.renderers import BaseRenderer


class Csv(BaseRenderer):
    """Marks that a table is asked for as CSV; views stream it themselves, so only errors come here."""

    media_type = "text/csv"
    format = "csv"
    charset = "utf-8"

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> bytes:
        return json.dumps(data, default=str).encode()
