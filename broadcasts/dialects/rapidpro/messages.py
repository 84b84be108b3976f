"""`/api/v2/messages.json`: the copies that were sent, and the replies in the folder `inbox`."""

from collections.abc import Iterable, Mapping
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import Q, QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ParseError
from rest_framework.request import Request
from rest_framework.response import Response

from broadcasts import links, rendering
from broadcasts.api.deliveries import loaded
from broadcasts.api.fields import ref
from broadcasts.api.permissions import UUID
from broadcasts.database import as_id
from broadcasts.exceptions import BroadcastsError
from broadcasts.mediums import SENT_TO
from broadcasts.models import (
    Batch,
    Broadcast,
    Contact,
    Delivery,
    Inbound,
    Media,
    Message,
    MessageTranslation,
    Organization,
)

from .broadcasts import media_of, reply_of
from .contacts import RapidProRefSerializer, person
from .media import attachment
from .urns import having
from .views import RapidProSpanSerializer, RapidProView, UuidParameter, paged, shown, uuid_of

Status = Delivery.Status
ONLY_ONE = "You may only specify one of the contact, folder, label or broadcast parameters"
FILTERS = ("contact", "folder", "label", "broadcast")
# The statuses in a folder, and the counters of batches that tell in which messages there are any.
FOLDERS = {
    "sent": ([Status.SENT], ["sent"]),
    "failed": (
        [Status.FAILED, Status.UNKNOWN, Status.SKIPPED, Status.CANCELLED],
        ["failed", "unknown", "skipped", "cancelled"],
    ),
}
STATUSES = ("queued", "handled", "wired", "sent", "delivered", "read", "errored", "failed")


class RapidProAttachmentSerializer(serializers.Serializer):
    content_type = serializers.CharField()
    url = serializers.CharField()


class RapidProQuickReplySerializer(serializers.Serializer):
    type = serializers.CharField()
    text = serializers.CharField(allow_null=True)
    extra = serializers.CharField(allow_null=True)


class RapidProMessageSerializer(serializers.Serializer):
    uuid = serializers.UUIDField()
    id = serializers.IntegerField()
    broadcast = serializers.IntegerField(allow_null=True, help_text="The id of its broadcast.")
    contact = RapidProRefSerializer(allow_null=True)
    urn = serializers.CharField(allow_null=True)
    channel = RapidProRefSerializer(allow_null=True)
    direction = serializers.ChoiceField(choices=["in", "out"])
    type = serializers.CharField()
    status = serializers.ChoiceField(choices=STATUSES)
    visibility = serializers.CharField()
    text = serializers.CharField()
    labels = serializers.ListField()
    attachments = RapidProAttachmentSerializer(many=True)
    quick_replies = RapidProQuickReplySerializer(many=True)
    flow = serializers.DictField(allow_null=True)
    created_on = serializers.CharField()
    sent_on = serializers.CharField(allow_null=True)
    modified_on = serializers.CharField()


class RapidProMessagesFilter(RapidProSpanSerializer):
    id = serializers.CharField(required=False)
    uuid = UuidParameter(required=False)
    folder = serializers.CharField(required=False, help_text="inbox (replies), outbox, sent or failed.")
    contact = serializers.CharField(required=False, help_text="Its uuid or URN.")
    broadcast = serializers.CharField(required=False, help_text="Its id or uuid.")


class RapidProMessages(RapidProView):
    @extend_schema(
        summary="List messages",
        description="The copies of broadcasts, newest first; replies in the folder inbox only.",
        parameters=[RapidProMessagesFilter],
        responses=paged(RapidProMessageSerializer),
    )
    def get(self, request: Request) -> Response:
        asked = {name: value for name in FILTERS if (value := self.param(name))}
        if len(asked) > 1:
            raise ParseError(ONLY_ONE)
        if asked.get("folder") == "inbox":
            replies = Inbound.objects.for_organization(self.organization).select_related("contact", "channel")
            pages, page = self.pages(self.chosen(self.within(replies), "id", "uuid"))
            return pages.get_paginated_response([reply(one) for one in page])
        rows = self.chosen(self.within(self._of(asked)), "id", "uuid")
        pages, page = self.pages(rows.only("pk"), ("-id",))
        copies = loaded([one.pk for one in page])
        said = Contents(copies, self.organization)
        return pages.get_paginated_response([said.shown(one) for one in copies])

    def _of(self, asked: Mapping[str, str]) -> QuerySet[Delivery]:
        rows = Delivery.objects.for_organization(self.organization)
        if "folder" in asked:
            return self._in_folder(rows, asked["folder"])
        if "label" in asked:
            return rows.none()
        if named := asked.get("contact"):
            people = Contact.objects.for_organization(self.organization)
            by_uuid = UUID.fullmatch(named)
            return rows.filter(
                contact__in=people.filter(uuid=named) if by_uuid else people.filter(having(named, self.organization))
            )
        if named := asked.get("broadcast"):
            messages = Message.objects.filter(broadcast__in=self._broadcasts(named))
            return rows.filter(message__in=list(messages.values_list("pk", flat=True)))
        return rows

    def _in_folder(self, rows: QuerySet[Delivery], folder: str) -> QuerySet[Delivery]:
        """Return the copies in a folder; only of messages that have some, since most of a log is in another one."""
        if folder == "outbox":
            under_way = Message.objects.filter(broadcast__status__in=Broadcast.STOPPABLE)
            return rows.filter(status=Status.PENDING, message__in=under_way.order_by().values("pk"))
        statuses, counters = FOLDERS.get(folder, ([], []))
        counted = reduce(or_, (Q(**{f"{name}__gt": 0}) for name in counters), Q(pk=None))
        return rows.filter(status__in=statuses, message__in=Batch.objects.filter(counted).values("message"))

    def _broadcasts(self, named: str) -> QuerySet[Broadcast]:
        rows = Broadcast.objects.for_organization(self.organization)
        if UUID.fullmatch(named):
            return rows.filter(uuid=named)
        return rows.filter(pk=as_id(named) or 0)

    def by(self, rows: QuerySet, name: str, value: str) -> QuerySet:
        if name == "uuid" and rows.model is Delivery:  # which has none of its own
            return rows.filter(pk=links.delivery_of(uuid_of(value)) or 0)
        return super().by(rows, name, value)


