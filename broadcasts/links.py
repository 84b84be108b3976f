"""Public keys of deliveries: in unsubscribe links and Message-IDs, short, and made by nobody else.

They are signed with LINK_KEY, so that links in mail already sent outlive a rotation of SECRET_KEY.
"""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import blake2b
from hmac import compare_digest

from django.conf import settings

MAC_SIZE = 8
LONGEST = 32  # of a token that could be ours


def delivery_token(delivery_id: int) -> str:
    """Return the public key of a delivery; id 0 stands for a test send."""
    number = delivery_id.to_bytes(max(1, (delivery_id.bit_length() + 7) // 8), "big")
    mac = blake2b(number, digest_size=MAC_SIZE, key=settings.LINK_KEY.encode()[:64], person=b"delivery").digest()
    return urlsafe_b64encode(number + mac).rstrip(b"=").decode()


def delivery_id(token: str) -> int | None:
    """Return the id that a token stands for, or None when it is not one of ours, to the last bit."""
    if not token.isascii() or len(token) > LONGEST:
        return None
    try:
        raw = urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except (binascii.Error, ValueError):
        return None
    number = int.from_bytes(raw[:-MAC_SIZE], "big")
    return number if compare_digest(delivery_token(number), token) else None


def unsubscribe_url(token: str) -> str:
    """Return the address of the page where the recipient of a delivery unsubscribes."""
    return f"{settings.BASE_URL}/u/{token}/"


def message_id(token: str, domain: str) -> str:
    """Return the Message-ID of a delivery: the same however often it is rendered, and enough to find it again."""
    return f"<{token}@{domain}>"
