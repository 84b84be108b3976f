"""The page on which a broadcast is written: its own fields and the content of its first message in one form."""

import re
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone

from broadcasts import audience, drafting
from broadcasts.audience import Audience
from broadcasts.drafting import QUIET_FOR_MARKETING
from broadcasts.exceptions import InvalidInput
from broadcasts.languages import language_name, read_language
from broadcasts.models import (
    TRACKED,
    Broadcast,
    Channel,
    Message,
    MessageTranslation,
    Organization,
    Syntax,
    Template,
    UseCase,
)
from broadcasts.sending import moments

from .confirmations import stamp
from .content import SYNTAX_HELP, ContentForm, ContentFormSet, chosen_message
from .drafts import DraftForm
from .rules import RulesField

MESSAGE_FIELDS = ("channel", "template", "syntax")
NAMED_CONTACTS = 100  # so many chosen contacts can be shown and edited one by one
CHANGED_ELSEWHERE = (
    "This broadcast was changed after you opened this page. What you typed is below and not saved: open the broadcast "
    "in another window to see what is new there. Saving now writes over it."
)


def has_many_contacts(broadcast: Broadcast) -> bool:
    """Whether more contacts are chosen than a form can show."""
    return broadcast.contacts.all()[: NAMED_CONTACTS + 1].count() > NAMED_CONTACTS


class AddressesField(forms.CharField):
    """One address per line; an e-mail address or a phone number may stand there bare."""

    widget = forms.Textarea(attrs={"rows": 3, "cols": 60})

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        lines = [line.strip() for line in (super().to_python(value) or "").splitlines()]
        return [self._with_scheme(line) for line in lines if line]

    def has_changed(self, initial: Any, data: Any) -> bool:
        return list(initial or []) != self.to_python(data or "")

    @staticmethod
    def _with_scheme(line: str) -> str:
        if re.match(r"[a-z]+:", line):
            return line
        if "@" in line:
            return f"mailto:{line}"
        return f"tel:{line}" if line.startswith("+") else line


SWITCH_CHOICES = [("unknown", "As the channel says"), ("true", "Yes"), ("false", "No")]


