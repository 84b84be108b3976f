"""A bound on what is written to disk of a form before anything looks at it."""

from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadhandler import FileUploadHandler

from broadcasts import formats

FIELDS_BYTES = 5 * 10**6  # what a form may hold beside its file


class LargestUpload(FileUploadHandler):
    """Refuse a form that is larger than any file we take; the smaller limit of each kind is told by its own form."""

    def handle_raw_input(self, input_data: Any, META: Any, content_length: int, *args: Any, **kwargs: Any) -> None:
        megabytes = max(settings.IMPORT_MAX_MB, settings.MEDIA_MAX_MB)
        if content_length > megabytes * 10**6 + FIELDS_BYTES:
            raise RequestDataTooBig(f"A form with a file is larger than {formats.number(megabytes)} MB.")

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        return raw_data

    def file_complete(self, file_size: int) -> None:
        return None
