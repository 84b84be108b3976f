"""The parts of content besides its text: files, quick replies, parameters, and a provider's template.

Parameters and quick replies are JSON whose strings are templates, rendered for each recipient within the budget of the
copy. Values without tags are computed once per message.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from broadcasts.exceptions import InvalidInput
from broadcasts.models import Content, Media, Message, MessageTranslation
from broadcasts.transports import Envelope, File, ProviderTemplate

from .budget import Budget
from .fitting import parameters_of, provider_languages, with_links
from .mime import clean_body
from .templates import CompiledTemplate, compile_template

DEEPEST = 10  # levels of nested lists and objects


def texts(field: str, value: Any, depth: int = 0) -> Iterator[tuple[str, str]]:
    """Yield each string of a JSON value with its path, such as ("parameters[body][0]", "Hello {{ contact.name }}")."""
    if depth > DEEPEST:
        raise InvalidInput({field: f"Lists and objects are nested more than {DEEPEST} deep; nest fewer."})
    if isinstance(value, str):
        yield field, value
    elif isinstance(value, Mapping):
        for key, one in value.items():
            yield from texts(f"{field}[{key}]", one, depth + 1)
    elif isinstance(value, list):
        for place, one in enumerate(value):
            yield from texts(f"{field}[{place}]", one, depth + 1)


def with_texts(field: str, value: Any, write: Callable[[str, str], str]) -> Any:
    """Return a JSON value with each string replaced by what `write` gives for its path, as `texts` tells it, and it."""
    if isinstance(value, str):
        return write(field, value)
    if isinstance(value, Mapping):
        return {key: with_texts(f"{field}[{key}]", one, write) for key, one in value.items()}
    if isinstance(value, list):
        return [with_texts(f"{field}[{place}]", one, write) for place, one in enumerate(value)]
    return value


def extra_texts(message: Message | None, content: Content) -> dict[str, str]:
    """Return the templates in a content's extras, {path: template}; raises InvalidInput if nested too deeply.

    message: whose content it is; None for that of a template.
    """
    parameters = parameters_of(message, content) if message else content.parameters
    return {**dict(texts("quick_replies", content.quick_replies)), **dict(texts("parameters", parameters))}


def design_texts(content: Content) -> dict[str, str]:
    """Return the texts that the HTML of a content is made from, {path: text}; {} if it was written as HTML."""
    if not (content.blocks or content.source):
        return {}
    found = {"source": content.source, **dict(texts("blocks", content.blocks)), **dict(texts("slots", content.slots))}
    return {re.sub(r"\[([a-z_]\w*)\]", r".\1", path): text for path, text in found.items()}


class JsonTemplate:
    """A JSON value whose strings are templates."""

    def __init__(self, field: str, value: Any, syntax: str) -> None:
        self.field = field
        self.templates = {path: compile_template(path, source, syntax) for path, source in texts(field, value)}
        self.is_constant = all(template.is_constant for template in self.templates.values())
        self.value = value
        if self.is_constant:
            self.value = self._filled({}, Budget())

    def render(self, values: Mapping[str, object], budget: Budget) -> Any:
        """Return the value with its strings rendered; raises RenderError that names path and line."""
        return self.value if self.is_constant else self._filled(values, budget)

    def _filled(self, values: Mapping[str, object], budget: Budget) -> Any:
        def write(path: str, source: str) -> str:
            return clean_body(self.templates[path].render(values, budget))

        return with_texts(self.field, self.value, write)


class Extras:
    """The extras of one translation; false if there are none."""

    def __init__(self, message: Message, translation: MessageTranslation, media: Sequence[Media]) -> None:
        def template(field: str, value: Any) -> JsonTemplate:
            return JsonTemplate(f"translations.{translation.language}.{field}", value, message.syntax)

        self.media = tuple(map(_file, media))
        self.quick_replies = template("quick_replies", translation.quick_replies)
        given = with_links(message.broadcast.organization, parameters_of(message, translation))
        self.parameters = template("parameters", given)
        kept = message.template if message.has_provider_template else None
        # The language as the provider writes it, which may be otherwise than the author did.
        stored = provider_languages(message).get(translation.language)
        tag = (stored.tag if stored else "") or translation.tag or translation.language
        self.template = (kept.name, tag) if kept else None
        self.is_constant = self.quick_replies.is_constant and self.parameters.is_constant

    def __bool__(self) -> bool:
        return bool(self.media or self.quick_replies.value or self.parameters.value or self.template)

    def templates(self) -> Iterator[CompiledTemplate]:
        yield from self.quick_replies.templates.values()
        yield from self.parameters.templates.values()

    def add_to(self, envelope: Envelope, values: Mapping[str, object], budget: Budget) -> None:
        envelope.media = self.media
        envelope.quick_replies = self.quick_replies.render(values, budget)
        parameters = self.parameters.render(values, budget)
        if self.template:
            envelope.template = ProviderTemplate(*self.template, parameters)
        else:
            envelope.parameters = parameters


def _file(media: Media) -> File:
    def read() -> bytes:
        with media.file.open("rb") as file:
            return file.read()

    return File(str(media), media.content_type, media.size, read, media.url)
