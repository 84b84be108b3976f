"""Amazon SNS, by which SES reports: the signature of a call, and the confirmation of a subscription."""

import base64
import json
import re
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509 import Certificate, load_pem_x509_certificate
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from ..callbacks import CallbackRequest

HOST = re.compile(r"sns\.[a-z]{2}[a-z0-9-]+\.amazonaws\.com(\.cn)?")
HASHES: Mapping[str, Callable[[], hashes.HashAlgorithm]] = {"1": hashes.SHA1, "2": hashes.SHA256}
NOTIFICATION = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
CONFIRMATION = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
OLDEST = 86_400  # seconds
MOST_CERTIFICATES = 32

_certificates: OrderedDict[str, Certificate] = OrderedDict()  # by address; few, and the same for years


class Topic:
    """The one topic whose calls a channel takes; `fetch` reads an address of Amazon's."""

    def __init__(self, arn: str, fetch: Callable[[str], bytes]) -> None:
        self.arn = arn
        self.fetch = fetch

    def verify(self, request: CallbackRequest) -> bool:
        """Tell whether Amazon signed a call, and for this topic: anybody can have a topic of their own call us."""
        told = json.loads(request.body)
        if not self.arn or told["TopicArn"] != self.arn:
            return False
        signed_at = parse_datetime(told["Timestamp"])
        if signed_at is None or abs((timezone.now() - signed_at).total_seconds()) > OLDEST:
            return False
        names = NOTIFICATION if told["Type"] == "Notification" else CONFIRMATION
        text = "".join(f"{name}\n{told[name]}\n" for name in names if told.get(name) is not None)
        key = self._certificate(told["SigningCertURL"]).public_key()
        if not isinstance(key, rsa.RSAPublicKey):
            return False
        signature = base64.b64decode(told["Signature"])
        key.verify(signature, text.encode(), padding.PKCS1v15(), HASHES[told["SignatureVersion"]]())  # or it raises
        return True

    def _certificate(self, url: str) -> Certificate:
        found = _certificates.get(amazon(url))
        if found is None:
            found = load_pem_x509_certificate(self.fetch(url))
        now = timezone.now()
        if not found.not_valid_before_utc <= now <= found.not_valid_after_utc:
            raise ValueError("The certificate that signed the call is not valid now.")
        _certificates[url] = found
        while len(_certificates) > MOST_CERTIFICATES:
            _certificates.popitem(last=False)
        return found


def subscription(request: CallbackRequest) -> str | None:
    """Return the address that confirms a subscription, "" for other news of one; None for a call that tells of mail.

    Raises ValueError for an address that is not SNS's.
    """
    told: dict[str, Any] = json.loads(request.body)
    if told["Type"] == "Notification":
        return None
    return amazon(told["SubscribeURL"]) if told["Type"] == "SubscriptionConfirmation" else ""


def amazon(url: str) -> str:
    """Return an address if it is one of SNS's own; raises ValueError."""
    parts = urlsplit(url)
    if parts.scheme != "https" or parts.netloc != parts.hostname or not HOST.fullmatch(parts.netloc):
        raise ValueError("The call names an address that is not Amazon SNS's.")
    return url
