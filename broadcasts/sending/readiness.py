"""The content that a broadcast needs before it may be scheduled or sent; a draft may lack it."""

from collections.abc import Sequence

from broadcasts import rendering
from broadcasts.exceptions import InvalidInput
from broadcasts.models import Broadcast, Content, Message

NO_MESSAGE = "It has no message yet: write a subject and a body first."
BLANK = "It says nothing yet: write a text or HTML, or attach a file."


def check(broadcast: Broadcast) -> None:
    """Raise InvalidInput that names every field with missing content."""
    if errors := missing(broadcast):
        raise InvalidInput(errors)


def missing(broadcast: Broadcast) -> dict[str, str]:
    """Return the missing content of a saved broadcast, {field: what to do}.

    `body` is the text of the first message in the base language; all others are listed under `messages`, with their
    path.
    """
    messages = broadcast.messages.select_related("channel", "template__channel")
    messages = messages.prefetch_related("translations", "template__translations")
    if not messages:
        return {"messages": NO_MESSAGE}
    errors: dict[str, str] = {}
    wrong: list[str] = []
    for place, message in enumerate(messages):
        for language in _blank_languages(message):
            if place == 0 and language in ("", broadcast.base_language):
                errors["body"] = BLANK
            else:
                path = f"{place}.translations.{language}" if language else f"{place}.translations"
                wrong.append(f"{path}: {BLANK}")
        wrong += [f"{place}.{path}: {text}" for path, text in rendering.unready(message).items()]
    return errors | ({"messages": " ".join(wrong)} if wrong else {})


def _blank_languages(message: Message) -> list[str]:
    """Return the languages in which a message has no content; [""] for a message without translations."""
    if message.has_provider_template:  # it is the provider's template that says something
        return []
    contents: Sequence[Content] = list(message.translations.all())
    if not contents and message.template:  # copied from it when the broadcast starts
        contents = list(message.template.translations.all())
    if not contents:
        return [""]
    return [one.language for one in contents if one.is_blank]
