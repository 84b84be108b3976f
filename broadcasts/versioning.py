"""Keep versions of what messages say: who wrote them, when, and what changed.

All that writes the content of a message calls `write` afterwards, in the transaction that holds its broadcast, so two
saves at once never begin two versions.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, Subquery
from django.utils import timezone

from broadcasts.languages import language_name
from broadcasts.models import Broadcast, Content, Media, Message, MessageTranslation, MessageVersion, User

EXTENDED = timedelta(minutes=10)  # after a version began, the same author's saves still write into it
MOST = 100  # versions of one message: the first one and the newest
MOST_FILES = 500  # whose names a version keeps
NAMED = ("channel", "template", "layout")
OF_MESSAGE = {**dict(zip(NAMED, ("Channel", "Template", "Layout"), strict=True)), "syntax": "Syntax"}
OF_LANGUAGE = {
    "subject": "Subject",
    "preheader": "Preheader",
    "format": "Format",
    "blocks": "Blocks",
    "source": "Source",
    "slots": "Words of the design",
    "html": "HTML",
    "text": "Text",
    "attachments": "Files",
    "quick_replies": "Quick replies",
    "parameters": "Parameters",
}


def write(messages: Sequence[Message], by: User | None = None, *, begins: bool = False, are_new: bool = False) -> None:
    """Keep a version of each message that says something else than in its last one.

    Saves of one author within ten minutes extend the last version, unless it `begins` a new one. The first version of
    a message stays as it began, unless it said nothing yet. `are_new`: the messages cannot have a version yet.
    """
    last_ones = {} if are_new else _last_ones(messages)
    for message in messages:
        content = content_of(message)
        parts = parts_of(content)
        checksum = sha256(_json(parts)).hexdigest()
        last = last_ones.get(message.pk)
        if last and last.checksum == checksum:
            continue
        values = {"content": with_names(message, content), "parts": parts, "checksum": checksum}
        if last and not begins and _is_open(last, by):
            MessageVersion.objects.filter(pk=last.pk).update(**values, modified=timezone.now())
        else:
            MessageVersion.objects.create(message=message, author=by, author_name=str(by or "")[:255], **values)
            if last:
                _forget_old(message)


def begin(broadcast: Broadcast) -> None:
    """Keep what each message says that has no version yet, before it is changed; such as one of an earlier release."""
    rows = Message.objects.filter(broadcast=broadcast).exclude(Exists(_versions_of(OuterRef("pk"))))
    for message in rows.select_related("channel", "template", "layout", "broadcast").prefetch_related("translations"):
        write([message], are_new=True)
        message.versions.update(created=message.modified, modified=message.modified)


def content_of(message: Message) -> dict[str, Any]:
    """Return what a message says as JSON; HTML that is made from something else is left out."""
    contents = {one.language: _of_language(one) for one in message.translations.all()}
    named = {name: str(row.uuid) if (row := getattr(message, name)) else "" for name in NAMED}
    own = {"syntax": message.syntax, "parameters": message.parameters}
    return {**named, **own, "languages": list(contents), "translations": contents}


def with_names(message: Message, content: Mapping[str, Any]) -> dict[str, Any]:
    """Return a content with the names of what it refers to, to tell of it when it no longer exists."""
    names = {str(row.uuid): str(row) for name in NAMED if (row := getattr(message, name))}
    if found := sorted(set(files_named([content["parameters"], content["translations"]])))[:MOST_FILES]:
        files = Media.objects.for_organization(message.broadcast.organization_id).filter(uuid__in=found)
        names |= {str(uuid): name for uuid, name in files.values_list("uuid", "filename")}
    return {**content, "names": names}


def files_named(value: Any) -> Iterator[str]:
    """Yield the uuids of the files that a JSON value names: attachments, pictures of blocks and slots, parameters."""
    if isinstance(value, Mapping):
        if uuid := file_of(value):
            yield uuid
        for one in value.values():
            yield from files_named(one)
    elif isinstance(value, list):
        for one in value:
            yield from files_named(one)


def file_of(value: Any) -> str:
    """Return the uuid of the file that a JSON object names as its media; "" if it names none."""
    named = value.get("media") if isinstance(value, Mapping) else None
    try:
        return str(UUID(named)) if isinstance(named, str) else ""
    except ValueError:
        return ""


def _of_language(one: MessageTranslation) -> dict[str, Any]:
    content = one.content()
    if one.is_designed:
        content["html"] = ""
    if one.tag not in ("", one.language):
        content["tag"] = one.tag  # as another API gave it
    return content


def parts_of(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return a digest of each field of a content that is not blank, and of each block."""
    return {
        **{name: content[name] for name in (*OF_MESSAGE, "languages")},
        "parameters": _digest(content["parameters"]) if content["parameters"] else "",
        "translations": {tag: _digests(one) for tag, one in content["translations"].items()},
    }


