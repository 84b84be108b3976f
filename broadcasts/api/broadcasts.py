"""`/api/broadcast-messages/`: what existing clients know, and what it adds."""

from typing import Any

from django.db import transaction
from django.db.models import F, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce, NullIf
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from broadcasts import archiving, audience, designing, drafting, pricing, rendering, sending, stats
from broadcasts.audience import Audience, Route
from broadcasts.exceptions import InvalidInput, NotReady, WrongState
from broadcasts.models import Broadcast, Message, MessageTranslation, Segment

from .actions import (
    AUDIENCE_PARAMETERS,
    AddressesSerializer,
    ArchiveSerializer,
    AudienceSerializer,
    EstimateSerializer,
    PreviewedSerializer,
    PreviewSerializer,
    RecipientSerializer,
    RetargetSerializer,
    TriedSerializer,
)
from .checks import Checks
from .counting import Counted
from .deliveries import LogFilter, LogSerializer, loaded, log_of, stream_csv
from .merge_fields import LackingSerializer
from .permissions import may
from .renderers import AsTable, Csv
from .reports import Reports
from .resources import FullResource, StrictSerializer
from .serializers import BroadcastSerializer, named_segments
from .transitions import TOO_LATE, Transitions
from .versions import Versions

CONTENT = ("subject", "body")


class BroadcastFilter(filters.FilterSet):
    state = filters.ChoiceFilter(choices=[(state, state) for state in Broadcast.STATES], method="of_state")
    subject = filters.CharFilter(method="of_subject")
    status = filters.MultipleChoiceFilter(choices=Broadcast.Status.choices)
    use_case = filters.CharFilter()

    class Meta:
        model = Broadcast
        fields: list[str] = []

    def of_state(self, queryset: QuerySet, name: str, value: str) -> QuerySet:
        return queryset.filter(Broadcast.in_state(value))

    def of_subject(self, queryset: QuerySet, name: str, value: str) -> QuerySet:
        return with_subject(queryset).filter(shown_subject__icontains=value)


def with_subject(queryset: QuerySet) -> QuerySet:
    """Annotate `shown_subject`: that of the first message, in the base language."""
    contents = MessageTranslation.objects.filter(
        message__broadcast=OuterRef("pk"), language=OuterRef("base_language")
    ).order_by("message__position", "message_id")
    return queryset.alias(shown_subject=Coalesce(Subquery(contents.values("subject")[:1]), Value("")))


