"""The fields of a content's files and quick replies: lists that people edit, JSON that is stored."""

import json
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from broadcasts.json_field import JsonFormField


class FilesField(JsonFormField):
    """Attached files, [{"media": uuid}]; a script lists them by name beside the text area."""

    widget = forms.Textarea

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"required": False, **kwargs})
        self.widget.attrs |= {"data-files": "", "rows": 2, "spellcheck": "false"}

    def to_python(self, value: Any) -> Any:
        read = super().to_python(value)
        if read is not None and not isinstance(read, list):
            raise ValidationError('Give a list, such as [{"media": "<uuid>"}].')
        return read or []


class QuickRepliesField(forms.CharField):
    """Quick replies, one per line; those that are objects, which only the API writes, are shown as JSON."""

    widget = forms.Textarea

    def __init__(self, *, encoder: Any = None, decoder: Any = None, **kwargs: Any) -> None:
        super().__init__(**{"required": False, **kwargs})  # the other two are for JSON fields
        self.widget.attrs |= {"rows": 3}

    def prepare_value(self, value: Any) -> Any:
        if not isinstance(value, list):
            return value
        if all(isinstance(one, str) for one in value):
            return "\n".join(value)
        return json.dumps(value, ensure_ascii=False)

    def to_python(self, value: Any) -> Any:
        if isinstance(value, list):
            return value
        text = (super().to_python(value) or "").strip()
        if text.startswith("["):
            read = JsonFormField().to_python(text)
            return read if isinstance(read, list) else []
        return [line.strip() for line in text.splitlines() if line.strip()]

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return self.to_python(data or "") != (initial or [])
        except ValidationError:
            return True