def changes(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> list[str]:
    """Return what changed from the parts of one version to those of another, in words; [] without an earlier one."""
    if not before:
        return []
    told = [label for name, label in OF_MESSAGE.items() if before[name] != after[name]]
    told += ["Parameters"] if before["parameters"] != after["parameters"] else []
    old, new = before["translations"], after["translations"]
    told += [f"{language_name(tag)} added" for tag in after["languages"] if tag not in old]
    told += [f"{language_name(tag)} removed" for tag in before["languages"] if tag not in new]
    is_alone = len(old.keys() | new.keys()) == 1
    for tag in (one for one in after["languages"] if one in old):
        place = "" if is_alone else f" in {language_name(tag)}"
        told += [f"{words}{place}" for words in _changed_fields(old[tag], new[tag])]
    return told or (["Order of the languages"] if before["languages"] != after["languages"] else [])


def with_before(versions: Any) -> Any:
    """Annotate versions with `before`: the parts of the version before each; None of the first one."""
    earlier = _versions_of(OuterRef("message")).filter(pk__lt=OuterRef("pk")).order_by("-pk")
    return versions.annotate(before=Subquery(earlier.values("parts")[:1]))


def _changed_fields(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    told = []
    for name, label in OF_LANGUAGE.items():
        if name == "blocks":
            told += _changed_blocks(before.get(name, []), after.get(name, []))
        elif before.get(name) != after.get(name):
            told.append(label)
    return told


def _changed_blocks(before: list[str], after: list[str]) -> list[str]:
    gone, new = Counter(before) - Counter(after), Counter(after) - Counter(before)
    if n := max(gone.total(), new.total()):
        return ["1 block" if n == 1 else f"{n} blocks"]
    return ["Order of the blocks"] if before != after else []


def _last_ones(messages: Sequence[Message]) -> dict[int, MessageVersion]:
    """Return {message id: its last version}, without the content; `is_first` tells whether it is the only one."""
    newest = _versions_of(OuterRef("pk")).order_by("-pk").values("pk")[:1]
    wanted = Message.objects.filter(pk__in=[message.pk for message in messages]).order_by()
    older = _versions_of(OuterRef("message")).filter(pk__lt=OuterRef("pk"))
    rows = MessageVersion.objects.filter(pk__in=wanted.values_list(Subquery(newest)))
    return {one.message_id: one for one in rows.annotate(is_first=~Exists(older)).defer("content")}


def _versions_of(message: Any) -> Any:
    return MessageVersion.objects.filter(message=message)


def _is_open(last: Any, by: User | None, now: datetime | None = None) -> bool:
    """Tell whether a save by this author extends the last version."""
    if last.author_id != (by.pk if by else None) or last.created <= (now or timezone.now()) - EXTENDED:
        return False
    says_nothing = not any(one.keys() - {"format"} for one in last.parts["translations"].values())
    return says_nothing or not last.is_first


def _forget_old(message: Message) -> None:
    """Delete the oldest versions beyond the limit, but for the first one."""
    surplus = list(_versions_of(message).order_by("-pk").values_list("pk", flat=True)[MOST - 1 :])[:-1]
    if surplus:
        MessageVersion.objects.filter(pk__in=surplus).delete()


def _digests(content: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {name: _digest(content[name]) for name in Content.CONTENT if content[name]}
    if "blocks" in found:
        found["blocks"] = [_digest(block) for block in content["blocks"]]
    return found


def _digest(value: Any) -> str:
    raw = value.encode(errors="surrogatepass") if isinstance(value, str) else _json(value)
    return sha256(raw).hexdigest()[:16]


def _json(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True).encode()
