"""Whether the parameters and the content of a message fit its channel and its provider's template."""

from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

from broadcasts.models import Content, Media, Message, MessageTranslation, Organization, TemplateTranslation
from broadcasts.transports import Transport

NOT_THERE = "The template has no such language; it has {}."
NONE_APPROVED = "The template “{}” has no language that is approved; sync the templates, or choose another."
ELSEWHERE = "The template “{}” is one of the channel “{}”; send through that channel, or choose another template."
NO_TEMPLATE = "Nothing takes parameters here: choose a template of the channel."


def parameters_of(message: Message, translation: Content | None) -> dict[str, Any]:
    """Return the parameters of a language; its own override those of the message."""
    return {**message.parameters, **(translation.parameters if translation else {})}


def misfits(message: Message, translation: MessageTranslation) -> dict[str, str]:
    """Return what is wrong with a language whatever is still missing, {path: what would be right}."""
    if message.channel is None:
        return {}
    kind, value = message.channel.transport_class, parameters_of(message, translation)
    errors = kind.malformed(value)
    if errors:
        return errors
    errors = _wrong_files(message.broadcast.organization, value, kind)
    if not message.has_provider_template:
        return errors | _wrong_attachments(message, translation) | kind.unsendable(translation.content())
    stored = provider_languages(message).get(translation.language)
    return errors | (kind.surplus(stored.structure, value) if stored and stored.structure else {})


def unready(message: Message) -> dict[str, str]:
    """Return why a message cannot be sent with its provider's template, {path: what to do}; {} without such a template.

    `message` has its channel, its template, and the translations of both loaded.
    """
    template = message.template
    if template is None or template.channel is None:
        takes_none = message.channel and message.channel.stores_templates
        return {"parameters": NO_TEMPLATE} if takes_none and message.parameters else {}
    if message.channel and message.channel != template.channel:
        return {"template": ELSEWHERE.format(template, template.channel)}
    stored = provider_languages(message)
    wanted: dict[str, MessageTranslation | None] = {one.language: one for one in message.translations.all()}
    if not wanted:
        wanted = {language: None for language, one in stored.items() if not one.why_not}
    if not wanted:
        return {"template": NONE_APPROVED.format(template)}
    errors: dict[str, str] = {}
    for language, translation in wanted.items():
        one, path = stored.get(language), f"translations.{language}"
        if one is None:
            errors[path] = NOT_THERE.format(", ".join(stored) or "none")
        elif one.why_not:
            errors[path] = one.why_not
        else:
            errors |= {f"{path}.{key}": text for key, text in _unfit(message, translation, one).items()}
    return errors


def _unfit(message: Message, translation: MessageTranslation | None, stored: TemplateTranslation) -> dict[str, str]:
    assert message.template is not None and message.template.channel is not None
    kind, value = message.template.channel.transport_class, parameters_of(message, translation)
    errors = kind.malformed(value)
    if errors or not stored.structure:
        return errors
    return kind.missing(stored.structure, value) | kind.surplus(stored.structure, value)


def provider_languages(message: Message) -> dict[str, TemplateTranslation]:
    """Return the languages of a message's provider template, {language: its row}; {} without such a template."""
    template = message.template if message.has_provider_template else None
    return {one.language: one for one in template.translations.all()} if template else {}


def with_links(organization: Organization, value: dict[str, Any]) -> dict[str, Any]:
    """Replace uploaded files in parameters, {"media": uuid}, by addresses at which a provider can fetch them."""
    named = dict(_files(value))
    if not named:
        return value
    found = _found(organization, named)

    def linked(one: Any) -> Any:
        if isinstance(one, list):
            return [linked(each) for each in one]
        if not isinstance(one, Mapping):
            return one
        media = found.get(str(one.get("media")))
        if media is None:
            return {key: linked(each) for key, each in one.items()}
        rest = {key: each for key, each in one.items() if key != "media"}
        return {"filename": str(media), **rest, "link": media.url}

    return linked(value)


def _wrong_files(organization: Organization, value: Mapping[str, Any], transport: type[Transport]) -> dict[str, str]:
    """Return which uploaded files are not there, or not what the key above them says, or refused by the provider."""
    named = dict(_files(value))
    found = _found(organization, named) if named else {}
    errors = {}
    for uuid, path in named.items():
        kind, media = path.split("[")[-2].rstrip("]"), found.get(uuid)
        if media is None:
            errors[path] = f"There is no media file {uuid:.40}; upload it first."
        elif kind in ("image", "video") and not media.content_type.startswith(f"{kind}/"):
            errors[path] = f"“{media}” is of the type {media.content_type}, no {kind}."
        elif fault := transport.file_fault(media.content_type, media.size, kind):
            errors[path] = f"“{media}” {fault}"
    return errors


def _wrong_attachments(message: Message, translation: MessageTranslation) -> dict[str, str]:
    """Return which attachment the provider would not take; what is none is told by `validate_attachments`."""
    assert message.channel is not None
    given = translation.attachments if isinstance(translation.attachments, list) else []
    named = {str(one["media"]): "attachments" for one in given if isinstance(one, Mapping) and one.get("media")}
    for media in _found(message.broadcast.organization, named).values() if named else ():
        if fault := message.channel.transport_class.file_fault(media.content_type, media.size):
            return {"attachments": f"“{media}” {fault}"}
    return {}


def _found(organization: Organization, named: Mapping[str, str]) -> dict[str, Media]:
    """Return {uuid as it was given: file}."""
    known: dict[UUID, list[str]] = {}
    for given in named:
        try:
            known.setdefault(UUID(given), []).append(given)
        except ValueError:
            continue
    rows = Media.objects.for_organization(organization).filter(uuid__in=known)
    return {given: media for media in rows for given in known[media.uuid]}


def _files(value: Any, path: str = "parameters") -> Iterator[tuple[str, str]]:
    """Yield (uuid, path) of the uploaded files that parameters name."""
    if isinstance(value, Mapping):
        if isinstance(value.get("media"), str):
            yield value["media"], f"{path}[media]"
        for key, one in value.items():
            yield from _files(one, f"{path}[{key}]")
    elif isinstance(value, list):
        for place, one in enumerate(value):
            yield from _files(one, f"{path}[{place}]")
