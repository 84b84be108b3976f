"""The channels of a broadcast on its content page: which there are, who gets which, and what is measured of all."""

from collections.abc import Callable
from copy import copy
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.urls import reverse

from broadcasts import drafting
from broadcasts.database import as_id
from broadcasts.exceptions import InvalidInput
from broadcasts.models import TRACKED, Broadcast, Channel, Message, User

from .broadcast_form import SWITCH_CHOICES, BroadcastForm
from .language_field import HELP as LANGUAGE_HELP
from .language_field import LanguageField, LanguageInput

PREFIX = "channels"
POLICY = "channel_policy"
NOTHING_AWAITED = "Nothing: only what failed falls back"
FROM = "from"  # in the address of a page that is left for the content page again
FROM_CONTENT = "content"


class ChannelsForm(forms.ModelForm):
    """What holds for all messages of a broadcast.

    It knows what the page showed, so that only what was changed there is saved.
    """

    of_several = (POLICY, *Broadcast.FALLBACK_FIELDS)  # what means nothing with one message

    class Meta:
        model = Broadcast
        fields = (POLICY, *Broadcast.FALLBACK_FIELDS, "base_language", *TRACKED.values())
        field_classes = {"base_language": LanguageField}
        widgets = {"base_language": LanguageInput()}
        labels = {POLICY: "Who gets which", **BroadcastForm.Meta.labels}
        help_texts = {
            **{name: BroadcastForm.Meta.help_texts[name] for name in Broadcast.FALLBACK_FIELDS},
            POLICY: "The order above counts. With “The next channel when one fails”, an earlier copy may still arrive "
            "late: then the person has both.",
            "base_language": f"What everybody reads whose own language is missing. {LANGUAGE_HELP}",
            "track_opens": "General messages are measured only if the organization allows it.",
        }

    def __init__(self, data: Any, broadcast: Broadcast, *, may_change: bool) -> None:
        posted = data if data is not None and f"{PREFIX}-{POLICY}" in data else None
        super().__init__(posted, instance=copy(broadcast), prefix=PREFIX)
        fields: dict[str, Any] = self.fields
        for name in TRACKED.values():
            fields[name].widget.choices = SWITCH_CHOICES
        fields["fallback_fact"].choices = [("", NOTHING_AWAITED), *Broadcast.AWAITED]
        for name in Broadcast.FALLBACK_FIELDS:
            fields[name].widget.attrs |= {"data-only-for": Broadcast.Policy.FALLBACK, "data-chosen-by": POLICY}
        for field in fields.values():
            field.show_hidden_initial = True
            field.disabled = not may_change

    def hidden_initial(self) -> list[str]:
        """Return the fields that say what the page showed."""
        return [bound.as_hidden(only_initial=True) for bound in self]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if self._falls_back:
            for name, words in drafting.fallback_problems(Broadcast(**self._given())).items():
                self.add_error(name, words)
        return cleaned

    @property
    def _falls_back(self) -> bool:
        return self.cleaned_data.get(POLICY) == Broadcast.Policy.FALLBACK

    def _given(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in Broadcast.FALLBACK_FIELDS if name in self.cleaned_data}

    def values(self) -> dict[str, Any]:
        """Return what was changed here, as `drafting.save` takes it."""
        if not self.is_bound:
            return {}
        changed = {name: self.cleaned_data[name] for name in self.changed_data}
        if self._falls_back:
            return changed | (self._given() if POLICY in changed else {})
        return {name: value for name, value in changed.items() if name not in Broadcast.FALLBACK_FIELDS}

    def is_overtaken(self, stored: Broadcast) -> bool:
        """Whether somebody else changed what was changed here, and to something else."""
        news = self.values()
        return any(
            getattr(stored, name) not in (self._shown(name), news[name]) for name in self.changed_data if name in news
        )

    def _shown(self, name: str) -> Any:
        """Return what the page showed in a field when it was opened."""
        field: Any = self.fields[name]
        raw = field.hidden_widget().value_from_datadict(self.data, self.files, self[name].html_initial_name)
        try:
            value = field.to_python(raw)
        except ValidationError:
            return None
        return None if value == "" else value


def tabs(owner: Message) -> list[dict[str, Any]]:
    """Return the messages of the broadcast of one, in their order, with the addresses of their content pages."""
    rows = owner.broadcast.messages.select_related("channel").prefetch_related("translations")
    return [
        {
            "pk": one.pk,
            "channel": str(one.channel or "Default channel"),
            "languages": [each.language for each in one.translations.all()],
            "says": next((each.subject or each.text for each in one.translations.all()), ""),
            "url": reverse("admin:broadcasts_message_content", args=[one.pk]),
            "is_current": one.pk == owner.pk,
        }
        for one in rows
    ]


def addable(owner: Message) -> list[Channel]:
    """Return the channels that a further message can be on: those in service, the ones without a message first."""
    used = set(owner.broadcast.messages.values_list("channel", flat=True))
    rows = Channel.objects.for_organization(owner.broadcast.organization).filter(is_active=True).order_by("name")
    return sorted(rows, key=lambda channel: channel.pk in used)


def act(owner: Message, asked: str, chosen: str, by: User) -> str:
    """Do what a button beside the channels says, and return the address to go to; raises InvalidInput."""
    name, _, pk = asked.partition(":")
    acts: dict[str, Callable[..., str]] = {"add": _add, "up": _up, "remove": _remove}
    if name not in acts:
        raise InvalidInput({PREFIX: "The page has no such button any more."})
    return acts[name](owner, as_id(pk or chosen) or 0, by)


def _add(owner: Message, pk: int, by: User) -> str:
    broadcast = owner.broadcast
    channel = Channel.objects.for_organization(broadcast.organization).filter(pk=pk).first()
    if channel is None:
        raise InvalidInput({PREFIX: "Choose a channel to add."})
    known = [{"uuid": one.uuid} for one in broadcast.messages.all()]
    drafting.save(broadcast, {"messages": [*known, {"channel": channel}]}, by=by)
    added = broadcast.messages.order_by("-position")[0]
    return reverse("admin:broadcasts_message_content", args=[added.pk])


def _up(owner: Message, pk: int, by: User) -> str:
    move_up(owner.broadcast, pk, by)
    return reverse("admin:broadcasts_message_content", args=[owner.pk])


def _remove(owner: Message, pk: int, by: User) -> str:
    """Return the page that asks."""
    if not owner.broadcast.messages.filter(pk=pk).exists():
        raise InvalidInput({PREFIX: "The broadcast has no such message any more."})
    return f"{reverse('admin:broadcasts_message_delete', args=[pk])}?{FROM}={FROM_CONTENT}"


def move_up(broadcast: Broadcast, pk: int, by: User) -> None:
    """Put a message before the one that precedes it."""
    rows = list(broadcast.messages.all())
    place = next((i for i, row in enumerate(rows) if row.pk == pk), 0)
    if place:
        rows[place - 1], rows[place] = rows[place], rows[place - 1]
        drafting.save(broadcast, {"messages": [{"uuid": row.uuid} for row in rows]}, by=by)
