"""What bodies of RapidPro's clients name: translations, media, contacts and groups."""

from collections.abc import Sequence
from typing import Any, ClassVar

from django.db.models import Q
from django.db.models.functions import Lower
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from broadcasts import links
from broadcasts.api.fields import TextField
from broadcasts.api.permissions import UUID
from broadcasts.database import is_storable, tidy_name
from broadcasts.models import Contact, Media, Organization, Segment

from .languages import NOT_ALLOWED, is_allowed, primary_of
from .urns import find_urns

MOST = 100  # people and groups of one request
MOST_LANGUAGES = 50
MOST_PARTS = 10  # attachments, or quick replies, of one language
LONGEST_TEXT = 4096
NO_SUCH = "No such object: {}"
TOO_MANY = "Ensure this field has no more than {} elements."
TOO_LONG = "Ensure this field has no more than 3 characters."
NEITHER = "Must be a string or integer"
STRINGS = {"type": "array", "items": {"type": "string"}}
KINDS = ("text", "form", "url", "location")


CODE = "^[a-z]{3}$"


def by_language(value: dict[str, Any]) -> Any:
    """Return the decorator that describes a value per language, or a bare one."""
    names = {"propertyNames": {"pattern": CODE}, "minProperties": 1, "maxProperties": MOST_LANGUAGES}
    return extend_schema_field({"oneOf": [value, {"type": "object", "additionalProperties": value, **names}]})


@extend_schema_field({"type": "string", "pattern": CODE})
class RapidProLanguageField(serializers.CharField):
    """An ISO 639-3 code."""

    def to_internal_value(self, data: Any) -> str:
        code = super().to_internal_value(data)
        if not is_allowed(code, self.context["organization"]):
            raise serializers.ValidationError([*([TOO_LONG] if len(code) > 3 else []), NOT_ALLOWED])
        return code


class PerLanguageField(serializers.DictField):
    """A value per language, {"eng": …}; a bare one, of the type `bare`, is in the primary language."""

    bare: ClassVar[type]

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(allow_empty=False, **kwargs)

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        organization = self.context["organization"]
        if isinstance(data, self.bare):
            data = {primary_of(organization): data}
        if isinstance(data, dict):
            if len(data) > MOST_LANGUAGES:
                raise serializers.ValidationError(TOO_MANY.format(MOST_LANGUAGES))
            if wrong := {str(code): [NOT_ALLOWED] for code in data if not is_allowed(str(code), organization)}:
                raise serializers.ValidationError(wrong)
        return super().to_internal_value(data)


class MessageTextField(TextField):
    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


@by_language({"type": "string", "minLength": 1, "maxLength": LONGEST_TEXT})
class RapidProTextField(PerLanguageField):
    bare = str
    child = MessageTextField(max_length=LONGEST_TEXT)


class MediaListField(serializers.ListField):
    """Uploaded files, each by its uuid or as it is shown: type:url."""

    child = serializers.CharField()

    def to_internal_value(self, data: Any) -> list[Media]:
        names = super().to_internal_value(data)
        if len(names) > MOST_PARTS:
            raise serializers.ValidationError(TOO_MANY.format(MOST_PARTS))
        uuids = {name: uuid[0] for name in names if (uuid := UUID.search(name))}
        pks = {name: links.media_id(name.rstrip("/").rpartition("/f/")[2]) for name in names if name not in uuids}
        rows = Media.objects.for_organization(self.context["organization"])
        rows = rows.filter(Q(uuid__in=uuids.values()) | Q(pk__in=[pk for pk in pks.values() if pk]))
        found: dict[Any, Media] = {key: one for one in rows for key in (one.uuid.hex, one.pk)}
        keys = {name: key_of(uuids[name]) if name in uuids else pks[name] for name in names}
        for name in names:
            if keys[name] not in found:
                raise serializers.ValidationError(NO_SUCH.format(name))
        return [found[keys[name]] for name in names]


@by_language({**STRINGS, "maxItems": MOST_PARTS})
class RapidProAttachmentsField(PerLanguageField):
    bare = list
    child = MediaListField()


