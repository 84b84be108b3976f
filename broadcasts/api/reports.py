"""What became of a broadcast, in numbers: totals, series, links and groups, and the events of one copy."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from broadcasts import links as public_keys
from broadcasts import reporting
from broadcasts.exporting import events_csv, links_csv, report_csv
from broadcasts.models import Broadcast, Delivery, DeliveryEvent
from broadcasts.stats import BroadcastCounts

from .fields import MomentField, accepting
from .renderers import Csv, stream
from .resources import PickingSerializer

NAMED_LINKS = 20
COUNTS = serializers.DictField(child=serializers.IntegerField(), help_text="By outcome or fact.")


class SpanQuery(serializers.Serializer):
    since = MomentField(required=False, help_text="A moment, or a day in the organization's time zone.")
    until = MomentField(required=False, help_text="Up to before this moment or day.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "since" in attrs and "until" in attrs and attrs["since"] >= attrs["until"]:
            raise serializers.ValidationError({"until": ["It has to be later than since."]})
        return attrs


class StatsQuery(SpanQuery):
    per = serializers.ChoiceField(
        choices=list(reporting.PER),
        required=False,
        error_messages=accepting(reporting.PER),
        help_text="The step of the series; by default as long as fits.",
    )


class FigureSerializer(serializers.Serializer):
    """A number with its denominator."""

    name = serializers.CharField()
    value = serializers.IntegerField()
    of = serializers.CharField(allow_blank=True, help_text="What `rate` is a share of, by the name of its total.")
    of_value = serializers.IntegerField(source="total")
    rate = serializers.FloatField(allow_null=True)
    machines = serializers.IntegerField(help_text="How often scanners and proxies did it; never part of `value`.")


class SeriesSerializer(serializers.Serializer):
    """The counts of each step in which something happened."""

    per = serializers.CharField(allow_blank=True, help_text="minute, hour or day; blank: nothing was counted.")
    points = serializers.SerializerMethodField()
    is_cut = serializers.BooleanField(help_text=f"Whether only the first {reporting.MOST} points are here.")

    def get_points(self, found: reporting.TimeSeries) -> list[dict[str, Any]]:
        shown = MomentField()
        return [
            {"at": shown.to_representation(at), **{fact: counts.get(fact, 0) for fact in found.facts}}
            for at, counts in found.points
        ]


class LinkSerializer(PickingSerializer):
    """A tracked link; one with personal values is one link, as its author wrote it."""

    uuid = serializers.UUIDField()
    url = serializers.CharField()
    channel = serializers.CharField(source="message.channel.name", default=None, allow_null=True)
    people = serializers.IntegerField(help_text="Who clicked it, each counted once.")
    clicks = serializers.IntegerField(help_text="Of people, each time.")
    machine_clicks = serializers.IntegerField(help_text="Of scanners and proxies; never part of the others.")


class GroupSerializer(serializers.Serializer):
    """The counts of the recipients with one value."""

    value = serializers.CharField(allow_blank=True, help_text="Blank: all others.")
    counts = COUNTS


class SkipSerializer(serializers.Serializer):
    """Why people got no copy."""

    reason = serializers.CharField(source="value")
    words = serializers.CharField()
    count = serializers.IntegerField()


class FailureSerializer(serializers.Serializer):
    """Why copies failed, in the server's words without what is a recipient's own."""

    outcome = serializers.CharField(help_text="failed, unknown or bounced.")
    words = serializers.CharField()
    count = serializers.IntegerField()
    example = serializers.SerializerMethodField(help_text="The key of a delivery.")

    def get_example(self, one: reporting.ReasonCount) -> str | None:
        return public_keys.delivery_token(one.example) if one.example else None


class StatsSerializer(PickingSerializer):
    """The report of a broadcast."""

    totals = FigureSerializer(many=True)
    series = SeriesSerializer()
    links = LinkSerializer(many=True, help_text=f"The first {NAMED_LINKS}; `links/` has all of them.")
    languages = GroupSerializer(many=True)
    domains = GroupSerializer(many=True)
    devices = GroupSerializer(many=True)
    skipped = SkipSerializer(many=True)
    failures = FailureSerializer(many=True)
    is_counting = serializers.BooleanField(help_text="Whether outcomes are still to be counted by group.")


class EventSerializer(PickingSerializer):
    """What was reported about a copy."""

    type = serializers.ChoiceField(choices=DeliveryEvent.Type.choices)
    at = MomentField()
    received = MomentField(source="created")
    machine = serializers.BooleanField(help_text="Of a scanner or proxy: it is no fact of the person.")
    rule = serializers.SerializerMethodField(help_text="That told it to be a machine's, or a person's.")
    link = serializers.CharField(source="link.url", default=None, allow_null=True)
    detail = serializers.DictField()

    def get_rule(self, event: DeliveryEvent) -> str:
        return str(event.detail.get("rule", ""))


class Reports:
    """The reports of broadcasts, for their view."""

    @extend_schema(
        summary="Read the report",
        description="Numbers with what they are a share of, as JSON; one line each as CSV, streamed, where `Accept` is "
        "`text/csv`. Of a draft all are empty. It reads counts alone, so it takes as long for a million people.",
        parameters=[StatsQuery],
        responses=StatsSerializer,
        filters=False,
    )
    @action(detail=True, filter_backends=[], pagination_class=None, serializer_class=StatsSerializer)
    def stats(self: Any, request: Request, uuid: str) -> Any:
        query = StatsQuery(data=request.query_params, context=self.get_serializer_context())
        query.is_valid(raise_exception=True)
        broadcast = self.reported()
        if isinstance(request.accepted_renderer, Csv):
            counts = reporting.series(broadcast, **query.validated_data)
            return stream(report_csv(broadcast, counts), f"report-{broadcast.uuid}.csv")
        return Response(self.get_serializer(report(broadcast, self.picked, query.validated_data)).data)

    @extend_schema(
        summary="List the links that people clicked",
        description="Those that most people clicked first; all of them as CSV, where `Accept` is `text/csv`.",
        responses=LinkSerializer(many=True),
        filters=False,
    )
    @action(detail=True, filter_backends=[], serializer_class=LinkSerializer)
    def links(self: Any, request: Request, uuid: str) -> Any:
        broadcast = self.reported()
        rows = reporting.links(broadcast)
        if isinstance(request.accepted_renderer, Csv):
            return stream(links_csv(rows), f"links-{broadcast.uuid}.csv")
        page = self.paginate_queryset(rows) or []
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    def reported(self: Any) -> Broadcast:
        """Return the broadcast with all that tells what is measured of it."""
        rows = Broadcast.objects.prefetch_related("messages__channel", "messages__template")
        broadcast = rows.get(pk=self.get_object().pk)
        broadcast.organization = self.organization
        return broadcast


def report(broadcast: Broadcast, wanted: set[str], span: dict[str, Any]) -> dict[str, Any]:
    """Return the wanted parts of a report; the others cost no query."""
    counts = BroadcastCounts.of(broadcast) if wanted & {"totals", "domains"} else None
    parts = {
        "totals": lambda: reporting.figures(broadcast, counts),
        "series": lambda: reporting.series(broadcast, **span),
        "links": lambda: reporting.links(broadcast)[:NAMED_LINKS],
        "languages": lambda: reporting.languages(broadcast),
        "domains": lambda: reporting.domains(broadcast, counts),
        "devices": lambda: reporting.devices(broadcast),
        "skipped": lambda: reporting.skips(broadcast),
        "failures": lambda: reporting.failures(broadcast),
        "is_counting": lambda: reporting.is_counting(broadcast),
    }
    return {name: part() for name, part in parts.items() if name in wanted}


def events_of(delivery: Delivery) -> QuerySet[DeliveryEvent]:
    """Return what was reported about a copy, in the order in which it was recorded."""
    return DeliveryEvent.objects.filter(delivery=delivery).select_related("link").order_by("pk")


def stream_events(delivery: Delivery) -> Any:
    return stream(events_csv(events_of(delivery)), f"events-{public_keys.delivery_token(delivery.pk)}.csv")
