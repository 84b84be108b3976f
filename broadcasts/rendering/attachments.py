"""Attachments of e-mail, read and encoded once per message."""

from email.message import EmailMessage
from email.policy import SMTP
from uuid import UUID

from django.conf import settings

from broadcasts import formats
from broadcasts.exceptions import InvalidInput, NotReady
from broadcasts.filetypes import clean_name
from broadcasts.models import Media, Medium, Organization


def validate_attachments(organization: Organization, attachments: object, medium: str = Medium.EMAIL) -> list[Media]:
    """Return the media of `attachments`, a list of {"media": uuid}; raises InvalidInput.

    Mail contains its files, so they are limited together; on other media a provider is given the address of each.
    """
    if not attachments:
        return []
    form = 'give a list of media files, such as [{"media": "<uuid>"}]'
    if not isinstance(attachments, list):
        raise InvalidInput({"attachments": f"{form[0].upper()}{form[1:]}."})
    wanted = [_uuid(attachment, form) for attachment in attachments]
    found = {media.uuid: media for media in Media.objects.for_organization(organization).filter(uuid__in=wanted)}
    if missing := [str(uuid) for uuid in wanted if uuid not in found]:
        raise InvalidInput({"attachments": f"There is no media file {', '.join(missing)}."})
    limit = settings.MAIL_FILES_MAX_MB
    if medium == Medium.EMAIL and sum(found[uuid].size for uuid in wanted) > limit * 10**6:
        refusal = f"They are larger than {formats.number(limit)} MB together, too much for one mail; link to them."
        raise InvalidInput({"attachments": refusal})
    return [found[uuid] for uuid in wanted]


def _uuid(attachment: object, form: str) -> UUID:
    if isinstance(attachment, dict) and "url" in attachment:
        raise InvalidInput({"attachments": f"A URL cannot be attached: upload the file and {form}."})
    try:
        return UUID(attachment["media"])  # type: ignore[index]
    except (TypeError, KeyError, ValueError, AttributeError):
        raise InvalidInput({"attachments": f"“{str(attachment)[:80]}” names no file: {form}."}) from None


def mime_part(media: Media) -> bytes:
    """Return a file as a complete MIME part; raises NotReady if it cannot be read."""
    try:
        with media.file.open("rb") as file:
            data = file.read()
    except OSError:
        raise NotReady(f"The attachment “{media}” cannot be read: upload it again.") from None
    kind, _, subtype = media.content_type.partition(";")[0].strip().lower().partition("/")
    if not (kind.isalpha() and subtype.isascii() and subtype) or kind in {"multipart", "message"}:
        kind, subtype = "application", "octet-stream"
    part = EmailMessage(policy=SMTP)
    part.set_content(data, kind, subtype, disposition="attachment", filename=clean_name(str(media)))
    del part["MIME-Version"]
    return part.as_bytes()
