"""Uploaded files for providers: their addresses are signed and expire."""

from django.http import FileResponse, Http404, HttpRequest
from django.views.decorators.http import require_safe

from broadcasts import links
from broadcasts.filetypes import SHOWN, clean_name, file_type
from broadcasts.models import Media


@require_safe
def file(request: HttpRequest, token: str) -> FileResponse:
    """Serve a file to who has an address that has not expired; all others get 404."""
    media = Media.objects.filter(pk=links.media_id(token) or 0).first()
    if media is None:
        raise Http404
    try:
        content = media.file.open("rb")
    except OSError:
        raise Http404 from None
    media_type = file_type(content, media.filename).media_type
    is_download = media_type not in SHOWN
    name = clean_name(str(media))
    response = FileResponse(content, as_attachment=is_download, filename=name, content_type=media_type)
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response["Cache-Control"] = "private, max-age=3600"
    return response
