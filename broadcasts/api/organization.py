from typing import Any

import phonenumbers
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from broadcasts import links, receiving
from broadcasts.models import (
    AuditEntry,
    Keyword,
    Layout,
    Member,
    Organization,
    Template,
    validate_answer_texts,
    validate_quiet_hours,
)

from .fields import ArrayField, ObjectField, RefField
from .idempotency import Idempotent
from .permissions import act_of
from .resources import ResourceSerializer

THRESHOLDS = ("complaints_slow", "complaints_pause", "bounces_slow", "bounces_pause")


@extend_schema_field({"type": "number", "minimum": 0.01, "maximum": 100})
class ThresholdField(serializers.DecimalField):
    """A share in percent, shown as a number; the model knows its bounds."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_digits=5, decimal_places=2, coerce_to_string=False, required=False, **kwargs)


class OrganizationSerializer(ResourceSerializer):
    country = serializers.CharField(required=False, allow_blank=True, max_length=2)
    languages = ArrayField(required=False, max_length=100)
    default_template = RefField(Template, required=False, allow_null=True)
    default_layout = RefField(
        Layout, required=False, allow_null=True, help_text="What stands around mail that names no layout."
    )
    default_send_hour = serializers.IntegerField(required=False, min_value=0, max_value=23)
    globals = ObjectField(required=False)
    consent_wording = ObjectField(required=False)
    answer_texts = ObjectField(required=False)
    default_answer_texts = serializers.SerializerMethodField(
        help_text="What answers where `answer_texts` has no text: per keyword and language."
    )
    archive_url = serializers.SerializerMethodField(help_text="Of the public archive; null without one.")
    quiet_hours = ObjectField(required=False, validators=[validate_quiet_hours])

    complaints_slow = ThresholdField(help_text="Complaints in percent of its mail, above which a channel slows.")
    complaints_pause = ThresholdField(help_text="Complaints in percent, above which a channel's broadcasts pause.")
    bounces_slow = ThresholdField(help_text="Bounces and refusals in percent, above which a channel slows.")
    bounces_pause = ThresholdField(help_text="Bounces and refusals in percent, above which its broadcasts pause.")

    class Meta:
        model = Organization
        fields = (
            *("uuid", "id", "created", "modified", "name", "slug", "status", "time_zone", "country", "date_format"),
            *("languages", "default_use_case", "default_subject", "default_template", "default_send_hour"),
            *("default_layout", "globals", "postal_address"),
            *(
                "consent_required",
                "consent_wording",
                "answer_texts",
                "default_answer_texts",
                "quiet_hours",
                "frequency_cap",
                "frequency_cap_days",
                "late_start_minutes",
                "soft_bounces",
                "soft_bounce_days",
                "soft_bounce_rest_days",
                "undo_seconds",
                "has_archive",
                "archive_url",
                "track_general",
                "tracking_domain",
                *THRESHOLDS,
            ),
        )
        read_only_fields = ("uuid", "id", "slug", "status")
        validators: list = []

    def get_default_answer_texts(self, organization: Organization) -> dict[str, dict[str, str]]:
        return {keyword: {tag: texts[keyword] for tag, texts in receiving.TEXTS.items()} for keyword in Keyword.values}

    def get_archive_url(self, organization: Organization) -> str | None:
        return links.archive_url(organization.slug) if organization.has_archive else None

    def validate_answer_texts(self, value: dict[str, Any]) -> dict[str, Any]:
        validate_answer_texts(value, self.instance)
        return value

    def validate_country(self, value: str) -> str:
        if value and value.upper() not in phonenumbers.SUPPORTED_REGIONS:
            raise serializers.ValidationError(f"“{value}” is not a country: use ISO 3166, such as ES.")
        return value.upper()


class OwnOrganization(Idempotent, APIView):
    """The organization that the token is for."""

    member: Member

    def act(self) -> str:
        return act_of(self.request.method, "manage")

    @extend_schema(summary="Read the organization", responses=OrganizationSerializer)
    def get(self, request: Request) -> Response:
        return Response(self.serializer().data)

    @extend_schema(
        summary="Change the organization",
        description="By admins only.",
        request=OrganizationSerializer(partial=True),
        responses=OrganizationSerializer,
    )
    def patch(self, request: Request) -> Response:
        serializer = self.serializer(data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        before = self.member.organization.modified
        organization = serializer.save()
        if organization.modified != before:
            fields = sorted(serializer.validated_data)
            AuditEntry.write(organization, "change", organization=organization, user=request.user, fields=fields)
        return Response(self.serializer().data)

    def serializer(self, **kwargs: Any) -> OrganizationSerializer:
        context = {"request": self.request, "organization": self.member.organization}
        return OrganizationSerializer(self.member.organization, context=context, **kwargs)
