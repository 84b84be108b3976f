"""`/api/v2/contacts.json`: people."""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from django.db import transaction
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from broadcasts import audience, contacts, segmenting
from broadcasts.api.contacts import ContactSerializer
from broadcasts.api.fields import ref
from broadcasts.languages import code_of
from broadcasts.mediums import ADDRESS_FIELDS
from broadcasts.models import (
    Attribute,
    AuditEntry,
    Contact,
    Medium,
    Organization,
    Segment,
    Suppression,
)

from .fields import RapidProGroupsField, RapidProLanguageField, find_group
from .languages import tag_of
from .urns import RapidProUrnField, find_urns, having, normalised, urns_of
from .views import RapidProSpanSerializer, RapidProView, UuidParameter, is_true, paged, shown

LONGEST_NAME = 64
IN_USE = "URN is in use by another contact."
ONE_PER_SCHEME = "A contact has one {} address here."
NO_FIELD = "Invalid contact field key: {}"
BY_QUERY = "Contact group must not be query based: {}"
NOT_WITH_URN = "Field not allowed when using URN in URL"
THEIRS = {"attributes": "fields", "full_name": "name", **dict.fromkeys((*ADDRESS_FIELDS, "external_id"), "urns")}


class RapidProRefSerializer(serializers.Serializer):
    uuid = serializers.UUIDField()
    name = serializers.CharField(allow_null=True)


def person(contact: Contact) -> dict[str, Any]:
    """Return a contact as others refer to it."""
    return {"uuid": str(contact.uuid), "name": contact.full_name or None}


class RapidProContactInput(serializers.Serializer):
    name = serializers.CharField(required=False, allow_null=True, allow_blank=True, max_length=LONGEST_NAME)
    language = RapidProLanguageField(required=False, allow_null=True)
    urns = serializers.ListField(child=RapidProUrnField(max_length=255), required=False, max_length=100)
    groups = RapidProGroupsField(required=False)
    fields = serializers.DictField(required=False, allow_null=True)  # type: ignore[assignment]

    def validate_groups(self, groups: list[Segment]) -> list[Segment]:
        for one in groups:
            if one.kind != Segment.Kind.STATIC:
                raise serializers.ValidationError(BY_QUERY.format(one.name))
        return groups

    def validate_urns(self, urns: list[str]) -> list[str]:
        organization, me, seen = self.context["organization"], self.context.get("contact"), set()
        owners = find_urns(urns, organization)
        for place, urn in enumerate(urns):
            if urn in owners and owners[urn] != me:
                raise serializers.ValidationError({str(place): [IN_USE]})
            scheme = urn.partition(":")[0]
            if scheme in seen:
                raise serializers.ValidationError({str(place): [ONE_PER_SCHEME.format(scheme)]})
            seen.add(scheme)
        return urns

    def validate_fields(self, fields: dict[str, Any] | None) -> dict[str, Any]:
        known = Attribute.objects.for_organization(self.context["organization"])
        keys = set(known.values_list("key", flat=True))
        for key in fields or {}:
            if key not in keys:
                raise serializers.ValidationError(NO_FIELD.format(key))
        return fields or {}


class RapidProContactSerializer(serializers.Serializer):
    uuid = serializers.UUIDField()
    name = serializers.CharField(allow_null=True)
    status = serializers.ChoiceField(choices=["active", "blocked", "stopped", "archived"])
    language = serializers.CharField(allow_null=True)
    urns = serializers.ListField(child=serializers.CharField())
    groups = serializers.ListField(child=RapidProRefSerializer())
    notes = serializers.ListField()
    fields = serializers.DictField()  # type: ignore[assignment]
    flow = serializers.DictField(allow_null=True)
    created_on = serializers.CharField()
    modified_on = serializers.CharField()
    last_seen_on = serializers.CharField(allow_null=True)
    blocked = serializers.BooleanField()
    stopped = serializers.BooleanField()


class RapidProContactKey(serializers.Serializer):
    uuid = UuidParameter(required=False)
    urn = serializers.CharField(required=False)


class RapidProContactsFilter(RapidProContactKey, RapidProSpanSerializer):
    group = serializers.CharField(required=False, help_text="Its uuid or name.")
    deleted = serializers.CharField(required=False)
    reverse = serializers.CharField(required=False, help_text="true: the oldest change first.")