@extend_schema_field({"type": ["object", "string"]})
class QuickReplyField(serializers.Field):
    """{"type", "text", "extra"}, or its text alone."""

    def to_internal_value(self, data: Any) -> dict[str, str]:
        if isinstance(data, str):
            data = {"text": data}
        if not isinstance(data, dict):
            raise serializers.ValidationError(f'Expected a dictionary of items but got type "{type(data).__name__}".')
        kind = data.get("type") or "text"
        reply = {"type": kind, **{name: data[name] for name in ("text", "extra") if data.get(name)}}
        if wrong := self._wrong(kind, reply):
            raise serializers.ValidationError(wrong)
        return reply

    def _wrong(self, kind: Any, reply: dict[str, Any]) -> str:
        if not isinstance(kind, str) or kind not in KINDS:
            return f'"{kind}" is not a valid choice.'
        for name, longest in (("text", 64), ("extra", 1000)):
            if not isinstance(reply.get(name, ""), str):
                return f"{name}: Not a valid string."
            if not is_storable(reply.get(name, "")):
                return f"{name}: Null characters are not allowed."
            if len(reply.get(name, "")) > longest:
                return f"{name}: Ensure this field has no more than {longest} characters."
        if kind == "text" and "text" not in reply:
            return "Quick replies of type 'text' require a 'text' value."
        if kind in ("url", "form") and not reply.keys() >= {"text", "extra"}:
            return f"Quick replies of type '{kind}' require 'text' and 'extra' values."
        if kind == "location" and "extra" in reply:
            return "Quick replies of type 'location' cannot have an 'extra' value."
        return ""


@by_language({"type": "array", "items": {"type": ["object", "string"]}, "maxItems": MOST_PARTS})
class RapidProQuickRepliesField(PerLanguageField):
    bare = list
    child = serializers.ListField(child=QuickReplyField(), max_length=MOST_PARTS)


class NamesField(serializers.Field):
    """Rows of the organization by what names them; the first unknown one is refused."""

    def __init__(self, most: int = MOST, **kwargs: Any) -> None:
        self.most = most
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> list[Any]:
        if not isinstance(data, list):
            raise serializers.ValidationError(f'Expected a list of items but got type "{type(data).__name__}".')
        if len(data) > self.most:
            raise serializers.ValidationError(TOO_MANY.format(self.most))
        if not all(isinstance(one, str | int) and not isinstance(one, bool) for one in data):
            raise serializers.ValidationError(NEITHER)
        names = [tidy_name(str(one)) for one in data]
        found = self.find([name for name in names if is_storable(name)])
        for name in names:
            if key_of(name) not in found:
                raise serializers.ValidationError(NO_SUCH.format(name))
        return list({found[key_of(name)].pk: found[key_of(name)] for name in names}.values())

    def find(self, names: Sequence[str]) -> dict[str, Any]:
        """Return {key of a name: row} of what there is."""
        raise NotImplementedError


@extend_schema_field({**STRINGS, "maxItems": MOST})
class RapidProContactsField(NamesField):
    """Contacts by uuid or by URN."""

    def find(self, names: Sequence[str]) -> dict[str, Any]:
        organization = self.context["organization"]
        rows = Contact.objects.for_organization(organization)
        urns = find_urns([name for name in names if not UUID.fullmatch(name)], organization)
        return {key_of(urn): contact for urn, contact in urns.items()} | _by_uuid(rows, names)


@extend_schema_field({**STRINGS, "maxItems": MOST})
class RapidProGroupsField(NamesField):
    """Segments by uuid or by name in any case."""

    def find(self, names: Sequence[str]) -> dict[str, Any]:
        return find_groups(names, self.context["organization"])


def find_groups(names: Sequence[str], organization: Organization) -> dict[str, Segment]:
    """Return {key of a name: segment} of those that there are."""
    rows = Segment.objects.for_organization(organization)
    # Also as they are written, since a database may fold other letters than Python does.
    same = Q(folded__in=[one.lower() for one in names]) | Q(name__in=names)
    named = rows.annotate(folded=Lower("name")).filter(same)
    return {one.name.lower(): one for one in named} | _by_uuid(rows, names)


def find_group(name: str, organization: Organization) -> Segment | None:
    """Return the segment of a uuid, or of a name in any case."""
    name = tidy_name(name)
    return find_groups([name], organization).get(key_of(name))


def key_of(name: str) -> str:
    """Return what a uuid, or a name in any case, is looked up by."""
    return name.replace("-", "").lower() if UUID.fullmatch(name) else name.lower()


def _by_uuid(rows: Any, names: Sequence[str]) -> dict[str, Any]:
    return {one.uuid.hex: one for one in rows.filter(uuid__in=[one for one in names if UUID.fullmatch(one)])}
