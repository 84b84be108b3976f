"""What is said, in each language and on each channel: translations and messages, in broadcasts and templates."""

from decimal import Decimal
from functools import cached_property
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from broadcasts.models import Channel, Format, Layout, Message, Syntax, Template

from .blocks import BlockListField, SlotWordsField
from .fields import ArrayField, LineField, ObjectField, RefField, TextField, accepting, ref
from .resources import StrictSerializer

FORMAT = (
    "What the HTML of mail is made from when it is saved: `blocks`, or `source` in `markdown` or `mjml`, or in `html`, "
    "which stands in the layout. `html` without a source is sent as it is; `text` has none."
)
HTML = (
    "What is sent. Made from `blocks` or `source` where there is one: then it is shown only, and may be written back."
)
NO_CONTENT = "Give translations, or a template that has them."


class ContentSerializer(StrictSerializer):
    """What one language says."""

    subject = LineField(required=False, allow_blank=True, max_length=1000)
    preheader = LineField(required=False, allow_blank=True, max_length=255)
    text = TextField(required=False, allow_blank=True, help_text="Blank: the text part of mail is made from the HTML.")
    html = TextField(required=False, allow_blank=True, help_text=HTML)
    format = serializers.ChoiceField(
        choices=Format.choices, required=False, help_text=FORMAT, error_messages=accepting(Format.values)
    )
    source = TextField(  # type: ignore[assignment]
        required=False, allow_blank=True, help_text="Markdown, MJML or HTML, with slots as `<slot name>`."
    )
    blocks = BlockListField(required=False, help_text="Of the format blocks.")
    slots = SlotWordsField(
        required=False, help_text='The words of slots by name, which replace those of the design: `{"intro": "Hello"}`.'
    )
    attachments = ArrayField(required=False, max_length=20, help_text='Uploaded files: `[{"media": "<uuid>"}]`.')
    quick_replies = ArrayField(required=False, max_length=20)
    parameters = ObjectField(required=False, help_text="Override those of the message, key by key.")


@extend_schema_field(serializers.DictField(child=ContentSerializer(), help_text="By language (BCP 47)."))
class TranslationsField(serializers.Field):
    """{language: content}, in the order given."""

    default_error_messages = {"invalid": "Expected an object: a language, such as es, for each content."}

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if not isinstance(data, dict) or not data:
            self.fail("invalid")
        contents, errors = {}, []
        for language, value in data.items():
            content = ContentSerializer(data=value, context=self.context)
            if content.is_valid():
                contents[language] = content.validated_data
            else:
                errors += [f"{language}.{name}: {told[0]}" for name, told in content.errors.items()]
        if errors:
            raise serializers.ValidationError(errors)
        return contents

    @cached_property
    def of_one(self) -> ContentSerializer:
        """What shows each language; one for all rows, since it takes longer to make than to use."""
        return ContentSerializer()

    def to_representation(self, value: Any) -> dict[str, Any]:
        return {one.language: self.of_one.to_representation(one) for one in value.all()}


WARNINGS = {
    "type": "array",
    "items": {"type": "string"},
    "description": "What is wrong with its expressions, by language, field, line and column. Each such expression is "
    "empty, and the message is sent all the same.",
}
CHANNEL = {
    "type": "object",
    "properties": {
        "uuid": {"type": "string", "format": "uuid"},
        "name": {"type": "string"},
        "kind": {"type": "string"},
    },
    "required": ["uuid", "name", "kind"],
}


MICRO = Decimal("0.000001")  # of a currency
COST = {
    "type": "object",
    "nullable": True,
    "properties": {
        "segments": {"type": "integer"},
        "amounts": {"type": "object", "additionalProperties": {"type": "string", "format": "decimal"}},
    },
    "required": ["segments", "amounts"],
}


@extend_schema_field(CHANNEL)
class ChannelRefField(RefField):
    def to_representation(self, value: Any) -> dict[str, str]:
        return ref(value) | {"kind": value.kind}


class MessageSerializer(StrictSerializer):
    """What a broadcast says on one channel."""

    uuid = serializers.UUIDField(required=False)
    channel = ChannelRefField(Channel, required=False, allow_null=True)
    template = RefField(Template, required=False, allow_null=True)
    syntax = serializers.ChoiceField(choices=Syntax.choices, required=False)
    layout = RefField(
        Layout,
        required=False,
        allow_null=True,
        help_text="What stands around HTML that is made from blocks or a source. A new message without one is in that "
        "of its template, or in the default one of the organization; null: in none.",
    )
    parameters = ObjectField(
        required=False,
        help_text="What fills the template of a provider: header, body, buttons, location and flow. Their texts are "
        'templates, rendered for each recipient: `{"body": ["{{ contact.name }}", "Monday"]}`.',
    )
    translations = TranslationsField(required=False)
    recipients_count = serializers.SerializerMethodField()
    error = serializers.SerializerMethodField()
    cost = serializers.SerializerMethodField()

    @extend_schema_field(COST)
    def get_cost(self, message: Message) -> dict[str, Any] | None:
        """What its SMS cost so far; null of any other message."""
        cost = self.context.get("message_costs", {}).get(message.pk)
        amounts = {currency: str(amount.quantize(MICRO)) for currency, amount in cost.amounts.items()} if cost else {}
        return {"segments": cost.segments, "amounts": amounts} if cost else None

    def get_recipients_count(self, message: Message) -> int:
        return self.context.get("message_counts", {}).get(message.pk, {}).get("recipients", 0)

    def get_error(self, message: Message) -> str | None:
        return message.error or None

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not (attrs.get("translations") or attrs.get("template") or attrs.get("uuid")):
            raise serializers.ValidationError({"translations": NO_CONTENT})
        return attrs


@extend_schema_field(MessageSerializer(many=True))
class MessagesField(serializers.Field):
    """A list of messages; its errors are told flat, with their path."""

    def to_internal_value(self, data: Any) -> list[dict[str, Any]]:
        if not isinstance(data, list) or not data:
            raise serializers.ValidationError("Expected a list of at least one message.")
        if len(data) > 10:
            raise serializers.ValidationError("At most 10 are possible here.")
        rows, errors = [], []
        for place, value in enumerate(data):
            row = MessageSerializer(data=value, context=self.context)
            if row.is_valid():
                rows.append(row.validated_data)
            else:
                errors += [f"{place}.{name}: {told[0]}" for name, told in row.errors.items()]
        if errors:
            raise serializers.ValidationError(errors)
        return rows

    @cached_property
    def of_one(self) -> "MessageSerializer":
        """What shows each message of all rows."""
        return MessageSerializer(context=self.context)

    def to_representation(self, value: Any) -> list[dict[str, Any]]:
        return [self.of_one.to_representation(one) for one in value.all()]
