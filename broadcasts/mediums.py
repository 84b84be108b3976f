"""The registry of media and kinds of addresses: columns, keys, hashes, URI schemes, validators and labels.

A new medium is a member of `Medium` and, where people are reached by an address that they do not have yet, a row of
`ADDRESS_FIELDS` with its three columns in `Contact`. Nothing here reads the database.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b

import idna
import phonenumbers
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db.models import TextChoices
from django.utils.text import capfirst

_LOCAL = re.compile(r"[^\s@<>,;:\"()\[\]\\\x00-\x1f\x7f]{1,64}")
_NO_DIGIT = re.compile(r"\D")
_INTERNATIONAL = re.compile(r"\+[1-9]([ -]?[0-9]){6,14}")
_NUMBER = re.compile(r"\+?[\d ()-]*\d[\d ()-]*")
_WHATSAPP = re.compile(r"[A-Za-z0-9._-]{1,128}")
_LABEL_DOMAIN = re.compile(r"(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]")


@lru_cache(1)  # what is cleaned is normalised next
def split_email(email: str) -> tuple[str, str]:
    """Return (local part, domain in IDNA), or raise ValidationError that says what is wrong."""
    local, at, domain = email.strip().rpartition("@")
    if not at:
        raise ValidationError(f"“{email[:100]}” is not an e-mail address: it has no @.")
    if not _LOCAL.fullmatch(local) or local[0] == "." or local[-1] == "." or ".." in local:
        raise ValidationError(f"“{email[:100]}” is not an e-mail address: the part before the @ is not valid.")
    found = ascii_domain(domain)
    if not found:
        raise ValidationError(f"“{email[:100]}” is not an e-mail address: its domain is not valid.")
    return local, found


def email_domain(email: str) -> str:
    """Return the domain of an e-mail address, in IDNA if valid; "" if there is none."""
    domain = email.rpartition("@")[2] if "@" in email else ""
    lowered = domain.lower()
    if domain.isascii() and "xn--" not in lowered:  # IDNA leaves it as it is, or refuses it
        return lowered
    return ascii_domain(domain) or lowered


@lru_cache(10_000)
def ascii_domain(domain: str) -> str:
    """Return a domain in IDNA and lower case, "" when it is none; kept, because a million people share few domains."""
    try:
        found = idna.encode(domain, uts46=True).decode().lower()
    except (idna.IDNAError, UnicodeError):
        return ""
    return found if _LABEL_DOMAIN.fullmatch(found) else ""


def clean_email(email: str, country: str = "") -> str:
    """Return the address as it was given, or raise ValidationError."""
    split_email(email)
    return email


def email_key(email: str) -> str | None:
    """Case-folded, with the domain in IDNA; None for no address."""
    if not email:
        return None
    local, domain = split_email(email)
    return f"{local.casefold()}@{domain}"


def clean_phone(phone: str, country: str = "") -> str:
    """Return the number in E.164; a national one needs the organization's country (ISO 3166)."""
    if _INTERNATIONAL.fullmatch(phone) and (same := _already_e164(re.sub("[ -]", "", phone))):
        return same
    try:
        number = phonenumbers.parse(phone, country or None)
    except phonenumbers.NumberParseException:
        number = None
    if number is None or not phonenumbers.is_possible_number(number):
        raise ValidationError(
            f"“{phone[:40]}” is not a phone number: use the international form, such as +250788123123."
        )
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _already_e164(phone: str) -> str:
    """Return an international number if it is E.164 already; "" if only the library can tell.

    The library takes ten times as long, since it looks for extensions, letters and other scripts. Its own rules say
    what it leaves as it is: a possible length, and no prefix that is dialled only within the country.
    """
    plan = next((plan for end in (2, 3, 4) if (plan := _dial_plan(phone[1:end]))), None)
    if plan is None:
        return ""
    national = phone[1 + len(plan.code) :]
    is_plain = len(national) in plan.lengths and national[0] != "0" and not plan.prefix.match(national)
    return phone if is_plain else ""


