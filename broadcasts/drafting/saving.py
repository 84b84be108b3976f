"""Saving a draft as a whole: its fields, its audience, its time, and then its messages."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone

from broadcasts import audience, versioning
from broadcasts.audience import Audience
from broadcasts.exceptions import InvalidInput, WrongState
from broadcasts.models import TRACKED, AuditEntry, Broadcast, User
from broadcasts.sending import hours, moments

from .checks import validate
from .messages import CONTENT, loaded, read_tag, set_messages

NOT_EDITABLE = "Valid states for operation: Draft, Scheduled."
IN_WINDOW = "It is about to be sent. Stop that first, then change it."
FALLBACK_ONLY = "This belongs to the channel policy fallback: choose that, or leave this out."
PLAIN_FIELDS = (
    "name",
    "use_case",
    *(name for name in Broadcast.WHO if name not in Broadcast.WHO_LISTS),
    "scheduled_at",
    "local_time",
    "ignore_quiet_hours",
    "expires_at",
    "base_language",
    "channel_policy",
    *Broadcast.FALLBACK_FIELDS,
    *TRACKED.values(),
    "in_archive",
    "extra",
)


def save(
    broadcast: Broadcast,
    values: Mapping[str, Any],
    by: User | None = None,
    *,
    begins_version: bool = False,
    is_autosave: bool = False,
) -> Broadcast:
    """Create or change a broadcast and return it as saved; nothing is written if no value changes.

    Takes the model's editable fields (those of `Broadcast.WHO_LISTS` as lists of rows), `send_at` (a day),
    `subject` and `body` (of the first message, in the base language), and `messages`: a list of
    {"uuid", "channel", "template", "syntax", "layout", "parameters", "extra", "translations": {language: content}}.
    Messages that are not in the list are deleted; keys that a message lacks stay unchanged. The content of a new
    template is copied if no translations are given, and that of any template if they are empty. A draft may have no
    content; a scheduled broadcast must have some. A version of what its messages say is kept, a new one if it
    `begins_version`. Raises InvalidInput, or WrongState unless it is a draft or scheduled.
    """
    values = dict(values)
    with transaction.atomic():
        is_new = broadcast.pk is None
        if is_new:
            _defaults(broadcast, values, by)
        else:
            broadcast = lock(broadcast)
        changed = _set_own(broadcast, values)
        if is_new:
            broadcast.save()
        elif not values.keys().isdisjoint(CONTENT):
            versioning.begin(broadcast)
        touched = [_set_related(broadcast, values), says_other := set_messages(broadcast, values)]
        if not (is_new or changed or any(touched)):
            return broadcast
        messages = list(loaded(broadcast).prefetch_related("template__translations"))
        validate(broadcast, messages, flat="messages" not in values)
        if says_other:
            versioning.write(messages, by, begins=begins_version, are_new=is_new)
        _store(broadcast, changed)
        _note(broadcast, "create" if is_new else "change", sorted(values), by, is_autosave=is_autosave)
    return broadcast


def _store(broadcast: Broadcast, changed: Iterable[str]) -> None:
    """Store the changed fields of a broadcast, and what follows from them: when it is due, the first recipients."""
    if broadcast.status == Broadcast.Status.SCHEDULED and broadcast.scheduled_at:
        broadcast.due_from = max(hours.earliest_start(broadcast, broadcast.scheduled_at), timezone.now())
    broadcast.audience_preview = _preview(broadcast)
    broadcast.save(update_fields=[*changed, "addresses", "due_from", "audience_preview", "modified"])


def _note(broadcast: Broadcast, act: str, fields: list[str], by: User | None, *, is_autosave: bool) -> None:
    """Write an entry into the audit log; of a page that saves itself, one for equal changes that follow each other."""
    entry = AuditEntry.made(broadcast, act, organization=broadcast.organization, user=by, fields=fields)
    if not (is_autosave and _is_noted(entry, broadcast)):
        entry.save(force_insert=True)


def _is_noted(entry: AuditEntry, broadcast: Broadcast) -> bool:
    """Tell whether the last entry about a broadcast says the same, and is as young as a version that still grows."""
    last = AuditEntry.newest_about(broadcast, broadcast.organization_id)
    if last is None or last.created <= timezone.now() - versioning.EXTENDED:
        return False
    return all(getattr(last, name) == getattr(entry, name) for name in ("act", "user_id", "actor", "detail"))


def delete(broadcast: Broadcast, by: User | None = None) -> None:
    """Delete a draft or scheduled broadcast; raises WrongState for any other, and for one that rules refer to."""
    with transaction.atomic():
        broadcast = lock(broadcast)
        audience.require_unused(broadcast)
        AuditEntry.write(broadcast, "delete", organization=broadcast.organization, user=by)
        broadcast.delete()


def lock(broadcast: Broadcast) -> Broadcast:
    """Return a broadcast read again and locked, so that it is not started meanwhile; raises WrongState if it was."""
    held = Broadcast.objects.select_for_update().filter(pk=broadcast.pk, status__in=Broadcast.EDITABLE).first()
    if held is None or not held.is_editable:
        raise WrongState(why_not_editable(held) if held else NOT_EDITABLE)
    return held


def why_not_editable(broadcast: Broadcast) -> str:
    """Return why a broadcast that is not editable is not, in words."""
    return IN_WINDOW if broadcast.is_undoable else NOT_EDITABLE


def refresh_preview(broadcast: Broadcast) -> None:
    """Store the first recipients' addresses of a broadcast; for copies that `sending` made."""
    preview = _preview(broadcast)
    if preview != broadcast.audience_preview:
        broadcast.audience_preview = preview
        broadcast.save(update_fields=["audience_preview"])


