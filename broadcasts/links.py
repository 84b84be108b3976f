"""Public keys of deliveries, personal links and invitations: short, for addresses and Message-IDs, and made by us only.

They are signed with LINK_KEY, so that links in mail already sent outlive a rotation of SECRET_KEY.
"""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import blake2b
from hmac import compare_digest
from uuid import UUID

from django.conf import settings
from django.utils import timezone

MAC_SIZE = 8
CALLBACK_MAC_SIZE = 16  # it is the only secret of providers that do not sign
CALLBACK_SERIAL_SIZE = 4
LONGEST = 32  # of a token that could be ours
MEDIA_DAYS = 3  # that the address of a file lasts; it is the same all day, since providers remember files by it
DAY_BITS = 20


def delivery_token(delivery_id: int) -> str:
    """Return the public key of a delivery; id 0 stands for a test send."""
    return _token(delivery_id, b"delivery")


def delivery_id(token: str) -> int | None:
    """Return the id that a token stands for, or None when it is not one of ours, to the last bit."""
    return _id(token, b"delivery")


def delivery_uuid(delivery_id: int) -> UUID:
    """Return a delivery's public key as a uuid, for APIs that know rows by uuids only."""
    number = delivery_id.to_bytes(16 - MAC_SIZE, "big")
    return UUID(bytes=number + _mac(number, b"delivery uuid"))


def delivery_of(uuid: str) -> int | None:
    """Return the id of the delivery that a uuid stands for, or None when it is not one of ours."""
    found = int.from_bytes(UUID(uuid).bytes[:-MAC_SIZE], "big")
    return found if compare_digest(delivery_uuid(found).hex, UUID(uuid).hex) else None


def personal_token(link_id: int) -> str:
    """Return the public key of a personal link, which none of a delivery can stand for."""
    return _token(link_id, b"personal")


def personal_id(token: str) -> int | None:
    """Return the id of the personal link that a token stands for, or None."""
    return _id(token, b"personal")


def invitation_token(invitation_id: int) -> str:
    """Return the public key of an invitation; its holder may accept it."""
    return _token(invitation_id, b"invitation")


def invitation_id(token: str) -> int | None:
    """Return the id of the invitation that a token stands for, or None."""
    return _id(token, b"invitation")


def media_token(media_id: int) -> str:
    """Return the public key of an uploaded file, which MEDIA_DAYS later is none any more."""
    return _token(media_id << DAY_BITS | (_today() + MEDIA_DAYS), b"media")


def media_id(token: str) -> int | None:
    """Return the id of the file that a token stands for; None also after its last day."""
    number = _id(token, b"media") or 0
    return number >> DAY_BITS if number and number % (1 << DAY_BITS) >= _today() else None


def callback_key(channel: UUID, serial: int = 0) -> str:
    """Return the secret part of a channel's callback address, which its uuid does not tell.

    serial: how often the address was changed. The key has it, so that a forged one is refused without the database.
    """
    number = serial.to_bytes(CALLBACK_SERIAL_SIZE, "big") if serial else b""
    key = settings.LINK_KEY.encode()[:64]
    mac = blake2b(channel.bytes + number, digest_size=CALLBACK_MAC_SIZE, key=key, person=b"callback").digest()
    return urlsafe_b64encode(mac + number).rstrip(b"=").decode()


def callback_serial(channel: UUID, key: str) -> int | None:
    """Return the serial number of a key of a channel's callback address; None if we did not make it."""
    if not key.isascii() or len(key) > LONGEST:
        return None
    try:
        raw = urlsafe_b64decode(key + "=" * (-len(key) % 4))
    except (binascii.Error, ValueError):
        return None
    serial = int.from_bytes(raw[CALLBACK_MAC_SIZE:][:CALLBACK_SERIAL_SIZE], "big")
    return serial if compare_digest(callback_key(channel, serial), key) else None


def callback_url(channel: UUID, serial: int = 0) -> str:
    """Return the address at which a provider calls a channel; who knows it may be believed."""
    return f"{settings.BASE_URL}/callbacks/{channel}/{callback_key(channel, serial)}/"


def _today() -> int:
    return int(timezone.now().timestamp() // 86_400)


def _token(row_id: int, kind: bytes) -> str:
    number = row_id.to_bytes(max(1, (row_id.bit_length() + 7) // 8), "big")
    return urlsafe_b64encode(number + _mac(number, kind)).rstrip(b"=").decode()


def _mac(number: bytes, kind: bytes) -> bytes:
    return blake2b(number, digest_size=MAC_SIZE, key=settings.LINK_KEY.encode()[:64], person=kind).digest()


def _id(token: str, kind: bytes) -> int | None:
    if not token.isascii() or len(token) > LONGEST:
        return None
    try:
        raw = urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except (binascii.Error, ValueError):
        return None
    number = int.from_bytes(raw[:-MAC_SIZE], "big")
    return number if compare_digest(_token(number, kind), token) else None


def unsubscribe_url(token: str) -> str:
    """Return the address of the page where the recipient of a delivery unsubscribes."""
    return f"{settings.BASE_URL}/u/{token}/"


def preferences_url(token: str) -> str:
    """Return the address of the page where the recipient of a delivery changes preferences."""
    return f"{settings.BASE_URL}/p/{token}/"


def confirm_url(token: str) -> str:
    """Return the address of the page where a contact confirms a consent."""
    return f"{settings.BASE_URL}/c/{token}/"


def data_url(token: str) -> str:
    """Return the address of the page where a contact downloads or deletes their data."""
    return f"{settings.BASE_URL}/d/{token}/"


def invitation_url(token: str) -> str:
    """Return the address of the page where a user accepts an invitation."""
    return f"{settings.BASE_URL}/i/{token}/"


def media_url(media_id: int) -> str:
    """Return an address at which a provider can fetch an uploaded file, for MEDIA_DAYS."""
    return f"{settings.BASE_URL}/f/{media_token(media_id)}/"


def message_id(token: str, domain: str) -> str:
    """Return the Message-ID of a delivery; it never changes and contains the delivery's token."""
    return f"<{token}@{domain}>"
