import json
import re
from collections.abc import Mapping
from io import BytesIO
from typing import Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser

HALF_CHARACTER = re.compile(rb"\\u[dD][89a-fA-F]")


class Json(JSONParser):
    """JSON whose depth is no attack, and whose text can be written down again."""

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Mapping | None = None) -> Any:
        raw = stream.read()
        try:
            data = super().parse(BytesIO(raw), media_type, parser_context)
            if HALF_CHARACTER.search(raw):
                json.dumps(data, ensure_ascii=False).encode()
        except RecursionError:
            raise ParseError("JSON parse error - it is nested too deeply.") from None
        except UnicodeEncodeError:
            raise ParseError("JSON parse error - it holds half of a surrogate pair.") from None
        return data