@extend_schema_view(
    list=extend_schema(summary="List broadcasts"),
    retrieve=extend_schema(summary="Read a broadcast"),
    create=extend_schema(summary="Draft a broadcast"),
    update=extend_schema(summary="Write a broadcast", responses={200: BroadcastSerializer, **TOO_LATE}),
    partial_update=extend_schema(
        summary="Change a broadcast",
        description="What changes nothing writes nothing.",
        responses={200: BroadcastSerializer, **TOO_LATE},
    ),
    destroy=extend_schema(summary="Delete a broadcast", responses={204: None, **TOO_LATE}),
)
class Broadcasts(Transitions, Checks, Reports, Versions, AsTable, FullResource):
    """Broadcasts, from draft to sent."""

    model = Broadcast
    serializer_class = BroadcastSerializer
    filterset_class = BroadcastFilter
    ordering_fields = {"created": "created", "subject": "shown_subject", "author_full_name": "author_shown"}
    default_ordering = "-created"
    tables = frozenset({"logs", "stats", "links"})
    acts = {
        "recipients": "read",
        "lacking": "read",
        "logs": "read",
        **dict.fromkeys(Transitions.OF_SENDERS, "send"),
        "archive": "send",
    }

    def get_queryset(self) -> QuerySet:
        queryset = super().get_queryset()
        if getattr(self, "swagger_fake_view", False):
            return queryset
        related = [name for name in ("activity", "retarget_of", "parent") if self.wants(name)]
        lists = [name for name in Broadcast.WHO_LISTS if self.wants(name)]
        if self.wants("messages", "measured"):
            lists.append("messages__channel")
            related.append("organization")  # which says whether general mail is measured
        if self.wants("messages"):
            lists += ["messages__template", "messages__layout"]
        if self.wants("messages", "warnings", *CONTENT):
            lists.append("messages__translations")
        return queryset.select_related("author", *related).prefetch_related(*lists)

    def prepare_ordering(self, queryset: QuerySet, names: set[str]) -> QuerySet:
        if "author_full_name" in names:
            name = Coalesce(NullIf("author__full_name", Value("")), F("author__email"), Value(""))
            queryset = queryset.alias(author_shown=name)
        return with_subject(queryset) if "subject" in names else queryset

    def decorate(self, rows: list[Any]) -> list[Any]:
        self.shared: dict[str, Any] = {"has_content": self.wants("messages", *CONTENT)}
        if self.wants("warnings"):
            self.shared["expression_scope"] = rendering.ExpressionScope(self.organization)
        if self.wants("counts"):
            self.shared["counts"] = stats.counts(rows)
        if pks := [row.pk for row in rows if row.in_archive] if self.wants("archive_url") else []:
            listed = archiving.listed(self.organization).filter(pk__in=pks)
            self.shared["archived"] = set(listed.values_list("pk", flat=True))
        if self.wants("messages"):
            messages = [message for row in rows if row.status in Broadcast.STARTED for message in row.messages.all()]
            self.shared["message_counts"] = stats.message_counts(messages) if messages else {}
            self.shared["message_costs"] = pricing.spent(messages) if messages else {}
        if uuids := named_segments([row.query for row in rows]) if self.wants("query") else set():
            segments = Segment.objects.for_organization(self.organization).filter(uuid__in=uuids)
            self.shared["segment_names"] = {segment.uuid.hex: segment.name for segment in segments}
        return rows

    def get_serializer_context(self) -> dict[str, Any]:
        return super().get_serializer_context() | getattr(self, "shared", {})

    def audit(self, row: Any, act: str, fields: list[str]) -> None:
        """Leave it to `drafting`, which does it for every door."""

    def update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        row = self.get_object()
        if not row.is_editable:  # before the body is validated
            raise WrongState(drafting.why_not_editable(row))
        return super().update(request, *args, **kwargs)

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        drafting.delete(self.get_object(), by=self.user)
        return Response(status=204)

    @extend_schema(
        summary="List who would receive a broadcast by e-mail",
        filters=False,
        parameters=AUDIENCE_PARAMETERS,
        responses=RecipientSerializer(many=True),
    )
    @action(detail=False, filter_backends=[])
    def recipients(self, request: Request) -> Response:
        query = audience.query_from(request.query_params)
        audience.validate(query, self.organization)
        wanted = Audience(organization=self.organization, use_case=self.organization.default_use_case, query=query)
        of = (self.organization.pk, self.organization.modified, query)
        people = audience.recipients(wanted, Route()).filter(skip_reason="").order_by("full_name", "pk")
        counted = Counted(people, lambda: audience.estimate(wanted, [Route()]).will_receive, of=of)
        page = self.paginate_queryset(counted)  # type: ignore[arg-type]
        serializer = RecipientSerializer(page, many=True, context=self.get_serializer_context())
        return self.get_paginated_response(serializer.data)

    @extend_schema(
        summary="Write again to those for whom it became this",
        description="As a linked draft with the same content, which is returned. What else is given is written into "
        "it, as a PATCH would. Only of a broadcast that was started, and by what its `measured` names.",
        request=RetargetSerializer,
        responses={201: BroadcastSerializer},
    )
    @action(detail=True, methods=["post"])
    def retarget(self, request: Request, uuid: str) -> Response:
        broadcast = self.get_object()
        engagement = self.read(RetargetSerializer)["engagement"]
        others = dict(request.data)
        del others["engagement"]
        overrides = self.get_serializer(data=others, partial=True)
        with transaction.atomic():
            child = sending.retarget(broadcast, engagement, by=self.user)
            overrides.is_valid(raise_exception=True)
            child = drafting.save(child, overrides.validated_data, by=self.user)
            drafting.refresh_preview(child)
        return self.shown(self.fresh(child), 201)

    @extend_schema(
        summary="Put into the public archive, or take out",
        description="Of a broadcast that has begun to be sent. Of a draft, PATCH `in_archive`.",
        request=ArchiveSerializer,
        responses={200: BroadcastSerializer},
    )
    @action(detail=True, methods=["post"])
    def archive(self, request: Request, uuid: str) -> Response:
        is_wanted = self.read(ArchiveSerializer)["in_archive"]
        return self.do(archiving.put if is_wanted else archiving.take_out)

    @extend_schema(summary="Copy as a new draft", request=None, responses={201: BroadcastSerializer})
    @action(detail=True, methods=["post"])
    def duplicate(self, request: Request, uuid: str) -> Response:
        with transaction.atomic():
            copy = sending.duplicate(self.get_object(), by=self.user)
            drafting.refresh_preview(copy)
        return self.shown(self.fresh(copy), 201)

    @extend_schema(
        summary="Send a test",
        description="To the addresses given (at most 10), or to yourself; it is not counted, and its subject begins "
        "with [Test]. Addresses that must not be written to are refused, each with the reason; the others get it.",
        filters=False,
        request=AddressesSerializer,
        responses=TriedSerializer(many=True),
    )
    @action(detail=True, methods=["post"])
    def test(self, request: Request, uuid: str) -> Response:
        broadcast = self.get_object()
        me = self.user.email
        given = self.read(AddressesSerializer)
        addresses = given.get("addresses") or [me]
        others = [address for address in addresses if address.removeprefix("mailto:").casefold() != me.casefold()]
        if others and not may(request, self.member, "send"):
            raise PermissionDenied("You may send tests to yourself only.")
        tried = sending.send_test(
            broadcast,
            addresses,
            by=self.user,
            message=chosen_message(broadcast, given["channel"]) if given.get("channel") else None,
            languages=given.get("languages") or (),
            person=given.get("contact"),
        )
        return Response([{"address": address, "error": error or None} for address, error in tried])

    @extend_schema(
        summary="Render for one contact",
        description="As the contact given would get it, or the first one of the audience.",
        request=PreviewSerializer,
        responses=PreviewedSerializer,
    )
    @action(detail=True, methods=["post"])
    def preview(self, request: Request, uuid: str) -> Response:
        broadcast = self.get_object()
        given = self.read(PreviewSerializer)
        message = chosen_message(broadcast, given.get("channel"))
        contact = given.get("contact") or audience.matched(Audience.of(broadcast)).order_by("pk").first()
        if contact is None:
            raise InvalidInput({"contact": "The audience is empty; name a contact to render for."})
        designing.refresh(message)
        told = message, contact, given.get("language") or None
        context = {"contact": contact, "message": message, "bubble": rendering.bubble(*told)}
        return Response(PreviewedSerializer(rendering.preview(*told), context=context).data)

    @extend_schema(summary="Estimate the audience of a draft", request=None, responses=EstimateSerializer)
    @action(detail=True, methods=["post"])
    def estimate(self, request: Request, uuid: str) -> Response:
        broadcast = self.get_object()
        if broadcast.status not in Broadcast.EDITABLE:
            raise WrongState(drafting.NOT_EDITABLE)
        self.read(StrictSerializer)
        found = audience.estimate(Audience.of(broadcast), audience.routes_of(broadcast))
        return Response(EstimateSerializer(found, context={"cost": pricing.expected(broadcast, found)}).data)

    @extend_schema(
        summary="Count the recipients who lack a value",
        description="Of each merge field that the content names without a default: how many recipients, or before the "
        "start those that it would have now, have no value. `GET /api/contacts/?recipient_of=<uuid>&lacks=<name>` "
        "lists them.",
        filters=False,
        responses=LackingSerializer,
    )
    @action(detail=True, filter_backends=[])
    def lacking(self, request: Request, uuid: str) -> Response:
        total, fields = rendering.lacking(self.get_object())
        return Response(LackingSerializer({"recipients": total, "fields": fields}).data)

    @extend_schema(
        summary="Estimate an audience",
        operation_id="broadcast_messages_estimate_audience",
        description="With the fields of a broadcast that say who, and when; by e-mail, unless channels are named.",
        request=AudienceSerializer,
        responses=EstimateSerializer,
    )
    @action(detail=False, methods=["post"], url_path="estimate", url_name="estimate-audience")
    def estimate_audience(self, request: Request) -> Response:
        serializer = AudienceSerializer(data=request.data, context=self.get_serializer_context())
        serializer.is_valid(raise_exception=True)
        wanted, routes = serializer.audience()
        return Response(EstimateSerializer(audience.estimate(wanted, routes)).data)

    @extend_schema(
        summary="Read the delivery log",
        description="A page as JSON; the whole log as CSV, streamed, where `Accept` is `text/csv`.",
        responses=LogSerializer(many=True),
        filters=True,
    )
    @action(
        detail=True,
        filterset_class=LogFilter,
        serializer_class=LogSerializer,
        ordering_fields={},
    )
    def logs(self, request: Request, uuid: str) -> Any:
        broadcast = self.get_object()
        rows = self.filter_queryset(log_of(broadcast))
        if isinstance(request.accepted_renderer, Csv):
            return stream_csv(rows, f"broadcast-{broadcast.uuid}.csv")
        page = self.paginate_queryset(rows.values_list("pk", flat=True)) or []
        return self.get_paginated_response(self.get_serializer(loaded(page), many=True).data)


def chosen_message(broadcast: Broadcast, channel: Any) -> Message:
    messages = broadcast.messages.select_related("channel", "broadcast__organization").prefetch_related("translations")
    found = messages.filter(channel=channel).first() if channel else messages.first()
    if found is None and channel:
        raise InvalidInput({"channel": f"This broadcast says nothing on {channel}."})
    if found is None:
        raise NotReady("This broadcast has no message yet.")
    return found
