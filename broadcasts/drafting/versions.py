"""Bring back what a message said earlier."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from broadcasts import versioning
from broadcasts.models import Channel, Layout, Media, Message, MessageVersion, Template, User

from .messages import among_others
from .saving import lock, save

MODELS: dict[str, Any] = {"channel": Channel, "template": Template, "layout": Layout}
GONE = {
    "channel": "The channel “{}” no longer exists: the message stays on its present channel.",
    "template": "The template “{}” no longer exists: the content is here without it.",
    "layout": "The layout “{}” no longer exists: the content stands in none.",
}
FILE_GONE = "The file “{}” no longer exists: it was left out wherever it stood."


def bring_back(message: Message, version: MessageVersion, by: User | None = None) -> list[str]:
    """Write what a version of a message says again, as a new version; return what was left out of it, in words.

    It is what no longer exists: its channel, template, layout or files. Raises InvalidInput if it cannot be saved any
    more, or WrongState unless the broadcast is a draft or scheduled.
    """
    with transaction.atomic():
        message.broadcast = lock(message.broadcast)
        spec, gone = restorable(message, version.content)
        save(message.broadcast, {"messages": among_others(message, spec)}, by, begins_version=True)
    return gone


def restorable(message: Message, content: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return what `save` takes to write a version again, and what is left out since it no longer exists, in words."""
    spec: dict[str, Any] = {"uuid": message.uuid, "syntax": content["syntax"]}
    names, gone = content["names"], []
    for name, model in MODELS.items():
        uuid = content[name]
        spec[name] = model.objects.for_organization(message.broadcast.organization_id).filter(uuid=uuid or None).first()
        if uuid and spec[name] is None:
            gone.append(GONE[name].format(names.get(uuid, uuid)))
    if content["channel"] and spec["channel"] is None:
        del spec["channel"]
    lost = _lost_files(message, content)
    gone += [FILE_GONE.format(names.get(uuid, uuid)) for uuid in sorted(lost)]
    spec["parameters"] = _without(content["parameters"], lost)
    spec["translations"] = {}
    for language in content["languages"]:
        values = _without(content["translations"][language], lost)
        spec["translations"][values.pop("tag", language)] = values
    return spec, gone


def _lost_files(message: Message, content: Mapping[str, Any]) -> set[str]:
    """Return the uuids of the files that a content names and the organization has no longer."""
    named = set(versioning.files_named([content["parameters"], content["translations"]]))
    rows = Media.objects.for_organization(message.broadcast.organization_id).filter(uuid__in=named)
    return named - {str(uuid) for uuid in rows.values_list("uuid", flat=True)}


def _without(value: Any, lost: set[str]) -> Any:
    """Return a JSON value without the objects that name lost files, such as attachments and picture blocks."""
    if isinstance(value, Mapping):
        return {key: _without(one, lost) for key, one in value.items() if versioning.file_of(one) not in lost}
    if isinstance(value, list):
        return [_without(one, lost) for one in value if versioning.file_of(one) not in lost]
    return value
