"""Public keys of deliveries, personal links and invitations: short, for addresses and Message-IDs, and made by us only.

They are signed with LINK_KEY, so that links in mail already sent outlive a rotation of SECRET_KEY.
"""

from base64 import urlsafe_b64decode
from binascii import b2a_base64
from collections.abc import Iterable
from functools import lru_cache
from hashlib import blake2b
from hmac import compare_digest
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.utils import timezone

MAC_SIZE = 8
CALLBACK_MAC_SIZE = 16  # it is the only secret of providers that do not sign
CALLBACK_SERIAL_SIZE = 4
LONGEST = 32  # of a token that could be ours
MEDIA_DAYS = 3  # that the address of a file lasts; it is the same all day, since providers remember files by it
DAY_BITS = 20
TEST_SEND = 0  # stands for the delivery's id in test sends
_URLSAFE = bytes.maketrans(b"+/", b"-_")
NONCE_SIZE = 12  # bytes, of AES-GCM
LONGEST_SEALED = 3600  # characters, since servers refuse addresses of more than 4,094
TEST_LINK = 0  # stands for the link's id, and for the message's, in test sends: all their addresses are sealed


def delivery_token(delivery_id: int) -> str:
    """Return the public key of a delivery; TEST_SEND stands for a test send."""
    return _token(delivery_id, b"delivery")


def delivery_tokens(delivery_ids: Iterable[int]) -> list[str]:
    """Return what `delivery_token` does for many, in less time for each."""
    begun, made = _hasher(b"delivery"), []
    for row_id in delivery_ids:
        number, mac = _number(row_id), begun.copy()
        mac.update(number)
        made.append(_text(number + mac.digest()))
    return made


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


def library_token(media_id: int) -> str:
    """Return the public key of an uploaded file, which lasts as long as the file: mail that was sent shows it."""
    return _token(media_id, b"library")


def library_id(token: str) -> int | None:
    """Return the id of the file that a permanent token stands for, or None."""
    return _id(token, b"library")


def callback_key(channel: UUID, serial: int = 0) -> str:
    """Return the secret part of a channel's callback address, which its uuid does not tell.

    serial: how often the address was changed. The key has it, so that a forged one is refused without the database.
    """
    number = serial.to_bytes(CALLBACK_SERIAL_SIZE, "big") if serial else b""
    key = settings.LINK_KEY.encode()[:64]
    mac = blake2b(channel.bytes + number, digest_size=CALLBACK_MAC_SIZE, key=key, person=b"callback").digest()
    return _text(mac + number)


def callback_serial(channel: UUID, key: str) -> int | None:
    """Return the serial number of a key of a channel's callback address; None if we did not make it."""
    if not key.isascii() or len(key) > LONGEST:
        return None
    try:
        raw = _raw(key)
    except ValueError:
        return None
    serial = int.from_bytes(raw[CALLBACK_MAC_SIZE:][:CALLBACK_SERIAL_SIZE], "big")
    return serial if compare_digest(callback_key(channel, serial), key) else None


def callback_url(channel: UUID, serial: int = 0) -> str:
    """Return the address at which a provider calls a channel; who knows it may be believed."""
    return f"{settings.BASE_URL}/callbacks/{channel}/{callback_key(channel, serial)}/"


def _text(raw: bytes) -> str:
    """Return bytes in urlsafe base64 without padding, faster than the module base64 does."""
    return b2a_base64(raw, newline=False).translate(_URLSAFE).rstrip(b"=").decode()