class BroadcastForm(DraftForm):
    """The fields of a broadcast and those of its first message."""

    addresses = AddressesField(required=False, help_text="One per line, such as joe@example.com or +250788123123.")
    query = RulesField(required=False)
    channel = forms.ModelChoiceField(
        Channel.objects.none(), required=False, help_text="Blank: the organization's default e-mail channel."
    )
    template = forms.ModelChoiceField(
        Template.objects.none(), required=False, help_text="Its content is copied when you write none yourself."
    )
    syntax = forms.ChoiceField(choices=Syntax.choices, initial=Syntax.LIQUID, help_text=SYNTAX_HELP)

    class Meta:
        model = Broadcast
        fields = "__all__"
        labels = {"track_opens": "Measure opens", "track_clicks": "Measure clicks"}
        help_texts = {
            "excluded_broadcasts": "Whoever was sent one of these is left out, and whoever may have been: "
            "copies whose outcome is unknown count.",
            "channel_policy": "The channels stand at the end of this page, in their order. With “The next channel when "
            "one fails”, an earlier copy may still arrive late: then the person has both.",
            "fallback_fact": "Of the channel policy “The next channel when one fails”. Blank: only a copy that failed "
            "or bounced is followed by one on the next channel.",
            "fallback_minutes": "Counted from the moment the copy was sent.",
            "fallback_unknown": "When a worker dies in the middle, nobody can tell whether a copy left. It may have "
            "arrived: then the person has both.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in TRACKED.values():
            if name in self.fields:
                self.fields[name].widget.choices = SWITCH_CHOICES
        if "retarget_engagement" in self.fields:  # not where it is only shown
            field: Any = self.fields["retarget_engagement"]
            organization = self.instance.organization if self.instance.organization_id else None
            field.choices = [("", "---------"), *audience.engagements(audience.reported_in(organization))]
        message = self.instance.first_message() if self.instance.pk else None
        if message is not None:
            for name in MESSAGE_FIELDS:
                value = getattr(message, name)
                self.initial[name] = getattr(value, "pk", value)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        organization = cleaned.get("organization") or getattr(self.instance, "organization", None)
        if organization is not None and "query" in self.fields:
            self._check_audience(cleaned, organization)
        if self._asked(cleaned, "ignore_quiet_hours") and self._asked(cleaned, "use_case") != UseCase.GENERAL:
            self.add_error("ignore_quiet_hours" if "ignore_quiet_hours" in self.fields else None, QUIET_FOR_MARKETING)
        self._check_times(cleaned)
        if self.instance.pk and self.is_changed_elsewhere():
            self.add_error(None, CHANGED_ELSEWHERE)
        return cleaned

    def is_changed_elsewhere(self) -> bool:
        """Whether the broadcast was changed after the page of this form was opened."""
        return self.data.get("seen", stamp(self.instance)) != stamp(self.instance)

    def _asked(self, cleaned: dict[str, Any], name: str) -> Any:
        """Return what the form says, or what is stored where the form lacks the field."""
        return cleaned.get(name) if name in self.fields else getattr(self.instance, name)

    def _check_times(self, cleaned: dict[str, Any]) -> None:
        for name in set(moments.TIMES) & set(cleaned) - set(self.changed_data):
            cleaned[name] = getattr(self.instance, name)  # the input shows neither fractions of a second nor `fold`
        for name, text in moments.refused(self.instance, cleaned, timezone.get_current_timezone()).items():
            self.add_error(name, text)

    def _check_audience(self, cleaned: dict[str, Any], organization: Organization) -> None:
        if cleaned.get("query") is None:
            cleaned["query"] = {}
        try:
            if "query" not in self.errors:
                audience.validate(cleaned["query"], organization, within=self.instance if self.instance.pk else None)
        except InvalidInput as error:
            self.add_error("query", list(error.errors.values()))
        try:
            if cleaned.get("addresses"):
                cleaned["addresses"] = audience.validate_addresses(cleaned["addresses"], organization)
        except InvalidInput as error:
            self.add_error("addresses", list(error.errors.values()))
        asked = {name: cleaned[name] for name in Broadcast.WHO if name in cleaned and name != "contacts"}
        for name, text in Audience.asking(organization, asked).problems(self.instance.pk).items():
            if name not in self.errors:
                self.add_error(name, text)

    def _get_validation_exclusions(self) -> set[str]:
        return super()._get_validation_exclusions() | {"status"}


class TranslationForm(ContentForm):
    class Meta(ContentForm.Meta):
        model = MessageTranslation


class FirstMessageFormSet(ContentFormSet):
    """The languages of a broadcast's first message, which is made when they are saved."""

    def __init__(self, *args: Any, instance: Broadcast | None = None, **kwargs: Any) -> None:
        self.broadcast = instance
        message = instance.first_message() if instance is not None and instance.pk else None
        kwargs["instance"] = message or Message(broadcast=instance)
        super().__init__(*args, **kwargs)

    @classmethod
    def get_default_prefix(cls) -> str:
        return "translations"

    def owner(self) -> tuple[Any, str]:
        organization = self.broadcast.organization if self.broadcast and self.broadcast.organization_id else None
        return organization, self.data.get("syntax") or self.instance.syntax

    def written(self) -> Message | None:
        if self.broadcast is None or not self.broadcast.organization_id:
            return None
        return chosen_message(self.data, self.broadcast, self.instance.parameters)

    def clean(self) -> None:
        super().clean()
        if any(self.errors):
            return
        said = [form.cleaned_data for form in self.forms if form.cleaned_data and not form.cleaned_data.get("DELETE")]
        if not said and self.data.get("template"):
            return
        try:
            base = read_language(self.data.get("base_language", ""))
        except ValidationError:
            return  # the field has the error
        if base not in {content["language"] for content in said}:
            raise ValidationError(
                f"Write something in the base language, {language_name(base)}: it is what everybody else falls back on."
            )

    def messages(self, broadcast: Broadcast, values: dict[str, Any]) -> list[dict[str, Any]]:
        """Return the messages for `drafting.save`; blank content is filled in from the template."""
        own, template, said = self.instance, values["template"], self.contents()
        first = {
            "channel": values["channel"] or drafting.default_channel(broadcast.organization, template),
            "template": template,
            "translations": said,
        }
        if said or not template:
            first["syntax"] = values["syntax"]
        if own.pk is None:
            return [first]
        further = broadcast.messages.exclude(pk=own.pk).values_list("uuid", flat=True)
        return [{"uuid": own.uuid, **first}, *({"uuid": uuid} for uuid in further)]
