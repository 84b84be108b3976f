"""Take uploaded files for messages: what is accepted, and where it is kept."""

from collections.abc import Callable

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction

from broadcasts.exceptions import FileRefused
from broadcasts.filetypes import file_type, is_for_messages
from broadcasts.models import Media, Organization

ACCEPTED = (
    "pictures (PNG, JPEG, GIF, WebP, AVIF), audio, video, PDF, office documents, calendars (ICS) and "
    "contact cards (VCF)"
)


def store(
    organization: Organization,
    file: UploadedFile,
    filename: str = "",
    alternative_text: str = "",
    accepts: Callable[[str], bool] = is_for_messages,
) -> Media:
    """Store an uploaded file; raises FileRefused.

    filename: what messages call it; without one, as it was called when uploaded. accepts: whether a media type, which
    is detected from the content, may be stored; `filetypes.is_for_chats` takes fewer. Providers fetch it at `url` of
    the returned row, and messages name it by its uuid.
    """
    if not accepts(file_type(file, str(file.name)).media_type):
        raise FileRefused(f"Its content is of another type than those accepted: {ACCEPTED}.", "type")
    media = Media(organization=organization, file=file, filename=filename, alternative_text=alternative_text)
    with transaction.atomic():
        media.check_file()
        media.save()
    return media