def _raw(text: str) -> bytes:
    """Return what `_text` wrote; raises ValueError for what is no base64."""
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _today() -> int:
    return int(timezone.now().timestamp() // 86_400)


def _token(row_id: int, kind: bytes) -> str:
    number = _number(row_id)
    return _text(number + _mac(number, kind))


def _number(row_id: int) -> bytes:
    return row_id.to_bytes(max(1, (row_id.bit_length() + 7) // 8), "big")


def _mac(number: bytes, kind: bytes) -> bytes:
    mac = _hasher(kind)
    mac.update(number)
    return mac.digest()


def _hasher(kind: bytes) -> blake2b:
    return blake2b(digest_size=MAC_SIZE, key=settings.LINK_KEY.encode()[:64], person=kind)


def _id(token: str, kind: bytes) -> int | None:
    if not token.isascii() or len(token) > LONGEST:
        return None
    try:
        raw = _raw(token)
    except ValueError:
        return None
    number = int.from_bytes(raw[:-MAC_SIZE], "big")
    return number if compare_digest(_token(number, kind), token) else None


def unsubscribe_url(token: str) -> str:
    """Return the address of the page where the recipient of a delivery unsubscribes."""
    return f"{settings.BASE_URL}/u/{token}/"


def preferences_url(token: str) -> str:
    """Return the address of the page where the recipient of a delivery changes preferences."""
    return f"{settings.BASE_URL}/p/{token}/"


def web_url(token: str) -> str:
    """Return the address of the page that shows the copy of a delivery in a browser."""
    return f"{settings.BASE_URL}/w/{token}/"


def archive_url(slug: str) -> str:
    """Return the address of the public archive of an organization."""
    return f"{settings.BASE_URL}/archive/{slug}/"


def archived_url(slug: str, broadcast: UUID) -> str:
    """Return the address of a broadcast in the public archive of its organization."""
    return f"{archive_url(slug)}{broadcast}/"


def feed_url(slug: str) -> str:
    """Return the address of the feed of a public archive."""
    return f"{archive_url(slug)}feed/"


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


def media_address(media_id: int, extension: str) -> str:
    """Return the permanent public address of an uploaded file; the extension is for those who read the address."""
    return f"{settings.BASE_URL}/m/{library_token(media_id)}.{extension}"


def message_id(token: str, domain: str) -> str:
    """Return the Message-ID of a delivery; it never changes and contains the delivery's token."""
    return f"<{token}@{domain}>"


class CopySigner:
    """Makes and checks the keys of copies, and the sealed addresses in them; kept, since LINK_KEY is slow to read."""

    def __init__(self, key: str) -> None:
        secret = key.encode()[:64]
        self._copies = blake2b(digest_size=MAC_SIZE, key=secret, person=b"copy")
        self._nonces = blake2b(digest_size=NONCE_SIZE, key=secret, person=b"nonce")
        self._sealer = AESGCM(blake2b(digest_size=32, key=secret, person=b"sealing").digest())

    # Each copy that is sent has a key and a seal or more. Python's calls cost more there than the ciphers, so these two
    # do without `_text`.
    def key(self, token: str, message_id: int) -> str:
        hasher = self._copies.copy()
        hasher.update(f"{token}.{message_id}".encode())
        mac = b2a_base64(hasher.digest(), newline=False).translate(_URLSAFE)
        return f"{token}.{mac.rstrip(b'=').decode()}"

    def seal(self, address: str, key: str, link_id: int) -> str:
        plain, bound = address.encode(), f"{key}/{link_id}/".encode()
        hasher = self._nonces.copy()
        hasher.update(bound + plain)
        nonce = hasher.digest()
        sealed = nonce + self._sealer.encrypt(nonce, plain, bound)
        return b2a_base64(sealed, newline=False).translate(_URLSAFE).rstrip(b"=").decode()

    def unseal(self, sealed: bytes, key: str, link_id: int) -> str:
        bound = f"{key}/{link_id}/".encode()
        return self._sealer.decrypt(sealed[:NONCE_SIZE], sealed[NONCE_SIZE:], bound).decode()


_signer_of = lru_cache(4)(CopySigner)


def copy_signer() -> CopySigner:
    return _signer_of(settings.LINK_KEY)


def copy_key(token: str, message_id: int) -> str:
    """Return the public key of a copy, which all its tracked links share: the delivery's token, ".", and a signature.

    The signature binds the delivery to its message, so that nobody can mix the key of one message's copy with the link
    of another, and neither has to be read to know that.
    """
    return copy_signer().key(token, message_id)


def opened_copy(key: str, message_id: int) -> int | None:
    """Return the id of the delivery that a copy's key stands for; None unless it is a copy of this message.

    It is 0 for a test send, whose message id is TEST_LINK.
    """
    token = key.partition(".")[0]
    found = delivery_id(token)
    if found is None or not key.isascii() or not compare_digest(copy_signer().key(token, message_id), key):
        return None
    return found


def tracking_base(domain: str = "") -> str:
    """Return what addresses that measure begin with: the tracking domain of an organization, or BASE_URL."""
    return f"https://{domain}" if domain else settings.BASE_URL


def tracked_url(base: str, key: str, link_id: int, sealed: str = "") -> str:
    """Return the address of ours that leads to a link's; with personal values it holds the whole address, sealed."""
    return f"{base}/t/{key}/{link_id}/{sealed}/" if sealed else f"{base}/t/{key}/{link_id}/"


def picture_url(base: str, token: str) -> str:
    """Return the address of the picture that measures whether a copy is opened."""
    return f"{base}/o/{token}.gif"


def hidden_url(base: str, token: str) -> str:
    """Return the address of a link that people do not see, and that scanners fetch."""
    return f"{base}/h/{token}/"


def seal(address: str, key: str, link_id: int) -> str:
    """Return an address encrypted for one link of one copy, as text for a URL; equal input gives equal output.

    The nonce is a keyed hash of all that is encrypted and authenticated (RFC 8452 explains the idea), so that it never
    repeats for two addresses.
    """
    return copy_signer().seal(address, key, link_id)


def unseal(sealed: str, key: str, link_id: int) -> str | None:
    """Return the address that `seal` encrypted for this link of this copy; None if it did not."""
    if not sealed.isascii() or len(sealed) > LONGEST_SEALED:
        return None
    try:
        return copy_signer().unseal(_raw(sealed), key, link_id)
    except (InvalidTag, ValueError):  # the latter also for what is no base64
        return None


def digest_of(url: str) -> str:
    """Return the digest by which a link of a message is found, since its URL may be too long for an index."""
    return blake2b(url.encode(), digest_size=16).hexdigest()