class RapidProContacts(RapidProView):
    keys = ("urn", "uuid")
    acts: ClassVar[dict[str, str]] = {"DELETE": "manage"}

    def rows(self) -> QuerySet[Contact]:
        return Contact.objects.for_organization(self.organization)

    def by(self, rows: QuerySet, name: str, value: str) -> QuerySet:
        return rows.filter(having(value, self.organization)) if name == "urn" else super().by(rows, name, value)

    @extend_schema(
        summary="List contacts",
        description="By their last change, the newest first; `before` and `after` are of that too. Deleted ones are "
        "gone.",
        parameters=[RapidProContactsFilter],
        responses=paged(RapidProContactSerializer),
    )
    def get(self, request: Request) -> Response:
        rows = self.within(self.rows(), "modified")
        if is_true(self.param("deleted")):
            rows = rows.none()
        rows = self.chosen(rows, *self.keys)
        if asked := self.param("group"):
            rows = rows.filter(pk__in=self._members(asked))
        sign = "" if is_true(self.param("reverse")) else "-"
        pages, page = self.pages(rows, (f"{sign}modified", f"{sign}id"))
        return pages.get_paginated_response(people(page, self.organization))

    @extend_schema(
        summary="Add or change a contact",
        description="Without a parameter a new one; with `uuid` or `urn` that one. Who has no such URN is added.",
        parameters=[RapidProContactKey],
        request=RapidProContactInput,
        responses={200: RapidProContactSerializer, 201: RapidProContactSerializer},
    )
    @transaction.atomic
    def post(self, request: Request) -> Response:
        name, contact = self.one_of(*self.keys), None
        if name:
            locked = self.rows().select_for_update(of=("self",), no_key=True)
            contact = self.by(locked, name, self.param(name)).first()
        if name == "uuid" and contact is None:
            raise NotFound()
        given = self.read(RapidProContactInput, contact=contact)
        if name == "urn" and "urns" in given:
            raise serializers.ValidationError({"urns": [NOT_WITH_URN]})
        if name == "urn" and contact is None:
            given["urns"] = [normalised(self.param("urn"), self.organization)]
        saved = self._write(contact, given)
        return Response(people([saved], self.organization)[0], 200 if contact else 201)

    def _members(self, named: str) -> Any:
        group = find_group(named, self.organization)
        return audience.readable_contacts(group).values("pk") if group else []

    def _write(self, contact: Contact | None, given: dict[str, Any]) -> Contact:
        values = profile(given)
        if given.get("fields"):
            values["attributes"] = {**(contact.attributes if contact else {}), **given["fields"]}
        form = ContactSerializer(contact, data=values, partial=True, context=self.context())
        try:
            form.is_valid(raise_exception=True)
            saved = form.save()
        except serializers.ValidationError as error:
            told: Any = error.detail
            raise serializers.ValidationError({THEIRS.get(name, name): told[name] for name in told}) from None
        act = "change" if contact else "create"
        AuditEntry.write(saved, act, organization=self.organization, user=self.user, fields=sorted(values))
        if "groups" in given:
            regroup(saved, given["groups"])
        return saved

    @extend_schema(
        summary="Delete a contact",
        description="By admins only. Its deliveries stay in the log.",
        parameters=[RapidProContactKey],
        responses={204: None},
    )
    @transaction.atomic
    def delete(self, request: Request) -> Response:
        contact = self.named(self.rows(), required=True)
        AuditEntry.write(contact, "delete", organization=self.organization, user=self.user)
        contacts.delete(contact)
        return Response(status=204)


def profile(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a contact, as our API writes them; URNs that are given replace all that were there."""
    values: dict[str, Any] = {}
    if "name" in given:
        values["full_name"] = given["name"] or ""
    if "language" in given:
        values["language"] = tag_of(given["language"] or "")
    if "urns" in given:
        values |= {field: None if field == "external_id" else "" for field, _ in audience.SCHEMES.values()}
        for urn in given["urns"]:
            scheme, _, value = urn.partition(":")
            values[audience.SCHEMES[scheme][0]] = value
    return values


def regroup(contact: Contact, groups: Iterable[Segment]) -> None:
    """Make a contact a member of these static segments and of no other."""
    wanted = {one.pk: one for one in groups}
    there = Segment.objects.filter(members__contact=contact)
    me = Contact.objects.filter(pk=contact.pk)
    changed = [one for one in there.exclude(pk__in=wanted) if segmenting.remove(one, me)]
    changed += [one for one in wanted.values() if segmenting.add(one, me)]
    for segment in changed:
        audience.count_segment(segment)
    if changed:
        contact.refresh_from_db(fields=["modified"])


def people(page: list[Contact], organization: Organization) -> list[dict[str, Any]]:
    """Return contacts as RapidPro shows them, with the groups and suppressions of all of them at once."""
    groups, stopped = audience.groups_of([one.pk for one in page], organization), stopped_ones(page, organization)
    keys = list(Attribute.objects.for_organization(organization).values_list("key", flat=True))
    return [
        {
            "uuid": str(one.uuid),
            "name": one.full_name or None,
            "status": "stopped" if one.pk in stopped and one.status == Contact.Status.ACTIVE else one.status,
            "language": code_of(one.language),
            "urns": urns_of(one),
            "groups": [ref(group) for group in groups[one.pk]],
            "notes": [],
            "fields": {key: one.attributes.get(key) for key in keys},
            "flow": None,
            "created_on": shown(one.created),
            "modified_on": shown(one.modified),
            "last_seen_on": shown(one.last_seen_at),
            "blocked": one.status == Contact.Status.BLOCKED,
            "stopped": one.pk in stopped,
        }
        for one in page
    ]


def stopped_ones(page: list[Contact], organization: Organization) -> set[int]:
    """Return the ids of the contacts of whom every address is suppressed for all messages."""
    hashes = {digest for one in page for digest in addresses_of(one)}
    # With all mediums, since the index begins with the medium.
    rows = Suppression.objects.for_organization(organization).filter(
        medium__in=Medium.values, address_hash__in=hashes, use_case=""
    )
    silent = set(rows.values_list("address_hash", flat=True))
    return {one.pk for one in page if (own := addresses_of(one)) and own <= silent}


def addresses_of(contact: Contact) -> set[str]:
    return {digest for one in ADDRESS_FIELDS.values() if (digest := getattr(contact, one.hash))}
