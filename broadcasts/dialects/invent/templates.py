"""`/orgs/{org}/broadcasts/{id}/templates`: what it says, by connection (a message per channel)."""

from collections.abc import Callable, Mapping
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from broadcasts import drafting, stats
from broadcasts.api.content import ContentSerializer
from broadcasts.api.fields import resolve
from broadcasts.dialects.views import DoneSerializer
from broadcasts.models import Broadcast, Channel, Content, Message

from .serializers import CONTENT, WORDS_OF_CONFIG, InventTemplateInput, InventTemplateSerializer
from .views import InventView

Specs = list[dict[str, Any]]


class InventTemplateView(InventView):
    def messages(self) -> QuerySet[Message]:
        rows = Message.objects.filter(broadcast=self.broadcast()).select_related("broadcast", "channel")
        return rows.prefetch_related("translations")

    def message(self) -> Message:
        return self.find(self.messages(), self.kwargs["template_id"])

    def data(self, messages: list[Message]) -> list[dict[str, Any]]:
        context = self.context(message_counts=stats.message_counts(messages))
        return list(InventTemplateSerializer(messages, many=True, context=context).data)

    def write(self, change: Callable[[Specs], None]) -> Broadcast:
        """Write all templates of a broadcast after a change; those that it leaves alone stay as they are."""
        with transaction.atomic():
            broadcast = drafting.lock(self.broadcast())
            specs = [{"uuid": message.uuid} for message in broadcast.messages.all()]
            change(specs)
            return drafting.save(broadcast, {"messages": specs}, by=self.user)

    def spec(self, message: Message | None) -> dict[str, Any]:
        """Return what `drafting.save` takes, of what a client writes into a template."""
        given = self.read(InventTemplateInput)
        spec: dict[str, Any] = {}
        if key := given.get("connection_id"):
            try:
                [spec["channel"]] = resolve(Channel, [key], self.organization)
            except serializers.ValidationError as error:
                raise serializers.ValidationError({"connection_id": error.detail}) from None
        config = given.get("config", {})
        if "parameters" in config:
            spec["parameters"] = config["parameters"]
        base = message.broadcast.base_language if message else self.broadcast().base_language
        if written := translations(config, message, config.get("language") or base):
            spec["translations"] = self._checked(written)
        kept = message.extra.get("invent", {}) if message else {}
        own = {name: value for name, value in config.items() if name not in WORDS_OF_CONFIG}
        return spec | {"extra": (message.extra if message else {}) | {"invent": kept | own}}

    def _checked(self, written: Mapping[str, Any]) -> dict[str, Any]:
        contents, errors = {}, {}
        for language, values in written.items():
            content = ContentSerializer(data=values, context=self.context())
            if content.is_valid():
                contents[language] = content.validated_data
            else:
                errors[language] = content.errors
        if errors:
            raise serializers.ValidationError({"config": errors})
        return contents


class InventTemplates(InventTemplateView):
    @extend_schema(summary="List the templates of a broadcast", responses=InventTemplateSerializer(many=True))
    def get(self, request: Request, org: str, id: str) -> Response:
        return Response(self.data(list(self.messages())))

    @extend_schema(
        summary="Add a template",
        description="With subject, text, html and preheader, in the broadcast's language or in `language`; further "
        "languages in `translations`. They may hold Liquid, such as {{ contact.name }}.",
        request=InventTemplateInput,
        responses=InventTemplateSerializer,
    )
    def post(self, request: Request, org: str, id: str) -> Response:
        spec = self.spec(None)
        self.write(lambda specs: specs.append(spec))
        return Response(self.data([self.messages().order_by("-position")[0]])[0])


class InventOneTemplate(InventTemplateView):
    @extend_schema(
        summary="Change a template",
        description="Any part of its config; what is left out stays.",
        request=InventTemplateInput,
        responses=InventTemplateSerializer,
    )
    def patch(self, request: Request, org: str, id: str, template_id: str) -> Response:
        message = self.message()
        spec = self.spec(message)
        self.write(lambda specs: found(specs, message).update(spec))
        return Response(self.data([self.message()])[0])

    @extend_schema(summary="Delete a template", responses={200: DoneSerializer})
    def delete(self, request: Request, org: str, id: str, template_id: str) -> Response:
        message = self.message()
        self.write(lambda specs: specs.remove(found(specs, message)))
        return Response({"success": True})


def found(specs: Specs, message: Message) -> dict[str, Any]:
    """Return the entry of a message; raises NotFound if it was deleted meanwhile."""
    for one in specs:
        if one["uuid"] == message.uuid:
            return one
    raise NotFound()


def translations(config: Mapping[str, Any], message: Message | None, language: str) -> dict[str, Any]:
    """Return {language: content}: what a template has, and what a config writes into it; {} if that is nothing."""
    main = {name: config[name] for name in CONTENT if name in config}
    more = config.get("translations", {})
    if not isinstance(more, dict):
        raise serializers.ValidationError({"config": ["translations: Expected an object by language."]})
    if not isinstance(language, str):
        raise serializers.ValidationError({"config": ["language: Expected text, such as es."]})
    if not main and not more:
        return {}
    kept = {one.tag or one.language: one.content() for one in message.translations.all()} if message else {}
    for tag, content in [*more.items(), (language, main)]:
        if not isinstance(content, dict):
            raise serializers.ValidationError({"config": [f"translations.{tag}: Expected an object."]})
        if content:
            kept[tag] = {**_followed(kept.get(tag, {}), content), **content}
    return kept


def _followed(stored: Mapping[str, Any], content: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a language has; without what its HTML was made from, if other HTML is written."""
    if content.get("html", stored.get("html")) == stored.get("html"):
        return dict(stored)
    return {name: value for name, value in stored.items() if name not in Content.DESIGN}
