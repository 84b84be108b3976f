"""DKIM signatures of mail that leaves as it was composed (RFC 6376), by RSA (RFC 8301) and Ed25519 (RFC 8463).

Headers and body are canonicalized as `relaxed`. A signer hashes the headers that all copies of a message share once,
and of each copy its own headers and its body. Nothing may change a signed message but what SMTP itself undoes, such as
doubled dots.
"""

import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache, partial
from hashlib import sha256
from typing import Any, NamedTuple, Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from broadcasts.mediums import email_domain
from broadcasts.models import Channel, SigningKey

SIGNED = frozenset(
    b"from to cc subject date message-id reply-to mime-version content-type list-id list-unsubscribe "
    b"list-unsubscribe-post feedback-id auto-submitted cfbl-address cfbl-feedback-id".split()
)
OVERSIGNED = (b"from", b"subject")  # named once more than they occur, so that nobody can add another one
LINE = 72
KEPT = 100  # shared headers of one signer: one for each language and set of files
TRIES = 20  # signatures that are measured

Names = tuple[bytes, ...]


class Key(NamedTuple):
    """An active key, ready to sign the digest of the headers."""

    algorithm: bytes
    selector: bytes
    sign: Callable[[bytes], bytes]


class MailSigner:
    """Signs the mail of one domain with each of its active keys."""

    def __init__(self, domain: str, keys: Sequence[Key]) -> None:
        self.domain = domain.encode()
        self.keys = keys
        self.starts = lru_cache(KEPT)(_start)
        self.listed = lru_cache(KEPT)(_listed)

    @classmethod
    def of(cls, channel: Channel) -> Self | None:
        """Return the signer for mail of a channel; None without active keys, or if others write its final bytes."""
        domain = email_domain(channel.from_address)
        if not domain or not channel.transport_class.sends_as_composed(channel.settings):
            return None
        rows = SigningKey.objects.filter(
            domain__organization=channel.organization_id, domain__name=domain, is_active=True
        )
        # RSA first: some verifiers judge the first signature alone, and not all of them know Ed25519.
        keys = [
            opened(row) for row in sorted(rows, key=lambda row: (row.algorithm != SigningKey.Algorithm.RSA, row.pk))
        ]
        return cls(domain, keys) if keys else None

    def sign(self, own: bytes, shared: bytes, body: bytes) -> bytes:
        """Return the DKIM-Signature headers of a message.

        own: complete headers of this copy. shared: those that many copies have alike. body: what follows the headers.
        """
        shared_names, digest = self.starts(shared)
        digest = digest.copy()
        names = list(shared_names)
        for name, field in fields(own):
            if name in SIGNED:
                names.append(name)
                digest.update(field)
        shown, listed = self.listed(tuple(names))
        body_hash, second = b64encode(body_digest(body)), int(time.time())
        made = []
        for algorithm, selector, sign in self.keys:
            values = (algorithm, self.domain, selector, second)
            # The two forms differ by their line breaks, each of which `relaxed` reads as one space.
            read = b"v=1; a=%b; c=relaxed/relaxed; d=%b; s=%b; t=%d; h=" % values
            read += b"%b; bh=%b; b=" % (listed, body_hash)
            whole = digest.copy()
            whole.update(b"dkim-signature:" + read)
            signature = b64encode(sign(whole.digest()))
            written = b"DKIM-Signature: v=1; a=%b; c=relaxed/relaxed;\r\n d=%b; s=%b; t=%d;\r\n h=" % values
            written += b"%b;\r\n bh=%b;\r\n b=%b\r\n" % (shown, body_hash, _folded(signature))
            made.append(written)
        return b"".join(made)


def sign_mail(channel: Channel, mime: bytes) -> bytes:
    """Return a complete message of a channel with its signatures, if its domain has active keys."""
    signer = MailSigner.of(channel)
    if signer is None:
        return mime
    headers, _, body = mime.partition(b"\r\n\r\n")
    return signer.sign(headers + b"\r\n", b"", body) + mime


def opened(key: SigningKey) -> Key:
    """Return a stored key ready to sign."""
    private = load_pem_private_key(key.secret["private"].encode(), None)
    selector = key.selector.encode()
    if isinstance(private, Ed25519PrivateKey):
        return Key(b"ed25519-sha256", selector, private.sign)
    assert isinstance(private, RSAPrivateKey)
    sign = partial(private.sign, padding=PKCS1v15(), algorithm=Prehashed(SHA256()))
    return Key(b"rsa-sha256", selector, sign)


_seconds: dict[str, float] = {}  # by algorithm, on this machine


def seconds_a_copy(key: SigningKey) -> float:
    """Return how long a signature of this kind of key takes one core here, measured once by each process."""
    if key.algorithm not in _seconds:
        sign, begun = opened(key).sign, time.perf_counter()
        for _ in range(TRIES):
            sign(bytes(32))
        _seconds[key.algorithm] = (time.perf_counter() - begun) / TRIES
    return _seconds[key.algorithm]


def fields(headers: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the name and the `relaxed` form of each header."""
    unfolded = headers.replace(b"\r\n ", b" ").replace(b"\r\n\t", b" ")
    for line in unfolded.split(b"\r\n"):
        if line:
            name, _, value = line.partition(b":")
            name = name.strip().lower()
            yield name, b"%b:%b\r\n" % (name, b" ".join(value.split()))


def body_digest(body: bytes) -> bytes:
    """Return the SHA-256 of a body in its `relaxed` form."""
    if b"\t" in body:
        body = body.replace(b"\t", b" ")
    while b"  " in body:
        body = body.replace(b"  ", b" ")
    if b" \r\n" in body:
        body = body.replace(b" \r\n", b"\r\n")
    kept = body.rstrip(b" \r\n")
    digest = sha256(kept)
    if kept:
        digest.update(b"\r\n")
    return digest.digest()


def _start(shared: bytes) -> tuple[Names, Any]:
    """Hash the headers that copies share; return the names of those that count, in order."""
    found = [(name, field) for name, field in fields(shared) if name in SIGNED]
    return tuple(name for name, _ in found), sha256(b"".join(field for _, field in found))


def _listed(names: Names) -> tuple[bytes, bytes]:
    """Return the names of signed headers as the signature lists them: in lines, and as `relaxed` reads these."""
    lines, line = [], b""
    for name in [*names, *OVERSIGNED]:
        if len(line) + len(name) > LINE - 3:
            lines.append(line)
            line = b""
        line += name + b":"
    lines.append(line.removesuffix(b":"))
    return b"\r\n ".join(lines), b" ".join(lines)


def _folded(signature: bytes) -> bytes:
    return b"\r\n ".join(signature[start : start + LINE] for start in range(0, len(signature), LINE))
