"""Addresses as keys: what makes two spellings one address, and how an address is remembered without keeping it."""

import re
from functools import lru_cache
from hashlib import blake2b

import idna
import phonenumbers
from django.conf import settings
from django.core.exceptions import ValidationError

_LOCAL = re.compile(r"[^\s@<>,;:\"()\[\]\\\x00-\x1f\x7f]{1,64}")
_NUMBER = re.compile(r"\+?[\d ()-]*\d[\d ()-]*")
_LABEL_DOMAIN = re.compile(r"(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]")


def split_email(email: str) -> tuple[str, str]:
    """Return (local part, domain in IDNA), or raise ValidationError that says what is wrong."""
    local, at, domain = email.strip().rpartition("@")
    if not at:
        raise ValidationError(f"“{email[:100]}” is not an e-mail address: it has no @.")
    if not _LOCAL.fullmatch(local) or local[0] == "." or local[-1] == "." or ".." in local:
        raise ValidationError(f"“{email[:100]}” is not an e-mail address: the part before the @ is not valid.")
    ascii_domain = _ascii_domain(domain)
    if not ascii_domain:
        raise ValidationError(f"“{email[:100]}” is not an e-mail address: its domain is not valid.")
    return local, ascii_domain


def email_domain(email: str) -> str:
    """Return what the address is received at, in IDNA where it is valid; "" for what is no e-mail address."""
    domain = email.rpartition("@")[2] if "@" in email else ""
    return _ascii_domain(domain) or domain.lower()


@lru_cache(10_000)
def _ascii_domain(domain: str) -> str:
    """Return a domain in IDNA, "" when it is none; kept, because a million people share few domains."""
    try:
        ascii_domain = idna.encode(domain, uts46=True).decode().lower()
    except (idna.IDNAError, UnicodeError):
        return ""
    return ascii_domain if _LABEL_DOMAIN.fullmatch(ascii_domain) else ""


def email_key(email: str) -> str | None:
    """Case-folded, with the domain in IDNA; None for no address."""
    if not email:
        return None
    local, domain = split_email(email)
    return f"{local.casefold()}@{domain}"


def clean_phone(phone: str, country: str = "") -> str:
    """Return the number in E.164; a national one needs the organization's country (ISO 3166)."""
    try:
        number = phonenumbers.parse(phone, country or None)
    except phonenumbers.NumberParseException:
        number = None
    if number is None or not phonenumbers.is_possible_number(number):
        raise ValidationError(
            f"“{phone[:40]}” is not a phone number: use the international form, such as +250788123123."
        )
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def phone_key(phone: str) -> str | None:
    """E.164 digits; None for no number."""
    return re.sub(r"\D", "", phone) or None


def whatsapp_key(whatsapp_id: str) -> str | None:
    """The digits of a number, however it is written; another id as it is; None for none."""
    return phone_key(whatsapp_id) if _NUMBER.fullmatch(whatsapp_id) else whatsapp_id or None


def stored_key(address: str) -> str | None:
    """Return what a stored address is compared by, whatever kind it is; ValidationError for a wrong one."""
    return email_key(address) if "@" in address else whatsapp_key(address)


def typed_address(medium: str, address: str, country: str = "") -> str:
    """Return an address as somebody typed it for one medium as it is stored, or raise ValidationError."""
    return typed_with_key(medium, address, country)[0]


def address_key(medium: str, address: str, country: str = "") -> str | None:
    """Return what a typed address is compared by; None for none, ValidationError for a wrong one."""
    return typed_with_key(medium, address, country)[1]


def typed_with_key(medium: str, address: str, country: str = "") -> tuple[str, str | None]:
    """Return (address as it is stored, what it is compared by) of a typed address, or raise ValidationError."""
    address = address.strip()
    if medium == "email":
        return address, email_key(address)
    if medium == "sms" and address:
        address = clean_phone(address, country)
    return address, stored_key(address)


def calling_code(address: str) -> str:
    """Return the calling code of a phone number, such as 34; "" for any other address."""
    digits = address.removeprefix("+")
    if not digits.isdecimal():
        return ""
    try:
        return str(phonenumbers.parse(f"+{digits}").country_code)
    except phonenumbers.NumberParseException:
        return ""


def address_hash(key: str | None) -> str | None:
    """Hash a key with LINK_KEY, so that a suppression is remembered after its address is erased."""
    if not key:
        return None
    return blake2b(key.encode(), digest_size=16, key=settings.LINK_KEY.encode()[:64], person=b"address").hexdigest()
