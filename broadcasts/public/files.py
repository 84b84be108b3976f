"""Uploaded files for providers: their addresses are signed and expire."""

from django.http import FileResponse, Http404, HttpRequest
from django.views.decorators.http import require_safe

from broadcasts import links
from broadcasts.filetypes import served
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
    return served(content, media.filename, str(media), "private, max-age=3600")
