"""The texts, files and quick replies of a broadcast: per language as RapidPro chooses them, and per channel.

RapidPro fills each part of a copy by itself: from the contact's language if the workspace speaks it, else the primary
language, else the base language. Since that depends on the language alone, the parts are merged when the broadcast is
made, and a contact gets the merged content as any other broadcast's.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from django.conf import settings

from broadcasts.languages import family
from broadcasts.models import Channel, Media, Medium, Organization, Syntax

from .languages import tag_of

Parts = Mapping[str, Mapping[str, Any]]  # {"text" | "attachments" | "quick_replies": {code: value}}
# In this order the first channel is taken that reaches a person.
MEDIUMS = (Medium.WHATSAPP, Medium.SMS, Medium.EMAIL, Medium.WEBHOOK)
EMPTY: dict[str, Any] = {"text": "", "attachments": [], "quick_replies": []}
PARTS = tuple(EMPTY)  # each is chosen by itself


def merged(organization: Organization, parts: Parts, base: str) -> tuple[str, dict[str, dict[str, Any]]]:
    """Return (base language, {our language: its parts}) of what is given by codes, with `base` as the code."""
    spoken = [family(tag) for tag in organization.languages]
    by_tag = {name: {tag_of(code): value for code, value in parts.get(name, {}).items()} for name in PARTS}
    given = list(dict.fromkeys(tag for values in by_tag.values() for tag in values))
    primary, last = spoken[0], tag_of(base)

    def filled(tag: str) -> dict[str, Any]:
        return {
            name: next((values[one] for one in (tag, primary, last) if values.get(one)), EMPTY[name])
            for name, values in by_tag.items()
        }

    found = {tag: filled(tag) for tag in given if tag in spoken}
    if primary not in found:
        found[last] = filled(last)
    return (primary if primary in found else last), found


def messages(organization: Organization, contents: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return a message for each medium that has a channel, as `drafting.save` takes them; one without, if none has."""
    channels = [one for medium in MEDIUMS if (one := organization.default_channel(medium))]
    return [
        {
            "channel": channel,
            "syntax": Syntax.EXPRESSIONS,
            "translations": {tag: fitted(channel, content) for tag, content in contents.items()},
        }
        for channel in channels or [None]
    ]


def fitted(channel: Channel | None, content: Mapping[str, Any]) -> dict[str, Any]:
    """Return content as a channel can send it: files that it cannot carry become links, or else go with the text."""
    files: Sequence[Media] = content["attachments"]
    carried = _carried(channel, files)
    urls = [media.url for media in files[carried:]]
    text = "\n".join(filter(None, [content["text"], *urls]))
    made = {"text": text, "attachments": _named(files[:carried]), "quick_replies": list(content["quick_replies"])}
    if channel and "quick_replies" in channel.transport_class.unsendable(made):
        made["quick_replies"] = []
    return made


def _carried(channel: Channel | None, files: Sequence[Media]) -> int:
    """Return how many of the first files a channel can carry with one message."""
    for number in range(len(files), 0, -1):
        size = sum(media.size for media in files[:number])
        refused = channel.transport_class.unsendable({"attachments": _named(files[:number])}) if channel else {}
        is_mail = channel is not None and channel.medium == Medium.EMAIL
        if "attachments" not in refused and not (is_mail and size > settings.MAIL_FILES_MAX_MB * 10**6):
            return number
    return 0


def _named(files: Sequence[Media]) -> list[dict[str, str]]:
    return [{"media": str(media.uuid)} for media in files]
