"""Create and edit broadcasts before they are sent: audience, content and time are validated and saved together.

Admin and API both write drafts by `save`: they pass plain values, and it locks the row, refuses broadcasts that can no
longer be edited, writes only changes, and stores the preview of the audience. `sending` copies broadcasts unchanged;
the caller then calls `refresh_preview`.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from broadcasts import audience, designing, formats, rendering
from broadcasts.audience import Audience, Route
from broadcasts.exceptions import InvalidInput, WrongState
from broadcasts.languages import normalize_language
from broadcasts.models import (
    TRACKED,
    AuditEntry,
    Broadcast,
    Channel,
    Medium,
    Message,
    MessageTranslation,
    Organization,
    Template,
    UseCase,
    User,
)
from broadcasts.sending import hours, moments, readiness

NOT_EDITABLE = "Valid states for operation: Draft, Scheduled."
QUIET_FOR_MARKETING = "Marketing keeps the quiet hours: only the use case general may ignore them."
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
    "extra",
)
MESSAGE_FIELDS = ("channel", "template", "syntax", "layout", "parameters", "position", "extra")
BLANK = MessageTranslation(language="").content()


def save(broadcast: Broadcast, values: Mapping[str, Any], by: User | None = None) -> Broadcast:
    """Create or change a broadcast and return it as saved; nothing is written if no value changes.

    Takes the model's editable fields (those of `Broadcast.WHO_LISTS` as lists of rows), `send_at` (a day),
    `subject` and `body` (of the first message, in the base language), and `messages`: a list of
    {"uuid", "channel", "template", "syntax", "layout", "parameters", "extra", "translations": {language: content}}.
    Messages that are not in the list are deleted; keys that a message lacks stay unchanged. The content of a new
    template is copied if no translations are given, and that of any template if they are empty. A draft may have no
    content; a scheduled broadcast must have some. Raises InvalidInput, or WrongState unless it is a draft or scheduled.
    """
    values = dict(values)
    with transaction.atomic():
        is_new = broadcast.pk is None
        if is_new:
            _defaults(broadcast, values, by)
        else:
            broadcast = lock(broadcast)
        _name_and_time(broadcast, values)
        _drop_fallback(broadcast, values)
        changed = [name for name in PLAIN_FIELDS if name in values and getattr(broadcast, name) != values[name]]
        for name in changed:
            setattr(broadcast, name, values[name])
        if is_new:
            broadcast.save()
        touched = [_set_related(broadcast, values), _set_messages(broadcast, values)]
        if not (is_new or changed or any(touched)):
            return broadcast
        validate(broadcast, flat="messages" not in values)
        if broadcast.status == Broadcast.Status.SCHEDULED and broadcast.scheduled_at:
            broadcast.due_from = max(hours.earliest_start(broadcast, broadcast.scheduled_at), timezone.now())
        broadcast.audience_preview = _preview(broadcast)
        broadcast.save(update_fields=[*changed, "addresses", "due_from", "audience_preview", "modified"])
        act = "create" if is_new else "change"
        AuditEntry.write(broadcast, act, organization=broadcast.organization, user=by, fields=sorted(values))
    return broadcast


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
    if held is None:
        raise WrongState(NOT_EDITABLE)
    return held


def refresh_preview(broadcast: Broadcast) -> None:
    """Store the first recipients' addresses of a broadcast; for copies that `sending` made."""
    preview = _preview(broadcast)
    if preview != broadcast.audience_preview:
        broadcast.audience_preview = preview
        broadcast.save(update_fields=["audience_preview"])


def validate(broadcast: Broadcast, *, flat: bool = False) -> None:
    """Validate a saved broadcast; raises InvalidInput that names every wrong field.

    With `flat`, errors of the first message in the base language have the keys `subject` and `body`. All others have
    the key `messages`, with their path.
    """
    errors: dict[str, str] = {}
    for name, check in (("query", _check_query), ("addresses", _check_addresses)):
        try:
            check(broadcast)
        except InvalidInput as error:
            errors |= {name if key != name else key: text for key, text in error.errors.items()}
    errors |= _check_fields(broadcast)
    errors |= _check_content(broadcast, flat)
    if broadcast.status == Broadcast.Status.SCHEDULED:
        errors = readiness.missing(broadcast) | errors
    if errors:
        raise InvalidInput(errors)


def _defaults(broadcast: Broadcast, values: dict[str, Any], by: User | None) -> None:
    organization = broadcast.organization
    values.setdefault("use_case", organization.default_use_case)
    first: Mapping[str, Any] = next(iter(values.get("messages") or []), {})
    template = first.get("template")
    languages = list(first.get("translations") or [])
    if not languages and template and template.channel:
        languages = [one.language for one in template.usable()]
    known = {_language(tag, "messages") for tag in languages}
    primary = organization.primary_language
    values.setdefault(
        "base_language", primary if primary in known or not known else _language(languages[0], "messages")
    )
    broadcast.author = by
    broadcast.author_name = str(by or "")[:255]


def _name_and_time(broadcast: Broadcast, values: dict[str, Any]) -> None:
    if "base_language" in values:
        values["base_language"] = _language(values["base_language"], "base_language")
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