@dataclass(frozen=True)
class _DialPlan:
    code: str
    lengths: frozenset[int]  # of national numbers
    prefix: re.Pattern[str]  # what is dialled before them within the country, and more that is not part of them


@lru_cache(1110)  # all codes of one to three digits
def _dial_plan(code: str) -> _DialPlan | None:
    if int(code) not in phonenumbers.COUNTRY_CODE_TO_REGION_CODE:
        return None
    region = phonenumbers.region_code_for_country_code(int(code))
    found = phonenumbers.PhoneMetadata.metadata_for_region_or_calling_code(int(code), region)
    assert found and found.general_desc
    prefix = re.compile(found.national_prefix_for_parsing or r"(?!)")
    return _DialPlan(code, frozenset(found.general_desc.possible_length), prefix)


def phone_key(phone: str) -> str | None:
    """E.164 digits; None for no number."""
    digits = phone.removeprefix("+")
    return digits if digits.isdecimal() else _NO_DIGIT.sub("", phone) or None


def clean_whatsapp(whatsapp_id: str, country: str = "") -> str:
    """Return the digits of a number, however it is written, or another id as it is; or raise ValidationError."""
    cleaned = whatsapp_key(whatsapp_id) or ""
    if not _WHATSAPP.fullmatch(cleaned):
        raise ValidationError(f"“{whatsapp_id[:100]}” is not a WhatsApp id: digits, or an id such as US.1349.")
    return cleaned


def whatsapp_key(whatsapp_id: str) -> str | None:
    """The digits of a number, however it is written; another id as it is; None for none."""
    return phone_key(whatsapp_id) if _NUMBER.fullmatch(whatsapp_id) else whatsapp_id or None


def stored_key(address: str) -> str | None:
    """Return what a stored address is compared by, whatever kind it is; ValidationError for a wrong one."""
    return email_key(address) if "@" in address else whatsapp_key(address)


def clean_external_id(external_id: str, country: str = "") -> str:
    """Return the key of another system as it is, or raise ValidationError."""
    if len(external_id) > 255:
        raise ValidationError(f"“{external_id[:100]}…” is longer than the 255 characters of an external id.")
    return external_id


def reference_hash(reference: str) -> str | None:
    """Hash an external id, or the uuid of a contact without one, as suppressions of a webhook store it."""
    try:
        return address_hash(stored_key(reference))
    except ValidationError:
        return address_hash(reference)


@dataclass(frozen=True)
class AddressField:
    """One field of a contact that holds an address; beside it stand the columns of its key and of the key's hash."""

    name: str
    label: str
    key: str
    hash: str
    scheme: str  # of its URI, such as mailto
    clean: Callable[[str, str], str]  # typed, the organization's country -> as it is stored, or ValidationError
    normalise: Callable[[str], str | None]  # stored form -> normalised key
    hint: str
    headers: tuple[str, ...]  # what columns of files call it, besides its name
    is_number: bool = False  # found by a part of its digits, any other by how its words begin


_EMAIL = AddressField(
    "email",
    "e-mail",
    "email_key",
    "email_hash",
    "mailto",
    clean_email,
    email_key,
    "Whatever its case",
    ("e mail", "mail", "email address", "e mail address", "mail address"),
)
_PHONE = AddressField(
    "phone",
    "phone",
    "phone_key",
    "phone_hash",
    "tel",
    clean_phone,
    phone_key,
    "In the international form",
    ("phone number", "telephone", "mobile", "mobile phone", "tel"),
    is_number=True,
)
_WHATSAPP_ID = AddressField(
    "whatsapp_id",
    "WhatsApp id",
    "whatsapp_key",
    "whatsapp_hash",
    "whatsapp",
    clean_whatsapp,
    whatsapp_key,
    "WhatsApp id",
    ("whatsapp", "whatsapp id"),
)
# Names a person to a receiver that is reached at one address for everybody, such as a webhook.
EXTERNAL_ID = AddressField(
    "external_id",
    "external id, or else the contact's uuid",
    "external_id",
    "reference_hash",
    "ext",
    clean_external_id,
    lambda external_id: external_id or None,
    "The key of another system",
    (),
)
# By name, in the order in which people are known by them.
ADDRESS_FIELDS = {one.name: one for one in (_EMAIL, _PHONE, _WHATSAPP_ID)}
# The fields that a channel may send to.
SENT_TO = {**ADDRESS_FIELDS, EXTERNAL_ID.name: EXTERNAL_ID}


