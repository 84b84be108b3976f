"""`/api/v2/broadcasts.json`: making one sends it."""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from django.db import transaction
from django.db.models import Prefetch, Q, QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from broadcasts import drafting, sending, stats
from broadcasts.api.fields import REF, ref
from broadcasts.languages import code_of
from broadcasts.models import Broadcast, Contact, Media, MessageTranslation, Organization, Segment

from .contacts import person
from .content import PARTS, merged, messages
from .fields import (
    MOST,
    STRINGS,
    RapidProAttachmentsField,
    RapidProContactsField,
    RapidProGroupsField,
    RapidProLanguageField,
    RapidProQuickRepliesField,
    RapidProTextField,
)
from .media import attachment
from .urns import RapidProUrnField
from .views import RapidProSpanSerializer, RapidProView, UuidParameter, paged, shown

Status = Broadcast.Status
STATUSES = ("pending", "queued", "started", "completed", "failed", "interrupted")
NO_CONTENT = "Must provide either text or attachments."
NOBODY = "Must provide either urns, contacts or groups."
NO_BASE = {
    "text": "No text translation provided in base language.",
    "attachments": "No attachment translations provided in base language.",
    "quick_replies": "No quick_replies translations provided in base language.",
}
SUSPENDED = (
    "Sorry, your workspace is currently suspended. To re-enable starting flows and sending messages, please contact "
    "support."
)


def per_language(value: dict[str, Any]) -> Any:
    return extend_schema_field({"type": "object", "additionalProperties": value})


class RapidProBroadcastInput(serializers.Serializer):
    urns = serializers.ListField(child=RapidProUrnField(max_length=255), max_length=MOST, required=False)
    contacts = RapidProContactsField(required=False)
    groups = RapidProGroupsField(required=False)
    text = RapidProTextField(required=False)
    attachments = RapidProAttachmentsField(required=False)
    quick_replies = RapidProQuickRepliesField(required=False)
    base_language = RapidProLanguageField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if self.context["organization"].status != Organization.Status.ACTIVE:
            raise serializers.ValidationError(SUSPENDED)
        if not (attrs.get("text") or any(attrs.get("attachments", {}).values())):
            raise serializers.ValidationError(NO_CONTENT)
        if not any(attrs.get(name) for name in ("urns", "contacts", "groups")):
            raise serializers.ValidationError(NOBODY)
        first = next(name for name in PARTS if attrs.get(name))
        base = attrs.setdefault("base_language", next(iter(attrs[first])))
        if not attrs.get("text") and base not in attrs["attachments"]:
            raise serializers.ValidationError(NO_BASE["text"])
        for name in PARTS:
            if attrs.get(name) and base not in attrs[name]:
                raise serializers.ValidationError(NO_BASE[name])
        return attrs


class RapidProProgressSerializer(serializers.Serializer):
    total = serializers.IntegerField(help_text="-1 until it is known, and where there is nobody.")
    started = serializers.IntegerField()


class RapidProBroadcastSerializer(serializers.Serializer):
    """A broadcast; one that was not made by this API shows what of it there is here."""

    uuid = serializers.UUIDField()
    id = serializers.IntegerField()
    status = serializers.SerializerMethodField()
    progress = serializers.SerializerMethodField()
    urns = serializers.SerializerMethodField()
    contacts = serializers.SerializerMethodField()
    groups = serializers.SerializerMethodField()
    text = serializers.SerializerMethodField()
    attachments = serializers.SerializerMethodField()
    quick_replies = serializers.SerializerMethodField()
    base_language = serializers.SerializerMethodField()
    created_on = serializers.SerializerMethodField()

    @extend_schema_field(serializers.ChoiceField(choices=STATUSES))
    def get_status(self, row: Broadcast) -> str:
        if row.status == Status.SENDING and row.expanded_at is None:
            return "pending"
        if row.status in (Status.SENDING, Status.PAUSED):
            return "started" if self._started(row) else "queued"
        return {Status.SENT: "completed", Status.CANCELLED: "interrupted"}.get(Status(row.status), "failed")

    def _started(self, row: Broadcast) -> int:
        counts = self.context["counts"][row.pk]
        return max(0, counts["contacts"] - counts["pending"])

    @extend_schema_field(RapidProProgressSerializer)
    def get_progress(self, row: Broadcast) -> dict[str, int]:
        total = self.context["counts"][row.pk]["contacts"] if row.expanded_at else 0
        return {"total": total or -1, "started": self._started(row) if total else 0}

    @extend_schema_field(STRINGS)
    def get_urns(self, row: Broadcast) -> list[str]:
        return self._given(row).get("urns", row.addresses[:MOST])

    @extend_schema_field({"type": "array", "items": REF})
    def get_contacts(self, row: Any) -> list[dict[str, str | None]]:
        return [person(one) for one in row.first_contacts]

    @extend_schema_field({"type": "array", "items": REF})
    def get_groups(self, row: Broadcast) -> list[dict[str, str]]:
        return [ref(one) for one in row.segments.all()]

    @per_language({"type": ["string", "null"]})
    def get_text(self, row: Broadcast) -> dict[str, str | None]:
        texts = part(row, "text")
        return {code: texts.get(code) or None for code in {**texts, **part(row, "attachments")}}

    @per_language(STRINGS)
    def get_attachments(self, row: Broadcast) -> dict[str, list[str]]:
        known: Mapping[str, Media] = self.context["media"]
        parts = part(row, "attachments")
        return {
            code: [attachment(known[uuid]) for uuid in parts.get(code) or [] if uuid in known]
            for code in {**part(row, "text"), **parts}
        }

    @per_language({"type": "array", "items": {"type": "object"}})
    def get_quick_replies(self, row: Broadcast) -> dict[str, list[dict[str, Any]]]:
        return {code: [reply_of(one) for one in replies] for code, replies in part(row, "quick_replies").items()}

    def get_base_language(self, row: Broadcast) -> str:
        return self._given(row).get("base_language") or code_of(row.base_language) or "und"

    def get_created_on(self, row: Broadcast) -> str:
        return shown(row.created) or ""

    def _given(self, row: Broadcast) -> dict[str, Any]:
        return row.extra.get("rapidpro") or {}


