"""Errors in the format of a dialect, from the same exceptions as the native API's."""

from collections.abc import Iterator, Mapping
from typing import Any

from rest_framework.response import Response

from broadcasts.api.errors import NativeApi

WHOLE = ("non_field_errors", "detail")  # the keys of errors that concern no field


class DialectApi(NativeApi):
    """The error format of another product's API."""

    def refusal(self, status: int, text: str, fields: dict[str, list[str]]) -> object:
        """Return an error's body: a readable sentence, and for a 400 the messages by field."""
        raise NotImplementedError

    def fields(self, errors: dict[str, list[str]]) -> dict[str, list[str]]:
        """Return those errors that are shown by field."""
        return {name: texts for name, texts in errors.items() if name not in WHOLE}

    def shape(self, status: int, text: str) -> object:
        return self.refusal(status, text, {})

    def handle(self, exc: Exception, context: dict[str, Any]) -> Response | None:
        response = super().handle(exc, context)
        if response is not None:
            fields = by_field(response.data)
            response.data = self.refusal(response.status_code, sentence(fields), self.fields(fields))
        return response


def by_field(data: Any) -> dict[str, list[str]]:
    """Flatten the errors of a serializer: {field: messages}, each message with its path within the field."""
    errors: Mapping[str, Any] = data if isinstance(data, Mapping) else {WHOLE[0]: data}
    return {name: [f"{path}: {text}" if path else text for path, text in _walk(told)] for name, told in errors.items()}


def sentence(fields: Mapping[str, list[str]]) -> str:
    """Return all messages as one text, each after the name of its field."""
    told = [text if name in WHOLE else f"{name}: {text}" for name, texts in fields.items() for text in texts]
    return " ".join(told) or "The request was refused."


def _walk(told: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(told, Mapping):
        for key, value in told.items():
            step = f"[{key}]" if isinstance(key, int) else f".{key}" if path else str(key)
            yield from _walk(value, path if key in WHOLE else path + step)
    elif isinstance(told, list | tuple):
        for place, each in enumerate(told):  # the errors of a list's items are objects, one for each
            nested = isinstance(each, Mapping | list)
            yield from _walk(each, f"{path}[{place}]" if nested else path)
    else:
        yield path, str(told)
