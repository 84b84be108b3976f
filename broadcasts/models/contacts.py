"""Contacts, and the registry of their attributes."""

import json
import re
from datetime import date, datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone

from broadcasts import formats
from broadcasts.clocks import in_utc
from broadcasts.languages import normalize_language
from broadcasts.mediums import ADDRESS_FIELDS, EXTERNAL_ID, SENT_TO, address_hash, reference_hash

from .base import Base
from .caps import ATTRIBUTE_LENGTH, ATTRIBUTES_LENGTH, CONTACT_ATTRIBUTES, ORGANIZATION_ATTRIBUTES
from .fields import VocabularyField
from .organizations import Organization, validate_time_zone
from .search import search_text

ATTRIBUTE_KEY = re.compile(r"[a-z][a-z0-9_]{0,62}")


def validate_attribute_key(key: str) -> None:
    if not ATTRIBUTE_KEY.fullmatch(key) or "__" in key:
        raise ValidationError(
            f"“{key[:64]}” cannot be the key of an attribute: use small letters, digits and single underscores, "
            "a letter first, 63 at most."
        )


def validate_attributes(value: object) -> None:
    if not isinstance(value, dict):
        raise ValidationError('Attributes are an object, such as {"plan": "pro"}.')
    for key in value:
        validate_attribute_key(key)
    if fault := attributes_fault(value):
        raise ValidationError(fault)


