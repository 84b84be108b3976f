"""The keys that sign the mail of a domain: made, published in its DNS by people, activated, retired."""

import re
from base64 import b64encode

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from django.db import transaction
from django.utils import timezone

from broadcasts.exceptions import InvalidInput, WrongState
from broadcasts.models import AuditEntry, SendingDomain, SigningKey, User

from .domains import ask_again
from .findings import is_published
from .publishing import host_of

MOST_KEYS = 10  # of one domain
BITS = 2048  # RFC 8301; more do not fit into one answer of the DNS by UDP
# RFC 6376, 3.1: labels as in host names.
SELECTOR = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*")

Algorithm = SigningKey.Algorithm


def new_selector(domain: SendingDomain, algorithm: str = Algorithm.RSA) -> str:
    """Propose a selector from the date, such as b20261201; with e for Ed25519, and a number if it is taken."""
    start = f"{'e' if algorithm == Algorithm.ED25519 else 'b'}{timezone.now().date().isoformat().replace('-', '')}"
    taken = set(domain.keys.values_list("selector", flat=True))
    return next(one for n in range(1, MOST_KEYS + 2) if (one := start if n == 1 else f"{start}-{n}") not in taken)


def make_key(
    domain: SendingDomain, algorithm: str = Algorithm.RSA, selector: str = "", by: User | None = None
) -> SigningKey:
    """Make a key, which signs nothing until it is activated; raises InvalidInput."""
    if algorithm not in Algorithm.values:
        raise InvalidInput({"algorithm": f"“{algorithm[:20]}” is none of: {', '.join(Algorithm.values)}."})
    selector = selector.strip().lower() or new_selector(domain, algorithm)
    if len(selector) > 63 or not SELECTOR.fullmatch(selector):
        raise InvalidInput({"selector": "A selector has letters, digits and dashes, such as b20261201."})
    if len(selector) + len("._domainkey.") + len(domain.name) > 253:
        raise InvalidInput({"selector": "With this domain, the name of its record would be too long."})
    private, public = _pair(algorithm)
    with transaction.atomic():
        SendingDomain.objects.select_for_update(no_key=True).get(pk=domain.pk)
        if domain.keys.filter(selector=selector).exists():
            raise InvalidInput({"selector": "This domain has a key under this selector already."})
        if domain.keys.count() >= MOST_KEYS:
            raise InvalidInput({"selector": f"A domain has {MOST_KEYS} keys at most; delete one that is retired."})
        key = SigningKey.objects.create(
            domain=domain, selector=selector, algorithm=algorithm, secret={"private": private}, public=public
        )
        AuditEntry.write(key, "create", organization=domain.organization, user=by)
        ask_again(domain)
    return key


def _pair(algorithm: str) -> tuple[str, str]:
    """Make a pair of keys: the private one as PEM, and the public one as its record writes it."""
    private: Ed25519PrivateKey | RSAPrivateKey
    if algorithm == Algorithm.ED25519:
        private = Ed25519PrivateKey.generate()
        public = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    else:
        private = generate_private_key(65537, BITS)
        public = private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return pem.decode(), b64encode(public).decode()


def activate(key: SigningKey, by: User | None = None, *, unseen: bool = False) -> None:
    """Sign the mail of the domain with a key from now on.

    unseen: also if no check has seen its record yet.
    Raises WrongState for a key that is active, and where its record was not seen.
    """
    if not unseen and not is_published(key):
        raise WrongState(
            f"The last check did not find the record of {host_of(key)} as it has to be, so receivers could not verify "
            "the signatures. Publish it, and check again; or activate the key regardless."
        )
    _switch(key, True, "activate", by, unseen=unseen)


def retire(key: SigningKey, by: User | None = None) -> None:
    """Sign nothing with a key any more; its record has to stay while mail that it signed may be under way."""
    _switch(key, False, "retire", by)


def delete_key(key: SigningKey, by: User | None = None) -> None:
    """Delete a key that does not sign; raises WrongState for an active one."""
    with transaction.atomic():
        AuditEntry.write(key, "delete", organization=key.domain.organization, user=by)
        if not SigningKey.objects.filter(pk=key.pk, is_active=False).delete()[0]:
            raise WrongState(f"The key {key.selector} is active. Retire it first.")
        ask_again(key.domain)


def _switch(key: SigningKey, is_active: bool, act: str, by: User | None, **detail: object) -> None:
    with transaction.atomic():
        rows = SigningKey.objects.filter(pk=key.pk, is_active=not is_active)
        if not rows.update(is_active=is_active, modified=timezone.now()):
            raise WrongState(f"The key {key.selector} is {'active' if is_active else 'not active'} already.")
        key.is_active = is_active
        AuditEntry.write(key, act, organization=key.domain.organization, user=by, **detail)
        ask_again(key.domain)