def _set_related(broadcast: Broadcast, values: Mapping[str, Any]) -> bool:
    changed = False
    for name in Broadcast.WHO_LISTS:
        if name in values:
            manager = getattr(broadcast, name)
            if set(manager.values_list("pk", flat=True)) != {row.pk for row in values[name]}:
                manager.set(values[name])
                changed = True
    return changed


def _set_messages(broadcast: Broadcast, values: Mapping[str, Any]) -> bool:
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
        changed |= _write(translation, written)
    if changed:
        _design(broadcast)
    return changed


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
    contents = {_language(tag, f"messages: {place}.translations"): (tag, each) for tag, each in translations.items()}
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
    messages = broadcast.messages.select_related("channel", "template", "layout", "broadcast__organization")
    for place, message in enumerate(messages.prefetch_related("translations")):
        with _at(f"{place}."):
            designing.again(message)


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


def _check_query(broadcast: Broadcast) -> None:
    audience.validate(broadcast.query, broadcast.organization, within=broadcast)


def _check_addresses(broadcast: Broadcast) -> None:
    broadcast.addresses = audience.validate_addresses(broadcast.addresses, broadcast.organization)


def _check_fields(broadcast: Broadcast) -> dict[str, str]:
    errors = {}
    if broadcast.ignore_quiet_hours and broadcast.use_case != UseCase.GENERAL:
        errors["ignore_quiet_hours"] = QUIET_FOR_MARKETING
    return errors | fallback_problems(broadcast) | Audience.of(broadcast).problems(broadcast.pk)


def fallback_problems(broadcast: Broadcast) -> dict[str, str]:
    """Return {field: message} for what contradicts itself in the fields of the channel policy `fallback`."""
    fact, minutes = broadcast.fallback_fact, broadcast.fallback_minutes
    if fact and minutes is None:
        return {"fallback_minutes": f"Give the minutes after which a copy that is not {fact} falls back."}
    if minutes is not None and not fact:
        return {"fallback_fact": "Name what is waited for, delivered or opened; or leave fallback_minutes out."}
    if minutes is not None and not 1 <= minutes <= Broadcast.LONGEST_FALLBACK:
        return {"fallback_minutes": f"Must be from 1 to {formats.number(Broadcast.LONGEST_FALLBACK)} minutes (7 days)."}
    return {}


def _check_content(broadcast: Broadcast, flat: bool) -> dict[str, str]:
    errors: dict[str, str] = {}
    wrong: list[str] = []
    checker = rendering.Checker(broadcast.organization)
    messages = broadcast.messages.select_related("channel", "template", "layout", "broadcast__organization")
    for place, message in enumerate(messages.prefetch_related("translations", "template__translations")):
        translations = list(message.translations.all())
        if place == 0 and translations and message.translation(broadcast.base_language) is None:
            wrong.append(f"0.translations: has nothing in the base language, {broadcast.base_language}.")
        for translation in translations:
            fields = {name: getattr(translation, name) for name in rendering.TEMPLATED if getattr(translation, name)}
            wrong += _misfits(place, message, translation)
            try:
                checker.check(message.syntax, fields | rendering.extra_texts(message, translation))
                rendering.validate_attachments(broadcast.organization, translation.attachments, message.medium)
            except InvalidInput as error:
                error = designing.where_written(message, translation, error)
                if flat and place == 0 and translation.language == broadcast.base_language:
                    errors |= {"body" if name == "text" else name: text for name, text in error.errors.items()}
                else:
                    path = f"{place}.translations.{translation.language}"
                    wrong += [f"{path}.{name}: {text}" for name, text in error.errors.items()]
    return errors | ({"messages": " ".join(wrong)} if wrong else {})


def _misfits(place: int, message: Message, translation: MessageTranslation) -> list[str]:
    path = f"{place}.translations.{translation.language}"
    return [f"{path}.{name}: {text}" for name, text in rendering.misfits(message, translation).items()]


def _preview(broadcast: Broadcast) -> list[str]:
    return audience.preview(Audience.of(broadcast), routes(broadcast))


def default_channel(organization: Organization, template: Template | None = None) -> Channel | None:
    """Return the channel of a message without one: that of its template, the default of its medium, or of e-mail."""
    if template and template.channel:
        return template.channel
    return organization.default_channel(template.medium if template else Medium.EMAIL)


def routes(broadcast: Broadcast) -> list[Route]:
    """Return what a broadcast's messages mean for its audience."""
    return audience.routes_of(broadcast)


def _subject(broadcast: Broadcast) -> str:
    message = broadcast.first_message() if broadcast.pk else None
    translation = message.translation(broadcast.base_language) if message else None
    return translation.subject if translation else ""


def _title(specs: Iterable[Mapping[str, Any]]) -> str:
    contents = [content for spec in specs for content in (spec.get("translations") or {}).values()]
    texts = [content.get("subject") or content.get("text") or "" for content in contents]
    return next((text.strip().splitlines()[0] for text in texts if text.strip()), "")


def _language(tag: str, field: str) -> str:
    try:
        return normalize_language(tag)
    except ValidationError as error:
        raise InvalidInput({field: error.messages[0]}) from None