def attributes_fault(attributes: dict[str, Any]) -> str:
    """Return an error message if these are too many or too long for one contact; "" if not."""
    if len(attributes) > CONTACT_ATTRIBUTES:
        return f"A contact has {CONTACT_ATTRIBUTES} attributes at most; these are {formats.number(len(attributes))}."
    total = 0
    for key, value in attributes.items():
        if isinstance(value, str | list | dict):
            length = len(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
            if length > ATTRIBUTE_LENGTH:
                return f"{key}: it has {formats.number(length)} characters; {formats.number(ATTRIBUTE_LENGTH)} at most."
            total += length
    if total > ATTRIBUTES_LENGTH:
        most = formats.number(ATTRIBUTES_LENGTH)
        return f"All attributes of a contact have {most} characters at most; these have {formats.number(total)}."
    return ""


class Contact(Base):
    """A person, with addresses on several media.

    For each address there are its normalised key, unique in the organization, and the keyed hash of that key.
    """

    class Status(models.TextChoices):
        ACTIVE = "active", "Active"
        BLOCKED = "blocked", "Blocked"
        ARCHIVED = "archived", "Archived"

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="contacts", db_index=False)
    full_name = models.CharField(max_length=255, blank=True)
    email = models.CharField("e-mail", max_length=320, blank=True)
    phone = models.CharField(max_length=32, blank=True, help_text="International form, such as +250788123123.")
    whatsapp_id = models.CharField("WhatsApp id", max_length=128, blank=True)
    external_id = models.CharField(max_length=255, null=True, blank=True, help_text="The key of another system.")
    language = models.CharField(max_length=35, blank=True, help_text="BCP 47, such as es or pt-BR.")
    time_zone = models.CharField(max_length=64, blank=True, validators=[validate_time_zone])
    attributes = models.JSONField(default=dict, blank=True, validators=[validate_attributes])
    status = VocabularyField(max_length=10, choices=Status, default=Status.ACTIVE)
    last_seen_at = models.DateTimeField(null=True, blank=True)
    no_tracking = models.BooleanField(
        "not tracked", default=False, db_default=False, help_text="Asked that nobody measures what they open and click."
    )

    email_key = models.CharField(max_length=320, null=True, editable=False)
    email_hash = models.CharField(max_length=32, null=True, editable=False)
    phone_key = models.CharField(max_length=32, null=True, editable=False)
    phone_hash = models.CharField(max_length=32, null=True, editable=False)
    whatsapp_key = models.CharField(max_length=128, null=True, editable=False)
    whatsapp_hash = models.CharField(max_length=32, null=True, editable=False)
    reference_hash = models.CharField(max_length=32, null=True, editable=False)  # of `reference`
    search_text = models.TextField(default="", editable=False)

    # The fields that are imported, exported, merged and shown, in this order, before the attributes.
    PROFILE = ("full_name", *ADDRESS_FIELDS, "external_id", "language", "time_zone")
    # {column: its field}: columns that are unique in an organization, in the order in which an upsert looks them up.
    KEYS = {"external_id": "external_id", **{one.key: one.name for one in ADDRESS_FIELDS.values()}}
    SEARCHED = ("full_name", *(one.name for one in ADDRESS_FIELDS.values() if not one.is_number))

    class Meta:
        constraints = [
            # Upsert looks contacts up by each of these, and expansion walks an organization by id.
            models.UniqueConstraint(fields=["organization", column], name=f"contact_{column}")
            for column in ("external_id", *(one.key for one in ADDRESS_FIELDS.values()))
        ]
        indexes = [
            # Expansion, and the contact list newest first, walk one organization in id order.
            models.Index(fields=["organization", "id"], name="contact_by_organization"),
            # `recipients/` and the contact list sort by name.
            models.Index(fields=["organization", "full_name", "id"], name="contact_by_name"),
            # Clients of RapidPro's API read what changed, newest change first or last, and since a moment.
            models.Index(fields=["organization", "modified", "id"], name="contact_by_change"),
        ]

    @classmethod
    def touch(cls, contacts: models.QuerySet["Contact"]) -> None:
        """Set `modified` of contacts that are to join or leave a segment.

        Clients that read what changed see them. They are locked in the order of their ids, before the rows of their
        membership, so that there is no deadlock with what writes the contacts themselves.
        """
        held = cls.objects.filter(pk__in=contacts.order_by().values("pk")).order_by("pk").select_for_update(no_key=True)
        cls.objects.filter(pk__in=held.values("pk")).update(modified=timezone.now())

    def __str__(self) -> str:
        return self.full_name or self.address or self.external_id or str(self.uuid)

    def clean(self) -> None:
        """Normalise addresses, language and attributes; raises ValidationError with a dict of fields."""
        country = self.organization.country if self.organization_id else ""
        errors: dict[str, list[str]] = {}
        for name in (*ADDRESS_FIELDS, "language"):
            value = getattr(self, name).strip()
            address = ADDRESS_FIELDS.get(name)
            try:
                if value:
                    value = address.clean(value, country) if address else normalize_language(value)
                setattr(self, name, value)
            except ValidationError as error:
                errors[name] = error.messages
        self.external_id = self.external_id or None
        if errors:
            raise ValidationError(errors)
        self.set_keys()
        if isinstance(self.attributes, dict) and self.attributes and self.organization_id:
            known = Attribute.objects.for_organization(self.organization_id).filter(key__in=self.attributes)
            types = dict(known.values_list("key", "type"))
            new = [key for key, value in self.attributes.items() if key not in types and value is not None]
            if fault := Attribute.no_room_for(len(new), self.organization_id):
                raise ValidationError({"attributes": fault})
            self._put_moments_in_utc(types)

    def _put_moments_in_utc(self, types: dict[str, str]) -> None:
        """Convert moments to UTC, as conditions compare them, except in attributes of another type."""
        moments = {
            key: in_utc(value)
            for key, value in self.attributes.items()
            if types.get(key, Attribute.Type.DATETIME) == Attribute.Type.DATETIME
        }
        self.attributes = {**self.attributes, **moments}

    @property
    def address(self) -> str:
        """The first address in the order of ADDRESS_FIELDS; "" if there is none."""
        return next((address for name in ADDRESS_FIELDS if (address := getattr(self, name))), "")

    @property
    def reference(self) -> str:
        """What names the person to a webhook: the external id, or else the uuid."""
        return self.external_id or str(self.uuid)

    def address_in(self, field: str) -> str:
        """Return the address that a channel which sends to `field` (of `mediums.SENT_TO`) uses; "" for none."""
        return self.reference if field == EXTERNAL_ID.name else getattr(self, field)

    @property
    def name_and_address(self) -> str:
        """The name with the first address, for lists to choose a contact from."""
        return f"{self.full_name} <{self.address}>" if self.full_name and self.address else str(self)

    @property
    def reading_language(self) -> str:
        """The contact's language, or the organization's primary one if it is unknown."""
        return self.language or self.organization.primary_language

    def set_keys(self) -> None:
        """Set the keys and hashes from the cleaned addresses, and the search column from name and addresses."""
        for one in ADDRESS_FIELDS.values():
            key = one.normalise(getattr(self, one.name))
            setattr(self, one.key, key)
            setattr(self, one.hash, address_hash(key))
        self.reference_hash = reference_hash(self.reference)
        self.search_text = search_text(*(getattr(self, name) for name in self.SEARCHED))

    @property
    def hashes(self) -> set[str]:
        """The hashes of the addresses, as suppressions store them."""
        return {digest for one in SENT_TO.values() if (digest := getattr(self, one.hash))}

    def save(self, *args, **kwargs) -> None:
        self.set_keys()
        super().save(*args, **kwargs)


