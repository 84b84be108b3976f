"""What the messages of a broadcast said at each time, and bringing it back."""

from typing import Any

from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from broadcasts import drafting, versioning
from broadcasts.models import MessageVersion, Syntax

from .content import ContentSerializer
from .fields import MomentField
from .permissions import UUID
from .resources import PickingSerializer, StrictSerializer


class VersionSerializer(PickingSerializer):
    """What a message said at one time."""

    uuid = serializers.UUIDField()
    message = serializers.UUIDField(source="message.uuid")
    author_name = serializers.CharField(help_text="Blank: a program, such as the start of the broadcast.")
    created = MomentField(help_text="When it began.")
    modified = MomentField(
        help_text="When it was written last: saves by one author within ten minutes are one version."
    )
    changed = serializers.SerializerMethodField()

    @extend_schema_field(serializers.ListField(child=serializers.CharField()))
    def get_changed(self, version: Any) -> list[str]:
        """What changed since the version before, in words; empty of the first one of a message."""
        return versioning.changes(version.before, version.parts)


class VersionContentSerializer(serializers.Serializer):
    """What the message said, as `messages` of a broadcast takes it, with uuids."""

    channel = serializers.UUIDField(allow_null=True)
    template = serializers.UUIDField(allow_null=True)
    layout = serializers.UUIDField(allow_null=True)
    syntax = serializers.ChoiceField(choices=Syntax.choices)
    parameters = serializers.DictField()
    translations = serializers.DictField(
        child=ContentSerializer(),
        help_text="By language (BCP 47). `html` is blank where it is made from `blocks` or `source`.",
    )

    def to_representation(self, content: Any) -> dict[str, Any]:
        shown = {name: content[name] or None for name in ("channel", "template", "layout")}
        texts = {
            tag: ContentSerializer().to_representation(content["translations"][tag]) for tag in content["languages"]
        }
        return {**shown, "syntax": content["syntax"], "parameters": content["parameters"], "translations": texts}


class VersionWithContentSerializer(VersionSerializer):
    """A version with all that the message said."""

    content = VersionContentSerializer()


class BroughtBackSerializer(VersionSerializer):
    """The version that was written by bringing an earlier one back."""

    left_out = serializers.ListField(
        child=serializers.CharField(), help_text="What no longer exists and was left out, in words."
    )


class Versions:
    """The versions of what broadcasts say, for their view."""

    @extend_schema(
        summary="List the versions of what it says",
        description="Of all its messages, the newest first. Of each message at most 100 are kept, the first one and "
        "the newest; 90 days after the broadcast ended only the last one, which was sent.",
        responses=VersionSerializer(many=True),
        filters=False,
    )
    @action(detail=True, filter_backends=[], serializer_class=VersionSerializer)
    def versions(self: Any, request: Request, uuid: str) -> Response:
        return self.paged(self.versions_of(self.get_object()).defer("content"))

    @extend_schema(
        summary="Read a version", operation_id="broadcast_messages_version", responses=VersionWithContentSerializer
    )
    @action(
        detail=True,
        filter_backends=[],
        serializer_class=VersionWithContentSerializer,
        url_path="versions/(?P<version>[^/]+)",
    )
    def version(self: Any, request: Request, uuid: str, version: str) -> Response:
        return self.shown(self.chosen_version(version))

    @extend_schema(
        summary="Bring a version back",
        description="Writes what the message said then, as a new version, which is returned; what no longer exists is "
        "left out. The broadcast has to be a draft or scheduled. What says the same already writes nothing.",
        request=None,
        responses={200: BroughtBackSerializer, 409: OpenApiResponse(description=drafting.NOT_EDITABLE)},
    )
    @action(
        detail=True,
        methods=["post"],
        serializer_class=BroughtBackSerializer,
        url_path="versions/(?P<version>[^/]+)/bring-back",
    )
    def bring_back(self: Any, request: Request, uuid: str, version: str) -> Response:
        chosen = self.chosen_version(version)
        self.read(StrictSerializer)
        left_out = drafting.bring_back(chosen.message, chosen, self.user)
        newest = self.versions_of(chosen.message.broadcast).filter(message=chosen.message).first()
        newest.left_out = left_out
        return self.shown(newest)

    def versions_of(self: Any, broadcast: Any) -> Any:
        rows = MessageVersion.objects.filter(message__broadcast=broadcast).order_by("-pk")
        return versioning.with_before(rows.select_related("message__broadcast"))

    def chosen_version(self: Any, key: str) -> Any:
        rows = self.versions_of(self.get_object())
        found = rows.filter(uuid=key).first() if UUID.fullmatch(key) else None
        if found is None:
            raise NotFound()
        return found
