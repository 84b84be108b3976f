"""Sending domains: what their DNS says, and the keys that sign their mail."""

from typing import Any, ClassVar

from django.db.models import Prefetch, QuerySet
from django_filters import rest_framework as filters
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field, extend_schema_view
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from broadcasts import inspecting
from broadcasts.exceptions import WrongState
from broadcasts.models import SendingDomain, SigningKey

from .fields import MomentField
from .permissions import UUID
from .resources import Audited, Created, Destroyed, Listed, Resource, ResourceSerializer, Retrieved, StrictSerializer


class FindingSerializer(serializers.Serializer):
    """One thing that the DNS says, or lacks."""

    subject = serializers.ChoiceField(choices=["spf", "dkim", "dmarc", "alignment", "mx", "ptr", "mta-sts"])
    level = serializers.ChoiceField(choices=["good", "warning", "stop"])
    text = serializers.CharField()
    host = serializers.CharField(help_text="Where `record` has to be published; empty: nothing has to be.")
    record = serializers.CharField()
    key = serializers.CharField(help_text="The uuid of the key that it is about; empty for none.")


class SigningKeySerializer(serializers.Serializer):
    """A key; its private half is never shown."""

    uuid = serializers.UUIDField()
    created = MomentField()
    selector = serializers.CharField()
    algorithm = serializers.ChoiceField(choices=SigningKey.Algorithm.choices)
    is_active = serializers.BooleanField(help_text="It signs the mail of the domain.")
    is_published = serializers.SerializerMethodField(help_text="The last check saw its record as it has to be.")
    host = serializers.SerializerMethodField(help_text="The name of its TXT record.")
    record = serializers.SerializerMethodField(help_text="The TXT record in one piece.")
    strings = serializers.SerializerMethodField(help_text="The same in strings of at most 255 characters.")

    def get_is_published(self, key: SigningKey) -> bool:
        return inspecting.is_published(key)

    def get_host(self, key: SigningKey) -> str:
        return inspecting.host_of(key)

    def get_record(self, key: SigningKey) -> str:
        return inspecting.record_of(key)

    def get_strings(self, key: SigningKey) -> list[str]:
        return inspecting.pieces(inspecting.record_of(key))


class NewKeySerializer(StrictSerializer):
    """What key to make."""

    algorithm = serializers.ChoiceField(choices=SigningKey.Algorithm.choices, default=SigningKey.Algorithm.RSA)
    selector = serializers.CharField(
        max_length=63, required=False, default="", allow_blank=True, help_text="Without it, one from today's date."
    )


class ActivateSerializer(StrictSerializer):
    """Whether to wait for the DNS."""

    unseen = serializers.BooleanField(default=False, help_text="Activate it though no check has seen its record.")


class SendingDomainFilter(filters.FilterSet):
    name = filters.CharFilter(lookup_expr="icontains")

    class Meta:
        model = SendingDomain
        fields: list[str] = []


class SendingDomainSerializer(ResourceSerializer):
    findings = serializers.SerializerMethodField()
    keys = serializers.SerializerMethodField()
    unique_by = "name"

    class Meta:
        model = SendingDomain
        fields = ("uuid", "id", "created", "modified", "name", "checked_at", "due_at", "findings", "keys")
        read_only_fields = ("uuid", "id", "checked_at", "due_at")
        extra_kwargs: ClassVar = {
            "checked_at": {"help_text": "null: not yet."},
            "due_at": {"help_text": "When it is checked next."},
        }
        validators: list = []

    @extend_schema_field(FindingSerializer(many=True))
    def get_findings(self, domain: SendingDomain) -> list[dict[str, Any]]:
        return [one.stored() for one in inspecting.findings(domain)]

    @extend_schema_field(SigningKeySerializer(many=True))
    def get_keys(self, domain: SendingDomain) -> Any:
        return SigningKeySerializer(domain.keys.all(), many=True).data

    def create(self, validated_data: dict[str, Any]) -> SendingDomain:
        inspecting.check_room(self.context["organization"])
        made = super().create(validated_data)
        inspecting.ask_again(made)
        return made


