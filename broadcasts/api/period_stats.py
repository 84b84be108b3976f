"""`/api/stats/`: a period across all broadcasts of the organization."""

from datetime import timedelta
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from broadcasts import reporting
from broadcasts.exporting import period_csv
from broadcasts.models import Broadcast
from broadcasts.reporting.periods import DAYS, RANKED, RANKED_BY

from .fields import MomentField, RefField
from .permissions import OfMember
from .renderers import AsTable, Csv, stream
from .reports import FigureSerializer, SpanQuery
from .resources import PickingSerializer


class PeriodQuery(SpanQuery):
    least = serializers.IntegerField(
        required=False,
        min_value=1,
        max_value=10**9,
        help_text=f"Sent copies that a broadcast needs to be ranked; {reporting.LEAST} by default.",
    )


class RankedSerializer(serializers.Serializer):
    """A broadcast with one of its figures."""

    broadcast = RefField(Broadcast, read_only=True)
    figure = FigureSerializer()


class RankingSerializer(serializers.Serializer):
    """The broadcasts with the highest and the lowest rates of one fact."""

    by = serializers.CharField()
    highest = RankedSerializer(many=True)
    lowest = RankedSerializer(many=True)


class GrowthSerializer(serializers.Serializer):
    """What was added in one day or week; one in which nothing was is left out."""

    at = MomentField(help_text="Its beginning.")
    contacts = serializers.IntegerField()
    granted = serializers.IntegerField(help_text="Consents.")
    withdrawn = serializers.IntegerField(help_text="Consents.")


class PeriodSerializer(PickingSerializer):
    """A period across broadcasts: of those that began in it."""

    since = MomentField()
    until = MomentField()
    totals = FigureSerializer(many=True)
    rankings = RankingSerializer(many=True)
    unsubscribes = RankedSerializer(many=True)
    per = serializers.CharField(help_text="The step of `growth`: day, or week in a long period.")
    growth = GrowthSerializer(many=True)
    is_cut = serializers.BooleanField(help_text="Whether there are more broadcasts than are read, the newest ones.")


class PeriodStats(OfMember, AsTable, viewsets.GenericViewSet):
    """A period across broadcasts."""

    serializer_class = PeriodSerializer
    pagination_class = None
    tables = frozenset({"retrieve"})

    def act(self) -> str:
        return "read"

    @extend_schema(
        summary="Read a period across broadcasts",
        description="The last 30 days without `since` and `until`; a line for each number as CSV, where `Accept` is "
        "`text/csv`.",
        parameters=[PeriodQuery],
        responses=PeriodSerializer,
        filters=False,
        operation_id="stats_retrieve",
    )
    def retrieve(self, request: Request) -> Any:
        query = PeriodQuery(data=request.query_params, context={"organization": self.organization})
        query.is_valid(raise_exception=True)
        given = query.validated_data
        until = given.get("until") or timezone.now()
        since = given.get("since") or until - timedelta(days=DAYS)
        if since >= until:
            raise serializers.ValidationError({"since": ["It has to be earlier than until."]})
        period = reporting.Period.of(self.organization, since, until)
        if isinstance(request.accepted_renderer, Csv):
            return stream(period_csv(period), "stats.csv")
        return Response(self.get_serializer(told(period, given.get("least", reporting.LEAST))).data)


def told(period: reporting.Period, least: int) -> dict[str, Any]:
    rankings = {by: reporting.ranked(period, by, least) for by in RANKED_BY}
    return {
        "since": period.since,
        "until": period.until,
        "totals": reporting.totals(period),
        "rankings": [
            {"by": by, "highest": _rows(found[:RANKED]), "lowest": _rows(found[::-1][:RANKED])}
            for by, found in rankings.items()
        ],
        "unsubscribes": _rows(reporting.unsubscribes(period)[:100]),
        "per": period.per,
        "growth": [
            {"at": at, **{name: counts.get(name, 0) for name in ("contacts", "granted", "withdrawn")}}
            for at, counts in reporting.growth(period)
        ],
        "is_cut": period.is_cut,
    }


def _rows(found: list[tuple[Broadcast, reporting.ReportFigure]]) -> list[dict[str, Any]]:
    return [{"broadcast": one, "figure": figure} for one, figure in found]