class Attribute(Base):
    """The type and label of one key of contacts' attributes in an organization."""

    class Type(models.TextChoices):
        TEXT = "text", "Text"
        NUMBER = "number", "Number"
        BOOLEAN = "boolean", "Yes or no"
        DATE = "date", "Date"
        DATETIME = "datetime", "Date and time"
        LIST = "list", "List"

    class IndexState(models.TextChoices):
        BUILDING = "building", "Being built"
        READY = "ready", "Ready"
        FAILED = "failed", "Failed"

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="attributes")
    key = models.CharField(max_length=63, validators=[validate_attribute_key])
    label = models.CharField(max_length=255, blank=True)
    type = VocabularyField(max_length=10, choices=Type, default=Type.TEXT)
    is_indexed = models.BooleanField(
        "indexed",
        default=False,
        help_text="Rules that choose few people by it are found fast; writing contacts costs more.",
    )
    index_state = VocabularyField("index", max_length=10, choices=IndexState, blank=True, editable=False)

    class Meta:
        ordering = ["key"]
        constraints = [models.UniqueConstraint(fields=["organization", "key"], name="attribute_key")]

    def __str__(self) -> str:
        return self.label or self.key

    def clean(self) -> None:
        if self._state.adding and self.organization_id and (fault := self.no_room_for(1, self.organization_id)):
            raise ValidationError({"key": fault})

    @classmethod
    def no_room_for(cls, new: int, organization: Organization | int) -> str:
        """Return an error message if `new` more attributes are too many for an organization; "" if not."""
        if not new:
            return ""
        there = cls.objects.for_organization(organization).count()
        if there + new <= ORGANIZATION_ATTRIBUTES:
            return ""
        return (
            f"An organization has {ORGANIZATION_ATTRIBUTES} different attributes at most; this one has {there}, "
            f"and {formats.number(new)} more would be new."
        )

    @classmethod
    def infer_type(cls, value: object) -> str:
        """Return the type that a JSON value seems to have; text in ISO 8601 format is a date or datetime."""
        if isinstance(value, bool):
            return cls.Type.BOOLEAN
        if isinstance(value, int | float):
            return cls.Type.NUMBER
        if isinstance(value, list):
            return cls.Type.LIST
        if isinstance(value, str):
            for parse, found in (
                (date.fromisoformat, cls.Type.DATE),
                (datetime.fromisoformat, cls.Type.DATETIME),
            ):
                if "-" in value:
                    try:
                        parse(value)
                    except ValueError:
                        continue
                    return found
        return cls.Type.TEXT

    @classmethod
    def register(cls, organization: Organization, attributes: dict) -> None:
        """Create the entries of new keys, with the type that their value seems to have."""
        known = set(cls.objects.for_organization(organization).filter(key__in=attributes).values_list("key", flat=True))
        cls.objects.bulk_create(
            [
                cls(
                    organization=organization,
                    key=key,
                    label=key.replace("_", " "),
                    type=cls.infer_type(value),
                )
                for key, value in attributes.items()
                if key not in known and value is not None
            ],
            ignore_conflicts=True,
        )
