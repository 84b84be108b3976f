from functools import cached_property
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema, extend_schema_field, extend_schema_view
from rest_framework import serializers

from broadcasts import designing, rendering
from broadcasts.exceptions import InvalidInput
from broadcasts.languages import normalize_language
from broadcasts.models import Channel, Layout, Medium, Template, TemplateTranslation

from .content import WARNINGS, ChannelRefField, TranslationsField
from .fields import MomentField, ObjectField, RefField
from .resources import FullResource, ResourceSerializer

READ_ONLY = "The provider of the channel “{}” stores its templates: change them there, and sync the channel."


class StoredLanguageSerializer(serializers.Serializer):
    """A template in one language as its provider tells it."""

    language = serializers.CharField()
    tag = serializers.CharField(help_text="The language as the provider writes it.")
    status = serializers.CharField(help_text="In the provider's words; only APPROVED can be sent.")
    status_reason = serializers.CharField()
    category = serializers.CharField()
    quality = serializers.CharField()
    structure = ObjectField(help_text="Its header, body, footer and buttons, with the names of their parameters.")
    removed_at = MomentField(
        allow_null=True, help_text="When the provider was seen not to have it any more; null: it has it."
    )


@extend_schema_field(StoredLanguageSerializer(many=True))
class StoredField(serializers.Field):
    """The languages of a template that a provider stores; empty for a template of our own."""

    def to_representation(self, value: Any) -> list[dict[str, Any]]:
        template: Template = value.instance
        rows = value.all() if template.channel_id else []
        return [dict(one) for one in StoredLanguageSerializer(rows, many=True).data]


@extend_schema_field(WARNINGS)
class WarningsField(serializers.Field):
    def to_representation(self, value: Template) -> list[str]:
        return rendering.warnings_of(value, self.context.get("expression_scope"))


class TemplateFilter(filters.FilterSet):
    name = filters.CharFilter(lookup_expr="icontains")
    medium = filters.ChoiceFilter(choices=Medium.choices)
    channel = filters.UUIDFilter(field_name="channel__uuid")

    class Meta:
        model = Template
        fields: list[str] = []


class TemplateSerializer(ResourceSerializer):
    channel = ChannelRefField(Channel, required=False, allow_null=True)
    layout = RefField(
        Layout, required=False, allow_null=True, help_text="What stands around HTML made from blocks or a source."
    )
    is_fixed = serializers.BooleanField(
        required=False, help_text="Messages made from it may change the words in its slots, and nothing else of it."
    )
    translations = TranslationsField()
    stored = StoredField(source="translations", read_only=True)
    warnings = WarningsField(source="*", read_only=True)
    unique_by = "name"

    class Meta:
        model = Template
        fields = (
            *("uuid", "id", "created", "modified", "name", "medium", "channel", "syntax", "layout", "is_fixed"),
            *("translations", "stored", "warnings"),
        )
        read_only_fields = ("uuid", "id")
        validators: list = []

    def validate_translations(self, value: dict[str, Any]) -> dict[str, Any]:
        contents = {}
        for tag, content in value.items():
            try:
                contents[normalize_language(tag)] = {"tag": tag, **content}
            except ValidationError as error:
                raise serializers.ValidationError(error.messages) from None
        return contents

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        channel = self.instance.channel if self.instance else attrs.get("channel")
        if channel and channel.stores_templates:
            raise serializers.ValidationError({"channel": [READ_ONLY.format(channel)]})
        organization, stored = self.context["organization"], self.instance or Template()
        chosen = {name: attrs.get(name, getattr(stored, name)) for name in ("syntax", "medium", "layout")}
        template = Template(organization=organization, **chosen)
        wrong = []
        checker = rendering.Checker(organization)
        for language, content in attrs.get("translations", {}).items():
            try:
                made = designing.apply(template, TemplateTranslation(language=language, **content))
                content["html"] = made.html
                fields = {name: content[name] for name in rendering.TEMPLATED if content.get(name)}
                designing.check(checker, template.syntax, fields, made)
                rendering.validate_attachments(organization, content.get("attachments"), template.medium)
            except InvalidInput as error:
                wrong += [f"{language}.{name}: {text}" for name, text in error.errors.items()]
        if wrong:
            raise serializers.ValidationError({"translations": wrong})
        return attrs

    @transaction.atomic
    def create(self, validated_data: dict[str, Any]) -> Template:
        contents = validated_data.pop("translations")
        template = super().create(validated_data)
        write_translations(template, contents)
        return template

    @transaction.atomic
    def update(self, instance: Template, validated_data: dict[str, Any]) -> Template:
        contents = validated_data.pop("translations", None)
        before = instance.modified
        template = super().update(instance, validated_data)
        if contents is None:
            designing.again(template)  # the layout or the syntax may be another one
        elif write_translations(template, contents) and template.modified == before:
            template.save(update_fields=["modified"])
        return template


def write_translations(template: Template, contents: dict[str, Any]) -> bool:
    """Replace the translations of a template; tell whether anything changed."""
    changed = bool(template.translations.exclude(language__in=contents).delete()[0])
    known = {one.language: one for one in TemplateTranslation.objects.filter(template=template)}
    blank = TemplateTranslation(language="").content()
    for position, (language, content) in enumerate(contents.items()):
        row = known.get(language) or TemplateTranslation(template=template, language=language)
        tag = row.tag if content["tag"] == language else content["tag"]
        values = {**blank, **content, "tag": tag, "position": position}
        if row.pk is None or any(getattr(row, name) != value for name, value in values.items()):
            for name, value in values.items():
                setattr(row, name, value)
            row.save()
            changed = True
    return changed


@extend_schema_view(
    list=extend_schema(summary="List templates"),
    retrieve=extend_schema(summary="Read a template"),
    create=extend_schema(summary="Add a template"),
    update=extend_schema(summary="Write a template"),
    partial_update=extend_schema(summary="Change a template"),
    destroy=extend_schema(summary="Delete a template", description="Not while a message uses it."),
)
class Templates(FullResource):
    """Reusable content; a message takes a copy of it."""

    model = Template
    serializer_class = TemplateSerializer
    filterset_class = TemplateFilter
    ordering_fields = {"name": "name", "created": "created"}
    default_ordering = "name"

    def get_queryset(self) -> QuerySet:
        queryset = super().get_queryset()
        if getattr(self, "swagger_fake_view", False):
            return queryset
        queryset = queryset.select_related(*(name for name in ("channel", "layout") if self.wants(name)))
        shows_languages = self.wants("translations", "stored", "warnings")
        return queryset.prefetch_related("translations") if shows_languages else queryset

    def get_serializer_context(self) -> dict[str, Any]:
        return super().get_serializer_context() | {"expression_scope": self.expression_scope}

    @cached_property
    def expression_scope(self) -> rendering.ExpressionScope:
        """That of all templates of an answer; it reads nothing before a template has expressions."""
        return rendering.ExpressionScope(self.organization)
