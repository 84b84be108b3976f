"""What is wrong in a draft, field by field; what it may still lack is for `sending.readiness`."""

from collections.abc import Sequence

from broadcasts import audience, designing, formats, rendering
from broadcasts.audience import Audience
from broadcasts.exceptions import InvalidInput
from broadcasts.models import Broadcast, Message, MessageTranslation, UseCase
from broadcasts.sending import readiness

QUIET_FOR_MARKETING = "Marketing keeps the quiet hours: only the use case general may ignore them."


def validate(broadcast: Broadcast, messages: Sequence[Message], *, flat: bool = False) -> None:
    """Validate a saved broadcast with its messages; raises InvalidInput that names every wrong field.

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
    errors |= _check_content(broadcast, messages, flat)
    if broadcast.status == Broadcast.Status.SCHEDULED:
        errors = readiness.missing(broadcast) | errors
    if errors:
        raise InvalidInput(errors)


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


def _check_content(broadcast: Broadcast, messages: Sequence[Message], flat: bool) -> dict[str, str]:
    errors: dict[str, str] = {}
    wrong: list[str] = []
    checker = rendering.Checker(broadcast.organization)
    for place, message in enumerate(messages):
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