class Contents:
    """Deliveries as RapidPro shows messages: what each said is rendered again, all within the budget of one copy."""

    def __init__(self, deliveries: Iterable[Delivery], organization: Organization) -> None:
        rows = Message.objects.filter(pk__in={one.message_id for one in deliveries})
        rows = rows.select_related("channel", "template", "broadcast__organization")
        self.messages = {one.pk: one for one in rows.prefetch_related("translations", "template__translations")}
        self.budget = rendering.Budget()
        self.compiled: dict[int, rendering.CompiledMessage | None] = {}
        attached = [uuid for message in self.messages.values() for uuid in _attached(message)]
        files = Media.objects.for_organization(organization)
        self.media = {str(one.uuid): one for one in files.filter(uuid__in=attached)} if attached else {}

    def shown(self, delivery: Delivery) -> dict[str, Any]:
        message = self.messages[delivery.message_id]
        translation = message.translation(delivery.language)
        files = [self.media[uuid] for uuid in _files(translation) if uuid in self.media]
        return {
            "uuid": str(links.delivery_uuid(delivery.pk)),
            "id": delivery.pk,
            "broadcast": message.broadcast_id,
            "contact": delivery.contact and person(delivery.contact),
            "urn": urn(delivery, message),
            "channel": ref(message.channel) if message.channel else None,
            "direction": "out",
            "type": "text",
            "status": status(delivery),
            "visibility": "visible",
            "text": self.text(delivery, message, translation),
            "labels": [],
            "attachments": [
                dict(zip(("content_type", "url"), attachment(one).split(":", 1), strict=True)) for one in files
            ],
            "quick_replies": [reply_of(one) for one in (translation.quick_replies if translation else [])],
            "flow": None,
            "created_on": shown(delivery.created),
            "sent_on": shown(delivery.sent_at),
            "modified_on": shown(delivery.latest),
        }

    def text(self, delivery: Delivery, message: Message, translation: MessageTranslation | None) -> str:
        """Return what a copy said; the text as it was written where it cannot be rendered again."""
        key = links.delivery_token(delivery.pk)
        recipient = rendering.Recipient(key, delivery.address, delivery.language, delivery.contact)
        try:
            if message.pk not in self.compiled:
                self.compiled[message.pk] = None
                self.compiled[message.pk] = rendering.compile_message(message)
            if compiled := self.compiled[message.pk]:
                return compiled.render(recipient, self.budget).text
        except BroadcastsError:
            pass
        return translation.text if translation else ""


def _attached(message: Message) -> list[str]:
    return [uuid for translation in message.translations.all() for uuid in _files(translation)]


def _files(translation: MessageTranslation | None) -> list[str]:
    return media_of(translation) if translation else []


def status(delivery: Delivery) -> str:
    """Return what became of a copy, in RapidPro's words: `sent` is what a provider took, which is `wired` there."""
    if delivery.opened_at:
        return "read"
    if delivery.delivered_at:
        return "delivered"
    if delivery.status == Status.PENDING:
        return "errored" if delivery.attempts else "queued"
    return "wired" if delivery.status == Status.SENT else "failed"


def urn(delivery: Delivery, message: Message) -> str | None:
    if not delivery.address:
        return None
    scheme = SENT_TO[message.channel.contact_field if message.channel else "email"].scheme
    return f"{scheme}:{delivery.address}"


def reply(one: Inbound) -> dict[str, Any]:
    """Return a reply as RapidPro shows a message of its inbox."""
    scheme = SENT_TO[one.channel.contact_field].scheme if one.channel else ""
    return {
        "uuid": str(one.uuid),
        "id": one.pk,
        "broadcast": None,
        "contact": one.contact and person(one.contact),
        "urn": f"{scheme}:{one.address}" if scheme and one.address else None,
        "channel": ref(one.channel) if one.channel else None,
        "direction": "in",
        "type": "text",
        "status": "handled",
        "visibility": "visible",
        "text": one.text,
        "labels": [],
        "attachments": [],
        "quick_replies": [],
        "flow": None,
        "created_on": shown(one.created),
        "sent_on": shown(one.at),
        "modified_on": shown(one.modified),
    }
