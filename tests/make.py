"""Rows for tests, each made with the least that makes it valid."""

from io import BytesIO
from itertools import count
from urllib.parse import urlsplit

from django.core.files.base import ContentFile
from django.utils import timezone
from PIL import Image

from broadcasts.models import (
    ApiToken,
    Attribute,
    Batch,
    Broadcast,
    Channel,
    Contact,
    Delivery,
    Media,
    Member,
    Message,
    MessageTranslation,
    Organization,
    SendingDomain,
    User,
)

_serial = count(1)


def path_of(channel: Channel) -> str:
    """The path that the provider of a channel calls."""
    return urlsplit(channel.callback_url).path


def picture_file(
    kind: str = "PNG", size: tuple[int, int] = (40, 30), mode: str = "RGB", color="red", **options
) -> bytes:
    """The content of a picture file."""
    file = BytesIO()
    Image.new(mode, size, color).save(file, kind, **options)
    return file.getvalue()


def make_picture(organization: Organization, name: str = "flyer.png", **fields) -> Media:
    """A picture in the library of an organization, as it is stored after an upload."""
    file = ContentFile(picture_file(), name=name)
    return Media.objects.create(organization=organization, file=file, **{"width": 40, "height": 30, **fields})


def make_checked_domain(channel: Channel, *findings: dict) -> SendingDomain:
    """The domain of a channel as its last inspection left it: good, but for these findings."""
    name = channel.from_address.rpartition("@")[2]
    fields = {"findings": list(findings), "checked_at": timezone.now()}
    domain, _ = SendingDomain.objects.update_or_create(organization=channel.organization, name=name, defaults=fields)
    return domain


def make_member(organization: Organization, role: str, **fields) -> Member:
    """A user with a membership; the member's user is `.user`."""
    n = next(_serial)
    user = User.objects.create_user(f"{role}{n}@club.example", "swordfish", full_name=f"{role.title()} {n}")
    return Member.objects.create(user=user, organization=organization, role=role, **fields)


def make_token(member: Member, scopes=("read", "write", "send", "manage")) -> str:
    """The key of a fresh token of a member."""
    _, key = ApiToken.objects.issue(user=member.user, organization=member.organization, scopes=list(scopes))
    return key


def make_contact(organization: Organization, email: str | None = None, **fields) -> Contact:
    n = next(_serial)
    contact = Contact(
        organization=organization,
        full_name=fields.pop("full_name", f"Contact {n}"),
        email=f"contact{n}@example.com" if email is None else email,
        **fields,
    )
    contact.save()
    Attribute.register(organization, contact.attributes)
    return contact


def make_contacts(organization: Organization, n: int, **fields) -> list[Contact]:
    return [make_contact(organization, **fields) for _ in range(n)]


def make_broadcast(channel: Channel, *, subject="Pool closed", body="Hello {{ contact.name }}", html="", **fields):
    """A draft to everybody with one message; `translations` adds languages: {"es": {"subject": ..., "text": ...}}."""
    translations = fields.pop("translations", {})
    syntax = fields.pop("syntax", "liquid")
    fields = {"name": subject, "send_to_all": True, **fields}
    broadcast = Broadcast.objects.create(organization=channel.organization, **fields)
    message = Message.objects.create(broadcast=broadcast, channel=channel, syntax=syntax)
    contents = {broadcast.base_language: {"subject": subject, "text": body, "html": html}, **translations}
    for position, (language, content) in enumerate(contents.items()):
        MessageTranslation.objects.create(message=message, language=language, position=position, **content)
    return broadcast


def make_delivery(broadcast: Broadcast, contact: Contact | None = None, **fields) -> Delivery:
    """A sent delivery of the broadcast's first message, with the batch that counts it."""
    message = broadcast.messages.first()
    contact = contact or make_contact(broadcast.organization)
    fields = {"address": contact.email, "language": "en", "status": "sent", "sent_at": timezone.now(), **fields}
    delivery = Delivery.objects.create(message=message, contact=contact, **fields)
    outcome = {} if delivery.status == "pending" else {delivery.status: 1}
    Batch.objects.create(message=message, state="done", first_id=delivery.pk, last_id=delivery.pk, total=1, **outcome)
    return delivery


def add_channel(broadcast: Broadcast, **fields) -> Message:
    """A second message of a broadcast, on a new console channel, or on the `channel` that is given."""
    channel = fields.get("channel") or Channel.objects.create(
        organization=broadcast.organization, kind="console", **fields
    )
    message = Message.objects.create(broadcast=broadcast, channel=channel, position=broadcast.messages.count())
    MessageTranslation.objects.create(message=message, language="en", text="Closed")
    return message
