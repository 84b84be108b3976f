"""Render content that is not saved, as one contact would get it."""

from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from broadcasts import designing, previewing
from broadcasts.exceptions import InvalidInput
from broadcasts.models import Broadcast, Channel, Contact, Layout, Message, Syntax, Template, UseCase
from broadcasts.previewing import Preview

from .actions import BubbleSerializer
from .content import NO_CONTENT, TranslationsField
from .fields import REF, ObjectField, RefField, ref
from .permissions import OfMember
from .resources import StrictSerializer
from .sms import SmsCountSerializer, counted

NULLABLE_REF = REF | {"type": ["object", "null"]}


class RenderSerializer(StrictSerializer):
    """Content, and for whom and for which channel it is rendered."""

    translations = TranslationsField(required=False)
    contact = RefField(Contact, required=False, allow_null=True, help_text="Without one: the first contact.")
    language = serializers.CharField(
        required=False, allow_blank=True, max_length=35, help_text="Without one: the one that the contact would get."
    )
    channel = RefField(Channel, required=False, allow_null=True, help_text="Without one: the default one for mail.")
    template = RefField(
        Template,
        required=False,
        allow_null=True,
        help_text="Whose content is rendered if no translations are given; whose slots are filled if it is fixed; or "
        "the one that the provider stores.",
    )
    layout = RefField(Layout, required=False, allow_null=True, help_text="As in a message that is new.")
    broadcast = RefField(Broadcast, required=False, allow_null=True, help_text="Whose name and use case are used.")
    use_case = serializers.ChoiceField(choices=UseCase.choices, required=False)
    syntax = serializers.ChoiceField(choices=Syntax.choices, required=False)
    parameters = ObjectField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not (attrs.get("translations") or attrs.get("template")):
            raise serializers.ValidationError({"translations": NO_CONTENT})
        return attrs


class RenderedFileSerializer(serializers.Serializer):
    uuid = serializers.UUIDField()
    filename = serializers.CharField(source="__str__")
    content_type = serializers.CharField()
    size = serializers.IntegerField()
    url = serializers.URLField()


class ExpressionSerializer(serializers.Serializer):
    """An expression with what it gives for the contact."""

    field = serializers.CharField()
    source = serializers.CharField()  # type: ignore[assignment]
    text = serializers.CharField()
    reason = serializers.CharField(help_text="Why it is empty; empty if it is not.")


class RenderedSerializer(serializers.Serializer):
    """What the contact would get, and what is wrong; a field with an error is empty, all others are rendered."""

    language = serializers.CharField()
    address = serializers.CharField()
    contact = serializers.SerializerMethodField()
    channel = serializers.SerializerMethodField()
    subject = serializers.CharField()
    preheader = serializers.CharField()
    text = serializers.CharField()
    html = serializers.CharField()
    bubble = BubbleSerializer(allow_null=True, help_text="What the app shows, of WhatsApp.")
    sms = serializers.SerializerMethodField()
    source = serializers.CharField(  # type: ignore[assignment]
        help_text="Mail with its headers, without files; or the document for a webhook."
    )
    headers = serializers.CharField(help_text="Those of mail.")
    files = RenderedFileSerializer(many=True)
    expressions = ExpressionSerializer(many=True)
    warnings = serializers.ListField(child=serializers.CharField())
    errors = serializers.DictField(  # type: ignore[assignment]
        child=serializers.CharField(), help_text="By path in the content, such as `subject` or `blocks[2].href`."
    )

    @extend_schema_field(NULLABLE_REF)
    def get_contact(self, shown: Preview) -> dict[str, str] | None:
        """Who it was rendered for; null for an example, where there is no contact."""
        return ref(shown.contact) if shown.contact.pk else None

    @extend_schema_field(NULLABLE_REF)
    def get_channel(self, shown: Preview) -> dict[str, str] | None:
        channel = self.context["channel"]
        return ref(channel) if channel else None

    @extend_schema_field(SmsCountSerializer(allow_null=True))
    def get_sms(self, shown: Preview) -> dict[str, Any] | None:
        """What it takes as an SMS; null on other channels."""
        return counted(shown.text.strip()) if shown.sms else None


class Render(OfMember, APIView):
    """The preview of content while it is written."""

    def act(self) -> str:
        return "write"

    @extend_schema(
        summary="Render content that is not saved",
        description="As one contact would get it; nothing is stored or sent, and its personal links have no effect. "
        "What is wrong with the content is told in `errors`, with the status 200.",
        operation_id="render_create",
        request=RenderSerializer,
        responses=RenderedSerializer,
    )
    def post(self, request: Request) -> Response:
        serializer = RenderSerializer(
            data=request.data, context={"organization": self.organization, "request": request}
        )
        serializer.is_valid(raise_exception=True)
        given = serializer.validated_data
        message = self.message(given)
        contents = given.get("translations") or _contents(given["template"])
        shown = previewing.render_unsaved(message, contents, given.get("contact"), given.get("language") or "")
        return Response(RenderedSerializer(shown, context={"channel": message.channel}).data)

    def message(self, given: dict[str, Any]) -> Message:
        names = ("broadcast", "channel", "template", "parameters")
        template = given.get("template")
        message = previewing.unsaved_message(
            self.organization,
            **{name: given.get(name) for name in names},
            syntax=given.get("syntax") or (template.syntax if template else Syntax.LIQUID),
            use_case=given.get("use_case", ""),
        )
        message.layout = designing.layout_for(message, {name: given[name] for name in ("layout",) if name in given})
        return message


def _contents(template: Template) -> dict[str, dict[str, Any]]:
    contents = {one.language: one.content() for one in template.usable()}
    if not contents:
        raise InvalidInput({"template": f"“{template}” has no content that can be sent."})
    return contents
