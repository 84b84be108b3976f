"""What a broadcast needs before it may be scheduled or sent, and a draft may lack: content, and further channels."""

from collections.abc import Sequence

from broadcasts import rendering
from broadcasts.exceptions import InvalidInput
from broadcasts.models import Broadcast, Content, Message

NO_MESSAGE = "It has no message yet: write a subject and a body first."
BLANK = "It says nothing yet: write a text or HTML, or attach a file."


def check(broadcast: Broadcast) -> None:
    """Raise InvalidInput that names every field that lacks something, or has more links than are measured."""
    if errors := missing(broadcast):
        raise InvalidInput(errors)
    for message in broadcast.messages.select_related("channel").prefetch_related("translations"):
        if "clicked" in message.tracked:
            rendering.links_of(message)


def check_content(broadcast: Broadcast) -> None:
    """Raise InvalidInput that names every field with missing content; enough for a test."""
    if errors := _missing_content(broadcast):
        raise InvalidInput(errors)


def missing(broadcast: Broadcast) -> dict[str, str]:
    """Return what a saved broadcast lacks, {field: what to do}."""
    return _missing_content(broadcast) | _missing_channels(broadcast)


def _missing_channels(broadcast: Broadcast) -> dict[str, str]:
    """Return why its copies cannot fall back, where that is its channel policy."""
    if not broadcast.falls_back:
        return {}
    messages = list(broadcast.messages.select_related("channel"))
    if len(messages) < 2:
        return {"channel_policy": "To fall back it needs messages on two channels at least: write a second one."}
    fact = broadcast.fallback_fact
    organization = broadcast.organization
    earlier = [(one, one.channel or organization.default_channel(one.medium)) for one in messages[:-1]]
    reports = [(channel, one.reports if one.channel else channel.reports) for one, channel in earlier if channel]
    silent = [channel for channel, reported in reports if fact and fact not in reported]
    if not silent:
        return {}
    named = " and ".join(dict.fromkeys(f"“{one}” ({one.get_kind_display()})" for one in silent))
    told = "does" if len(silent) == 1 else "do"
    return {
        "fallback_fact": f"{named} {told} not report “{fact}”, so every copy would fall back. Choose another fact, or "
        "leave it and the minutes out: then only what failed falls back."
    }


def _missing_content(broadcast: Broadcast) -> dict[str, str]:
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
