"""JSON and XML answers; both keep only the fields that the request asked for."""

import re
from collections.abc import Iterator, Mapping
from typing import Any
from xml.sax.saxutils import escape

from rest_framework.renderers import BaseRenderer

DECLARATION = '<?xml version="1.0" encoding="utf-8"?>\n'
# Characters that XML 1.0 forbids, https://www.w3.org/TR/xml/#charsets.
NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_.-]")  # of elements: a key may be what a client wrote
FORBIDDEN = {code: None for code in (*range(32), *range(0xD800, 0xE000), 0xFFFE, 0xFFFF) if code not in (9, 10, 13)}


class Xml(BaseRenderer):
    """An element for each key, below `root`; a list repeats the element of its key, and null is an empty one."""

    media_type = "application/xml"
    format = "xml"
    charset = "utf-8"

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> bytes:
        return (DECLARATION + "".join(_elements("root", data))).encode() if data is not None else b""


def _elements(name: str, value: Any) -> Iterator[str]:
    if isinstance(value, list | tuple):
        for each in value:
            yield from _elements(name, each)
        return
    name = re.sub(r"^(?![A-Za-z_])", "_", NOT_IN_NAMES.sub("_", name))
    yield f"<{name}>"
    if isinstance(value, Mapping):
        for key, each in value.items():
            yield from _elements(str(key), each)
    elif value is not None:
        text = str(value).lower() if isinstance(value, bool) else str(value)
        yield escape(text.translate(FORBIDDEN))
    yield f"</{name}>"