KEY = OpenApiParameter("key", str, OpenApiParameter.PATH, description="The uuid of the key.")


@extend_schema_view(
    list=extend_schema(summary="List sending domains"),
    retrieve=extend_schema(summary="Read a sending domain"),
    create=extend_schema(
        summary="Add a sending domain", description="The domain of each e-mail channel is there by itself."
    ),
    destroy=extend_schema(
        summary="Delete a sending domain", description="Its keys go with it. 409: one of them is active."
    ),
)
class SendingDomains(Audited, Listed, Retrieved, Created, Destroyed, Resource):
    """The domains that mail comes from, with what their DNS said when it was asked last."""

    model = SendingDomain
    serializer_class = SendingDomainSerializer
    filterset_class = SendingDomainFilter
    write_act = "manage"
    ordering_fields: ClassVar = {"name": "name", "created": "created"}
    default_ordering = "name"

    def get_queryset(self) -> QuerySet:
        keys = SigningKey.objects.defer("secret").order_by("-is_active", "selector")
        return super().get_queryset().prefetch_related(Prefetch("keys", keys))

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        inspecting.know_all([self.organization.pk])
        return super().list(request, *args, **kwargs)

    def remove(self, row: SendingDomain) -> None:
        if row.keys.filter(is_active=True).exists():
            raise WrongState("A key of this domain is active. Retire it first, or its mail would leave unsigned.")
        super().remove(row)

    def key_of(self, uuid: str) -> SigningKey:
        domain = self.get_object()
        rows = SigningKey.objects.filter(domain=domain).defer("secret").select_related("domain__organization")
        key = rows.filter(uuid=uuid).first() if UUID.fullmatch(uuid) else None
        if key is None:
            raise NotFound()
        return key

    @extend_schema(
        summary="Check a sending domain",
        description="A worker asks its DNS as soon as it is free; `checked_at` tells when it has.",
        request=None,
        responses={202: SendingDomainSerializer},
    )
    @action(detail=True, methods=["post"])
    def check(self, request: Request, uuid: str) -> Response:
        domain = self.get_object()
        inspecting.ask_again(domain)
        return self.shown(self.fresh(domain), 202)

    @extend_schema(
        summary="Make a signing key",
        description="It signs nothing before it is activated. Answers with the record to publish.",
        request=NewKeySerializer,
        responses={201: SigningKeySerializer},
    )
    @action(detail=True, methods=["post"], url_path="keys")
    def keys(self, request: Request, uuid: str) -> Response:
        key = inspecting.make_key(self.get_object(), **self.read(NewKeySerializer), by=self.user)
        return Response(SigningKeySerializer(key).data, status=201)

    @extend_schema(
        summary="Activate a signing key",
        description="409: it is active already, or the last check did not see its record (`unseen` overrides that).",
        parameters=[KEY],
        request=ActivateSerializer,
        responses={200: SigningKeySerializer},
    )
    @action(detail=True, methods=["post"], url_path="keys/(?P<key>[^/]+)/activate")
    def activate(self, request: Request, uuid: str, key: str) -> Response:
        row = self.key_of(key)
        inspecting.activate(row, self.user, **self.read(ActivateSerializer))
        return Response(SigningKeySerializer(row).data)

    @extend_schema(
        summary="Retire a signing key",
        description="It signs nothing any more; keep its record for a week, for mail that is under way.",
        parameters=[KEY],
        request=None,
        responses={200: SigningKeySerializer},
    )
    @action(detail=True, methods=["post"], url_path="keys/(?P<key>[^/]+)/retire")
    def retire(self, request: Request, uuid: str, key: str) -> Response:
        row = self.key_of(key)
        inspecting.retire(row, self.user)
        return Response(SigningKeySerializer(row).data)

    @extend_schema(
        summary="Delete a signing key", description="409: it is active.", parameters=[KEY], responses={204: None}
    )
    @action(detail=True, methods=["delete"], url_path="keys/(?P<key>[^/]+)")
    def delete_key(self, request: Request, uuid: str, key: str) -> Response:
        inspecting.delete_key(self.key_of(key), self.user)
        return Response(status=204)
