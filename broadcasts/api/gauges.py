"""What the API tells of gauges and warm-ups."""

from typing import Any

from django.conf import settings
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from broadcasts import gauging
from broadcasts.gauging.gauge import LEVELS
from broadcasts.models import Channel

from .resources import StrictSerializer

MOST_PEOPLE = 1_000_000_000


class LevelField(serializers.ChoiceField):
    """`good`, also while there are too few to judge; `slow`; or `pause`."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(LEVELS, help_text="`good` also while there are too few to judge.", **kwargs)


class ShareSerializer(serializers.Serializer):
    """One share with its thresholds, all in percent."""

    percent = serializers.SerializerMethodField()
    slow = serializers.DecimalField(max_digits=5, decimal_places=2, coerce_to_string=False)
    pause = serializers.DecimalField(max_digits=5, decimal_places=2, coerce_to_string=False)
    is_judged = serializers.BooleanField(help_text="Whether enough was sent to judge it.")
    level = LevelField()
    words = serializers.CharField()

    def get_percent(self, share: gauging.Share) -> float:
        return round(100 * share.share, 4)


class GaugeSerializer(serializers.Serializer):
    """Of the whole channel, with an empty domain, or of one receiving domain."""

    domain = serializers.CharField()
    sent = serializers.IntegerField()
    complained = serializers.IntegerField()
    bounced = serializers.IntegerField()
    refused = serializers.IntegerField()
    level = LevelField()
    complaints = ShareSerializer(help_text="In percent of what was sent.")
    undelivered = ShareSerializer(help_text="Bounces and refusals, in percent of what was sent or refused.")


class SlowDomainSerializer(serializers.Serializer):
    """A receiving domain that is slowed."""

    domain = serializers.CharField()
    to = serializers.FloatField(help_text="Messages per second.")
    until = serializers.DateTimeField(help_text="Prolonged while its share is too high.")
    why = serializers.CharField()


class GaugesSerializer(serializers.Serializer):
    """The gauges of a channel, and what they have slowed."""

    days = serializers.SerializerMethodField(help_text="Of the rolling window.")
    slowed_to = serializers.SerializerMethodField(help_text="Messages per second; null: it is not slowed.")
    slowed_until = serializers.SerializerMethodField()
    slowed_why = serializers.CharField()
    slow_domains = serializers.SerializerMethodField()
    gauges = serializers.SerializerMethodField()

    def get_days(self, channel: Channel) -> int:
        return int(settings.GAUGE_DAYS)

    def get_slowed_to(self, channel: Channel) -> int | None:
        return channel.slowed_to if channel.is_slowed else None

    @extend_schema_field(serializers.DateTimeField(allow_null=True))
    def get_slowed_until(self, channel: Channel) -> Any:
        return channel.slowed_until if channel.is_slowed else None

    @extend_schema_field(SlowDomainSerializer(many=True))
    def get_slow_domains(self, channel: Channel) -> list[dict[str, Any]]:
        return [{"domain": name, **channel.slowed_domains[name]} for name in channel.slow_domains]

    @extend_schema_field(GaugeSerializer(many=True))
    def get_gauges(self, channel: Channel) -> Any:
        return GaugeSerializer(gauging.gauges(channel), many=True).data


class WarmUpAudienceSerializer(StrictSerializer):
    """For how many people a warm-up is asked."""

    audience = serializers.IntegerField(required=False, min_value=1, max_value=MOST_PEOPLE)


class WarmUpDaySerializer(serializers.Serializer):
    """One day of a warm-up."""

    day = serializers.DateField()
    messages = serializers.IntegerField(help_text="On this day at most.")
    total = serializers.IntegerField(help_text="Since it began.")


class AdviceSerializer(serializers.Serializer):
    """The warm-up that is proposed for a channel."""

    audience = serializers.IntegerField()
    sent_lately = serializers.IntegerField(help_text="From its domain in the last 60 days.")
    is_needed = serializers.BooleanField()
    ramp = serializers.DictField(help_text="What to write to the channel.")
    days = WarmUpDaySerializer(many=True)