class Medium(TextChoices):
    """What kind of address a message travels to; consents, suppressions and templates are per medium."""

    EMAIL = "email", "E-mail"
    SMS = "sms", "SMS"
    WHATSAPP = "whatsapp", "WhatsApp"
    WEBHOOK = "webhook", "Webhook"

    @property
    def noun(self) -> str:
        """The name of the medium within a sentence."""
        return _NOUNS.get(self, self.label)

    @property
    def own(self) -> AddressField | None:
        """The field that holds a contact's address on it; None for a webhook, whose channel chooses it."""
        return _OWN.get(self)

    @property
    def reaches(self) -> tuple[AddressField, ...]:
        """All fields that a channel may be set to send to."""
        return (*([self.own] if self.own else []), *_ALSO.get(self, ()))


_NOUNS = {Medium.EMAIL: "e-mail", Medium.WEBHOOK: "webhook"}
_OWN = {Medium.EMAIL: _EMAIL, Medium.SMS: _PHONE, Medium.WHATSAPP: _WHATSAPP_ID}
_ALSO = {Medium.WHATSAPP: (_PHONE,), Medium.WEBHOOK: tuple(SENT_TO.values())}
# The mediums on which people have an address of their own.
PERSONAL = {medium: own for medium in Medium if (own := medium.own)}


def address_choices() -> list[tuple[str, str]]:
    """Return the fields that hold addresses, with their labels; a callable, so that a new one makes no migration."""
    return [(one.name, capfirst(one.label)) for one in SENT_TO.values()]


def typed_address(medium: str, address: str, country: str = "") -> str:
    """Return a typed address of a medium in its stored form; raises ValidationError."""
    return typed_with_key(medium, address, country)[0]


def address_key(medium: str, address: str, country: str = "") -> str | None:
    """Return what a typed address is compared by; None for none, ValidationError for a wrong one."""
    return typed_with_key(medium, address, country)[1]


def typed_with_key(medium: str, address: str, country: str = "") -> tuple[str, str | None]:
    """Return (stored form, normalised key) of a typed address; raises ValidationError."""
    address, own = address.strip(), Medium(medium).own
    if not address or own is None:
        return address, stored_key(address)
    stored = own.clean(address, country)
    return stored, own.normalise(stored)


def calling_code(address: str) -> str:
    """Return the calling code of a phone number, such as 34; "" for any other address."""
    places = places_of(address) if address.removeprefix("+").isdecimal() else ()
    return places[-1] if places else ""


@lru_cache(10_000)
def places_of(address: str) -> tuple[str, ...]:
    """Return the country and the calling code of a phone number, such as ("ES", "34"); () for any other address."""
    try:
        number = phonenumbers.parse(f"+{address.removeprefix('+')}")
    except phonenumbers.NumberParseException:
        return ()
    region = phonenumbers.region_code_for_number(number)
    return (*([region] if region else []), str(number.country_code))


def address_hash(key: str | None) -> str | None:
    """Hash a key with LINK_KEY, so that a suppression is remembered after its address is erased."""
    if not key:
        return None
    hasher = _hasher(settings.LINK_KEY).copy()
    hasher.update(key.encode())
    return hasher.hexdigest()


@lru_cache(1)
def _hasher(key: str) -> blake2b:
    """Return the state before the first byte, which takes half of the time of a short hash."""
    return blake2b(digest_size=16, key=key.encode()[:64], person=b"address")