def _defaults(broadcast: Broadcast, values: dict[str, Any], by: User | None) -> None:
    organization = broadcast.organization
    values.setdefault("use_case", organization.default_use_case)
    first: Mapping[str, Any] = next(iter(values.get("messages") or []), {})
    template = first.get("template")
    languages = list(first.get("translations") or [])
    if not languages and template and template.channel:
        languages = [one.language for one in template.usable()]
    known = {read_tag(tag, "messages") for tag in languages}
    primary = organization.primary_language
    values.setdefault("base_language", primary if primary in known or not known else read_tag(languages[0], "messages"))
    broadcast.author = by
    broadcast.author_name = str(by or "")[:255]


def _name_and_time(broadcast: Broadcast, values: dict[str, Any]) -> None:
    if "base_language" in values:
        values["base_language"] = read_tag(values["base_language"], "base_language")
    subject = values.get("subject", "")
    if subject and not values.get("name") and broadcast.name in ("", _subject(broadcast)[:255]):
        values["name"] = subject[:255]  # a name that no user chose follows the subject
    elif not (values.get("name") or broadcast.name):
        values["name"] = _title(values.get("messages") or []) or broadcast.organization.default_subject or "Broadcast"
        values["name"] = values["name"][:255]
    _set_time(broadcast, values)


def _set_time(broadcast: Broadcast, values: dict[str, Any]) -> None:
    for name in ("send_at", "scheduled_at"):
        if values.get(name, "") is None and broadcast.status == Broadcast.Status.SCHEDULED:
            raise InvalidInput({name: "A scheduled broadcast needs its time; unschedule it first."})
    zone = broadcast.organization.zone
    if errors := moments.refused(broadcast, values, zone):
        raise InvalidInput(errors)
    if "send_at" not in values:
        return
    day = values.pop("send_at")
    if values.get("scheduled_at"):
        if day and values["scheduled_at"].astimezone(zone).date() != day:
            raise InvalidInput({"send_at": "This is not the day of scheduled_at; give one of the two."})
    elif day is None:
        values["scheduled_at"] = None
    elif day != moments.day_of(broadcast):  # the same day keeps its clock time
        values["scheduled_at"] = moments.of_day(broadcast.organization, day)
        if errors := moments.ends_first(broadcast, values):
            raise InvalidInput(errors)


def _drop_fallback(broadcast: Broadcast, values: dict[str, Any]) -> None:
    """Another channel policy than `fallback` leaves nothing of its fields; raises InvalidInput if one is given."""
    if values.get("channel_policy", broadcast.channel_policy) == Broadcast.Policy.FALLBACK:
        return
    if wrong := {name: FALLBACK_ONLY for name in Broadcast.FALLBACK_FIELDS if values.get(name)}:
        raise InvalidInput(wrong)
    blank = Broadcast()
    for name in Broadcast.FALLBACK_FIELDS:
        values.pop(name, None)
        if getattr(broadcast, name):
            values[name] = getattr(blank, name)


def _set_own(broadcast: Broadcast, values: dict[str, Any]) -> list[str]:
    """Set the fields of the broadcast's own row, and return the names of those that changed."""
    _name_and_time(broadcast, values)
    _drop_fallback(broadcast, values)
    changed = [name for name in PLAIN_FIELDS if name in values and getattr(broadcast, name) != values[name]]
    for name in changed:
        setattr(broadcast, name, values[name])
    return changed


def _set_related(broadcast: Broadcast, values: Mapping[str, Any]) -> bool:
    changed = False
    for name in Broadcast.WHO_LISTS:
        if name in values:
            manager = getattr(broadcast, name)
            if set(manager.values_list("pk", flat=True)) != {row.pk for row in values[name]}:
                manager.set(values[name])
                changed = True
    return changed


def _preview(broadcast: Broadcast) -> list[str]:
    return audience.preview(Audience.of(broadcast), audience.routes_of(broadcast))


def _subject(broadcast: Broadcast) -> str:
    message = broadcast.first_message() if broadcast.pk else None
    translation = message.translation(broadcast.base_language) if message else None
    return translation.subject if translation else ""


def _title(specs: Iterable[Mapping[str, Any]]) -> str:
    contents = [content for spec in specs for content in (spec.get("translations") or {}).values()]
    texts = [content.get("subject") or content.get("text") or "" for content in contents]
    return next((text.strip().splitlines()[0] for text in texts if text.strip()), "")
