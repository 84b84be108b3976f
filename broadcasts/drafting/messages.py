"""The messages of a draft: which there are, in which order, and what each says in every language."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import F, QuerySet

from broadcasts import designing
from broadcasts.exceptions import InvalidInput
from broadcasts.languages import normalize_language
from broadcasts.models import Broadcast, Channel, Format, Medium, Message, MessageTranslation, Organization, Template

MESSAGE_FIELDS = ("channel", "template", "syntax", "layout", "parameters", "position", "extra")
CONTENT = ("messages", "subject", "body")  # the values that say what messages say
BLANK = MessageTranslation(language="").content()


def set_messages(broadcast: Broadcast, values: Mapping[str, Any]) -> bool:
    changed = False
    if "messages" in values:
        changed = _sync_messages(broadcast, values["messages"])
    messages = list(broadcast.messages.prefetch_related("translations"))
    if not messages and "messages" not in values:
        channel = default_channel(broadcast.organization)
        messages = [Message.objects.create(broadcast=broadcast, channel=channel)]
        changed = True
    written = {ours: values[given] for given, ours in (("subject", "subject"), ("body", "text")) if given in values}
    if written and messages:
        translation = messages[0].translation(broadcast.base_language)
        if translation is None:
            translation = MessageTranslation(message=messages[0], language=broadcast.base_language)
        _refuse_text_alone(translation, written)
        changed |= _write(translation, written)
    if changed:
        _design(broadcast)
    return changed


def _refuse_text_alone(translation: MessageTranslation, written: Mapping[str, str]) -> None:
    """Raise InvalidInput where another body would leave the designed HTML that most people read as it is."""
    is_new = "text" in written and written["text"] != translation.text
    if is_new and translation.is_designed and translation.format != Format.TEXT and translation.html:
        words = (
            f"This message is written as {translation.get_format_display()}, and body is only the text beside its "
            "HTML: write its content in messages, or give it the format text there."
        )
        raise InvalidInput({"body": words})


def _sync_messages(broadcast: Broadcast, specs: list[dict[str, Any]]) -> bool:
    existing = list(broadcast.messages.prefetch_related("translations"))
    by_uuid = {message.uuid: message for message in existing}
    by_place = existing if not any(spec.get("uuid") for spec in specs) else []
    matched: list[Message | None] = []
    for place, spec in enumerate(specs):
        if spec.get("uuid") and spec["uuid"] not in by_uuid:
            raise InvalidInput({"messages": f"{place}.uuid: this broadcast has no message {spec['uuid']}."})
        matched.append(by_uuid.pop(spec["uuid"]) if spec.get("uuid") else dict(enumerate(by_place)).get(place))
    kept = [message.pk for message in matched if message]
    changed = bool(broadcast.messages.exclude(pk__in=kept).delete()[0])
    if [message.position for message in matched if message] != list(range(len(kept))):
        broadcast.messages.update(position=F("position") + len(existing) + len(specs))  # positions are unique
    for place, (spec, message) in enumerate(zip(specs, matched, strict=True)):
        changed |= _write_message(message or Message(broadcast=broadcast), place, spec)
    return changed


def _write_message(message: Message, place: int, spec: dict[str, Any]) -> bool:
    template = spec.get("template")
    values = {name: spec[name] for name in MESSAGE_FIELDS if name in spec} | {"position": place}
    if message.pk is None and "channel" not in values:
        values["channel"] = default_channel(message.broadcast.organization, template)
    translations = spec.get("translations")
    with _at(f"{place}."):
        values["layout"] = designing.layout_for(message, values, (translations or {}).values())
    is_copy = not translations and template and (translations is not None or template != message.template)
    changed = _write(message, values)
    if is_copy:
        message.take_template(values.get("syntax", ""))
        return True
    if translations is None:
        return changed
    contents = {read_tag(tag, f"messages: {place}.translations"): (tag, each) for tag, each in translations.items()}
    if len(contents) < len(translations):
        raise InvalidInput({"messages": f"{place}.translations: names one language twice."})
    changed |= bool(message.translations.exclude(language__in=contents).delete()[0])
    known = {one.language: one for one in message.translations.all()}
    for position, (language, (tag, content)) in enumerate(contents.items()):
        translation = known.get(language) or MessageTranslation(message=message, language=language)
        tag = translation.tag if translation.pk and tag == language else tag
        with _at(f"{place}.translations.{language}."):
            content = designing.fixed_values(message.template, language, content, known.get(language))
        changed |= _write(translation, {**BLANK, **content, "tag": tag, "position": position})
    return changed


def _design(broadcast: Broadcast) -> None:
    """Make the HTML of what was written."""
    for place, message in enumerate(loaded(broadcast)):
        with _at(f"{place}."):
            designing.again(message)


def loaded(broadcast: Broadcast) -> QuerySet[Message]:
    """Return the messages of a broadcast as they are stored now, with all that they say and what stands around it."""
    messages = broadcast.messages.select_related("channel", "template", "layout", "broadcast__organization")
    return messages.prefetch_related("translations")


def among_others(message: Message, *specs: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what `save` takes as the messages of a broadcast: these in the place of one, the others unchanged."""
    others = list(message.broadcast.messages.exclude(pk=message.pk))
    place = sum(one.position < message.position for one in others)
    kept = [{"uuid": one.uuid} for one in others]
    return [*kept[:place], *specs, *kept[place:]]


@contextmanager
def _at(path: str) -> Iterator[None]:
    """Tell errors of a part of a message with its path, under the key `messages`."""
    try:
        yield
    except InvalidInput as error:
        told = " ".join(f"{path}{name}: {text}" for name, text in error.errors.items())
        raise InvalidInput({"messages": told}) from None


def _write(row: Message | MessageTranslation, values: Mapping[str, Any]) -> bool:
    if row.pk is not None and all(getattr(row, name) == value for name, value in values.items()):
        return False
    for name, value in values.items():
        setattr(row, name, value)
    row.save()
    return True


def default_channel(organization: Organization, template: Template | None = None) -> Channel | None:
    """Return the channel of a message without one: that of its template, the default of its medium, or of e-mail."""
    if template and template.channel:
        return template.channel
    return organization.default_channel(template.medium if template else Medium.EMAIL)


def read_tag(tag: str, field: str) -> str:
    try:
        return normalize_language(tag)
    except ValidationError as error:
        raise InvalidInput({field: error.messages[0]}) from None