def part(row: Broadcast, name: str) -> dict[str, Any]:
    """Return a part of the content by code: as it was given, or of the first message."""
    given = row.extra.get("rapidpro")
    if given:
        return given.get(name) or {}
    message = row.first_message()
    translations = list(message.translations.all()) if message else []
    found: dict[str, Any] = {}
    # Of several forms of a language that one is shown which most people are sent.
    for one in sorted(translations, key=lambda one: one.language != row.base_language):
        value = media_of(one) if name == "attachments" else getattr(one, name)
        if value or name == "text":
            found.setdefault(code_of(one.language) or one.language, value)
    return found


def media_of(translation: MessageTranslation) -> list[str]:
    """Return the uuids of the files that a translation attaches."""
    return [one["media"] for one in translation.attachments if isinstance(one, dict) and "media" in one]


def reply_of(reply: Any) -> dict[str, Any]:
    given = reply if isinstance(reply, dict) else {"text": str(reply)}
    return {"type": given.get("type") or "text", "text": given.get("text"), "extra": given.get("extra")}


class RapidProBroadcastsFilter(RapidProSpanSerializer):
    id = serializers.CharField(required=False)
    uuid = UuidParameter(required=False)


class RapidProBroadcasts(RapidProView):
    acts: ClassVar[dict[str, str]] = {"POST": "send"}

    @extend_schema(
        summary="List broadcasts",
        description="Newest first; those that are sent or being sent, whoever made them. Drafts and scheduled ones are "
        "not here.",
        parameters=[RapidProBroadcastsFilter],
        responses=paged(RapidProBroadcastSerializer),
    )
    def get(self, request: Request) -> Response:
        rows = self.within(begun(self.organization))
        rows = self.chosen(rows, "id", "uuid")
        pages, found = self.pages(rows)
        return pages.get_paginated_response(self.data(found))

    @extend_schema(
        summary="Send a message",
        description="It is sent at once, to the first channel that reaches each person: WhatsApp, SMS, e-mail, "
        "webhook. A repeated request sends again, unless both have the same Idempotency-Key.",
        request=RapidProBroadcastInput,
        responses={201: RapidProBroadcastSerializer},
    )
    def post(self, request: Request) -> Response:
        given = self.read(RapidProBroadcastInput)
        with transaction.atomic():
            broadcast = drafting.save(
                Broadcast(organization=self.organization), values(given, self.organization), by=self.user
            )
            sending.send(broadcast, self.user, to_nobody=True)
        [row] = self.data(list(begun(self.organization).filter(pk=broadcast.pk)))
        return Response(row, 201)

    def data(self, rows: list[Broadcast]) -> list[dict[str, Any]]:
        context = self.context(counts=stats.counts(rows), media=_media(rows, self.organization))
        return list(RapidProBroadcastSerializer(rows, many=True, context=context).data)


def begun(organization: Organization) -> QuerySet[Broadcast]:
    """Return the broadcasts that RapidPro would know, with all that their serializer reads."""
    rows = Broadcast.objects.for_organization(organization)
    rows = rows.filter(Q(status__in=Broadcast.STARTED) | Q(status=Status.FAILED, started_at__isnull=False))
    lists: list[Any] = [
        Prefetch("messages__translations", MessageTranslation.objects.defer("html")),
        Prefetch("contacts", Contact.objects.order_by("pk")[:MOST], to_attr="first_contacts"),
        Prefetch("segments", Segment.objects.order_by("pk")),
    ]
    return rows.defer("audience_preview").prefetch_related(*lists)


def _media(rows: Iterable[Broadcast], organization: Organization) -> dict[str, Media]:
    """Return {uuid: file} of all that broadcasts attach."""
    named = {uuid for row in rows for uuids in part(row, "attachments").values() for uuid in uuids}
    files = Media.objects.for_organization(organization)
    return {str(one.uuid): one for one in files.filter(uuid__in=named)} if named else {}


def values(given: Mapping[str, Any], organization: Organization) -> dict[str, Any]:
    """Return what `drafting.save` takes, of what RapidPro's clients write."""
    base, contents = merged(organization, given, given["base_language"])
    kept = {name: given[name] for name in (*PARTS, "base_language") if name in given}
    if "attachments" in kept:
        kept["attachments"] = {code: [str(one.uuid) for one in files] for code, files in kept["attachments"].items()}
    return {
        "contacts": given.get("contacts", []),
        "segments": given.get("groups", []),
        "addresses": given.get("urns", []),
        "base_language": base,
        "messages": messages(organization, contents),
        "extra": {"rapidpro": {**kept, "urns": given.get("urns", [])}},
    }
