"""Mailboxes that are read for bounces, complaints and replies."""

from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema, extend_schema_field, extend_schema_view
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from broadcasts import fetching
from broadcasts.models import Channel, Mailbox
from broadcasts.transports import TransportError

from .errors import ProviderFailed, invalid
from .fields import ObjectField, RefField
from .resources import FullResource, ResourceSerializer


@extend_schema_field(
    {
        "type": "object",
        "properties": {
            "password": {"type": "string", "writeOnly": True},
            "token_url": {"type": "string", "format": "uri"},
            "client_id": {"type": "string"},
            "client_secret": {"type": "string", "writeOnly": True},
            "refresh_token": {"type": "string", "writeOnly": True},
            "scope": {"type": "string"},
        },
        "description": "How it is signed in to: with `password`, or for `oauth2` with `token_url`, `client_id`, "
        "`scope`, and `client_secret`, `refresh_token` or both. What is secret is never shown; one that is left out is "
        "kept, unless host, port, security, username, sign-in, token URL or client id change.",
        "example": {"password": "app-password"},
    }
)
class SignInField(ObjectField):
    pass


class MailboxFilter(filters.FilterSet):
    name = filters.CharFilter(lookup_expr="icontains")
    channel = filters.UUIDFilter(field_name="channel__uuid")
    is_active = filters.BooleanFilter()
    failing = filters.BooleanFilter(method="by_failures")

    class Meta:
        model = Mailbox
        fields: list[str] = []

    def by_failures(self, rows: QuerySet, name: str, value: bool) -> QuerySet:
        return rows.filter(failures__gt=0) if value else rows.filter(failures=0)


class MailboxSerializer(ResourceSerializer):
    """A secret is written among the settings and is never shown; `secrets` names those that are set."""

    channel = RefField(Channel, help_text="Of the kind `email`; its copies are recognised, and those of the others.")
    settings = SignInField(required=False)
    secrets = serializers.SerializerMethodField()
    unique_by = "folder"

    class Meta:
        model = Mailbox
        fields = (
            *("uuid", "id", "created", "modified", "name", "channel", "host", "port", "security", "username"),
            *("sign_in", "settings", "secrets", "folder", "kept_in", "minutes", "is_active"),
            *("due_at", "checked_at", "taken", "failures", "last_error"),
        )
        read_only_fields = ("uuid", "id", "due_at", "checked_at", "taken", "failures", "last_error")
        extra_kwargs: ClassVar = {
            "due_at": {"help_text": "When it is looked into next."},
            "checked_at": {"help_text": "When it was read last without an error; null: never."},
            "taken": {"help_text": "Mails that were taken in since it was made."},
            "failures": {"help_text": "In a row; 0: it works. The pause after them grows up to an hour."},
        }
        validators: list = []

    def get_secrets(self, mailbox: Mailbox) -> list[str]:
        return sorted(mailbox.secrets or {})

    def put(self, row: Mailbox, values: dict[str, Any]) -> None:
        values = dict(values)
        given = values.pop("settings", None)
        super().put(row, values)
        stored = {name: value for name, value in row.settings.items() if name in row.settings_form.base_fields}
        keeps = self.partial or (given is None and row.pk is not None)
        try:
            row.configure({**(stored if keeps else {}), **(given or {})})
        except ValidationError as error:
            raise invalid(error) from None

    def update(self, instance: Mailbox, validated_data: dict[str, Any]) -> Mailbox:
        before = instance.modified
        changed: Mailbox = super().update(instance, validated_data)
        if changed.modified != before:
            fetching.begin_again(changed)
        return changed


class CheckedSerializer(serializers.Serializer):
    """What a check of a mailbox found."""

    mails = serializers.IntegerField(help_text="In its folder.")


@extend_schema_view(
    list=extend_schema(summary="List mailboxes"),
    retrieve=extend_schema(summary="Read a mailbox"),
    create=extend_schema(
        summary="Add a mailbox",
        description="It is read at once, and its mails are deleted or moved to `kept_in` once they are stored.",
    ),
    update=extend_schema(summary="Write a mailbox"),
    partial_update=extend_schema(summary="Change a mailbox"),
    destroy=extend_schema(summary="Delete a mailbox", description="It is not read any more; its mails stay there."),
)
class Mailboxes(FullResource):
    """IMAP mailboxes that are read for bounces, complaints and replies."""

    model = Mailbox
    serializer_class = MailboxSerializer
    filterset_class = MailboxFilter
    write_act = "manage"
    ordering_fields = {"name": "name", "created": "created"}
    default_ordering = "name"
    acts: ClassVar = {"check": "manage"}

    def get_queryset(self) -> QuerySet:
        return super().get_queryset().select_related("channel")

    @extend_schema(
        summary="Check a mailbox",
        description="Signs in, opens the folder, and answers how many mails are there, within half a minute. No mail "
        "is read or removed. 502: it cannot be read; the answer says why.",
        request=None,
        responses={200: CheckedSerializer},
    )
    @action(detail=True, methods=["post"])
    def check(self, request: Request, uuid: str) -> Response:
        try:
            return Response({"mails": fetching.check(self.get_object())})
        except TransportError as error:
            raise ProviderFailed(str(error)) from None
