"""Read the templates that providers store, and stop broadcasts whose template was paused or disabled."""

from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, fields

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from broadcasts import transports
from broadcasts.database import storable
from broadcasts.formats import number
from broadcasts.languages import normalize_language
from broadcasts.models import AuditEntry, Broadcast, Channel, Template, TemplateTranslation, User
from broadcasts.queue import enqueue
from broadcasts.sending.notices import pause_with
from broadcasts.transports import StoredTemplate, TemplateNews, Transport, TransportError

TOLD = ("status", "category", "quality")  # what news of a template may change


@dataclass(frozen=True)
class Synced:
    """What a sync found: how many languages of templates there are, and how many of them changed."""

    templates: int
    languages: int
    changed: int
    removed: int

    def __str__(self) -> str:
        return (
            f"Templates: {number(self.templates)}. Languages: {number(self.languages)} "
            f"(new or changed: {number(self.changed)}, removed: {number(self.removed)})."
        )


def synced_channels() -> QuerySet[Channel]:
    """Return the channels whose provider stores templates."""
    return Channel.objects.filter(kind__in=transports.kinds_that_store_templates())


def enqueue_all() -> None:
    """Enqueue a sync of each active channel, so that one provider in trouble holds up none of the others."""
    for pk in synced_channels().filter(is_active=True).values_list("pk", flat=True):
        enqueue("sync_channel", pk)


def sync(channel: Channel, by: User | None = None) -> Synced:
    """Make the templates of a channel those that its provider lists; raises TransportError, with nothing changed.

    Templates that the provider does not list any more are marked and kept, since messages may use them.
    """
    with channel.transport() as transport:
        listed = map(_clean, transport.templates())
        found = {(one.name, language): one for one in listed if (language := _language(one.language))}
        _read_limit(channel, transport)
    with transaction.atomic():
        Channel.objects.select_for_update(no_key=True).get(pk=channel.pk)  # one sync of a channel at a time
        changed = _write(channel, found.values())
        gone = [
            one for one in _languages(channel).filter(removed_at=None) if (one.template.name, one.language) not in found
        ]
        TemplateTranslation.objects.filter(pk__in=[one.pk for one in gone]).update(removed_at=timezone.now())
        stop_unusable([channel])
        if by:
            AuditEntry.write(channel, "sync templates", organization=channel.organization, user=by)
    return Synced(len({name for name, _ in found}), len(found), changed, len(gone))


def _read_limit(channel: Channel, transport: Transport) -> None:
    """Store how many people a day the provider allows; a gateway that does not tell changes nothing."""
    with suppress(TransportError, ValueError, AttributeError):
        channel.people_told = transport.people_a_day()
        Channel.objects.filter(pk=channel.pk).update(people_told=channel.people_told)


def take_news(channel: Channel, news: TemplateNews) -> bool:
    """Store what a provider told of a template, in each channel that has it; return True if anything changed."""
    told = {name: value for name in TOLD if (value := str(storable(getattr(news, name)))[:20])}
    if "status" in told:
        told["status_reason"] = str(storable(news.reason))[:255]
    rows = TemplateTranslation.objects.filter(
        template__channel__in=synced_channels().filter(organization=channel.organization, kind=channel.kind),
        provider_id=str(storable(news.provider_id))[:64],
    ).exclude(provider_id="")
    if not told or not rows.exclude(**told).update(**told):
        return False
    stop_unusable(Channel.objects.filter(template__translations__in=rows).distinct())
    return True


def stop_unusable(channels: Iterable[Channel]) -> None:
    """Pause the broadcasts that are being sent with a template that its provider has paused or disabled."""
    stopped = TemplateTranslation.objects.filter(
        template__channel__in=[channel.pk for channel in channels], status__in=TemplateTranslation.STOPPED
    ).select_related("template")
    if not stopped:
        return
    under_way = Broadcast.objects.filter(
        status=Broadcast.Status.SENDING, messages__template__in={one.template_id for one in stopped}
    )
    for broadcast in under_way.distinct().prefetch_related("messages__translations"):
        used = {
            (message.template_id, one.language)
            for message in broadcast.messages.all()
            for one in message.translations.all()
        }
        for one in stopped:
            if (one.template_id, one.language) in used:
                pause_with(
                    broadcast, f"Paused: the template “{one.template}” ({one.tag}) cannot be sent. {one.why_not}"
                )
                break


def _languages(channel: Channel) -> QuerySet[TemplateTranslation]:
    return TemplateTranslation.objects.filter(template__channel=channel).select_related("template")


def _write(channel: Channel, found: Iterable[StoredTemplate]) -> int:
    """Write what the provider lists; return how many languages are new or changed."""
    by_name: dict[str, list[StoredTemplate]] = defaultdict(list)
    for one in found:
        by_name[one.name].append(one)
    templates = {one.name: one for one in Template.objects.filter(channel=channel)}
    known = {(one.template.name, one.language): one for one in _languages(channel)}
    changed = 0
    for name, languages in by_name.items():
        template = templates.get(name) or Template.objects.create(
            organization=channel.organization, channel=channel, name=name, medium=channel.medium
        )
        for position, one in enumerate(languages):
            language = _language(one.language)
            if language:
                row = known.get((name, language)) or TemplateTranslation(template=template, language=language)
                changed += _write_language(row, one, position)
    return changed


def _write_language(row: TemplateTranslation, told: StoredTemplate, position: int) -> bool:
    values = {
        "tag": told.language,
        "position": position,
        "provider_id": told.provider_id,
        "status": told.status,
        "category": told.category,
        "quality": told.quality,
        "status_reason": told.reason,
        "structure": told.structure,
        "removed_at": None,
    }
    if row.pk is not None and all(getattr(row, name) == value for name, value in values.items()):
        return False
    for name, value in values.items():
        setattr(row, name, value)
    row.save()
    return True


def _language(tag: str) -> str:
    """Return a provider's language as we write it; "" for one that nobody can have."""
    try:
        return normalize_language(tag)
    except ValidationError:
        return ""


def _clean(one: StoredTemplate) -> StoredTemplate:
    """Return a template without what a database cannot store, and without what is too long for it."""
    values = {field.name: storable(getattr(one, field.name)) for field in fields(one)}
    longest = {
        "provider_id": 64,
        "name": 255,
        "language": 35,
        "status": 20,
        "category": 20,
        "quality": 20,
        "reason": 255,
    }
    return StoredTemplate(
        **{name: value[: longest[name]] if name in longest else value for name, value in values.items()}
    )
