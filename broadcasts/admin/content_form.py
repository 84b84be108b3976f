"""The form of the content page: what a message or template says in each language, each language in one form."""

import re
from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q

from broadcasts import designing, previewing, rendering
from broadcasts.languages import language_name
from broadcasts.models import (
    Channel,
    Format,
    Layout,
    Medium,
    Message,
    Syntax,
    Template,
)

from .content import CHECKS, CODE, SYNTAX_HELP, ContentForm
from .editors import BlocksField, BlocksWidget, SlotsField, SourceWidget, written_errors, written_slots
from .files_field import FilesField, QuickRepliesField
from .parameter_fields import ParameterField, parameter_fields, parameter_values, with_parameters

BLOCK = re.compile(r"^blocks\[(\d+)\].*")  # the path of what is wrong in a block
KEYS = re.compile(r"\[([^\[\]]+)\]")  # in a path such as parameters[body][0]
MOST_NAMED = 2  # missing values in a tab
PARAMETER = "p:"  # begins the name of a field for one parameter
WHOLE = ("<!doctype", "<html")  # begin HTML that is sent as it is, whatever the layout
# The fields that are shown on a medium; the others are hidden, and keep their values.
SHOWN = {
    Medium.EMAIL: ("format", "subject", "preheader", "blocks", "source", "slots", "text", "attachments"),
    Medium.SMS: ("text",),
    Medium.WHATSAPP: ("text", "quick_replies", "attachments"),
    Medium.WEBHOOK: ("subject", "text", "quick_replies", "attachments", "parameters"),
}
FIELDS = ("language", *SHOWN[Medium.EMAIL], "quick_replies", "parameters")


class ChoicesForm(forms.Form):
    """What is equal in all languages: channel, template, layout and syntax."""

    channel = forms.ModelChoiceField(Channel.objects.none(), required=False, empty_label="Default e-mail channel")
    template = forms.ModelChoiceField(Template.objects.none(), required=False, empty_label="None")
    layout = forms.ModelChoiceField(
        Layout.objects.none(), required=False, empty_label="Plain", help_text="Stands around the content of mail."
    )
    syntax = forms.ChoiceField(choices=Syntax.choices, initial=Syntax.LIQUID, help_text=SYNTAX_HELP)

    def __init__(self, data: Any, owner: Message | Template, *, may_change: bool) -> None:
        given = {name: getattr(owner, name, None) for name in ("channel", "template", "layout", "syntax")}
        super().__init__(data, initial=given)
        self.owner = owner
        organization = rendering.organization_of(owner)
        fields: dict[str, Any] = self.fields
        fields["layout"].queryset = Layout.objects.for_organization(organization)
        if isinstance(owner, Template):
            del fields["channel"], fields["template"]
            medium = owner.medium
        else:
            fields["channel"].queryset = Channel.objects.for_organization(organization).order_by("name")
            fields["template"].queryset = Template.objects.for_organization(organization)
            chosen = self.chosen("channel") or organization.default_channel(Medium.EMAIL)
            medium = chosen.medium if chosen else Medium.EMAIL
            fits = Q(medium=medium) & (Q(channel=None) | Q(channel=chosen)) | Q(pk=owner.template_id)
            fields["template"].queryset = fields["template"].queryset.filter(fits).order_by("name")
        if medium != Medium.EMAIL:
            fields["layout"].widget = forms.HiddenInput()
        for field in fields.values():
            field.disabled = not may_change

    def chosen(self, name: str) -> Any:
        """Return what is chosen in a field, also while the form is not valid; None for nothing or for another's row."""
        field = self.fields.get(name)
        if field is None:
            return None
        try:
            value = self[name].value() if self.is_bound and not field.disabled else self.initial.get(name)
            return field.clean(getattr(value, "pk", value)) or None
        except ValidationError:
            return None

    def message(self) -> Message:
        """Return the message as it is chosen, not saved; for a template one that says the same."""
        owner, organization = self.owner, rendering.organization_of(self.owner)
        syntax = self.chosen("syntax") or owner.syntax
        if isinstance(owner, Template):
            return previewing.unsaved_message(organization, template=owner, layout=self.chosen("layout"), syntax=syntax)
        template = self.chosen("template")
        message = previewing.unsaved_message(
            organization,
            broadcast=owner.broadcast,
            channel=self.chosen("channel"),
            template=template,
            layout=self.chosen("layout"),
            syntax=syntax,
            parameters=owner.parameters,
        )
        message.pk = owner.pk
        return message


class LanguageForm(ContentForm):
    """What is said in one language. Its formset tells it the message, and `settle` what that asks for."""

    class Meta(ContentForm.Meta):
        fields: Any = FIELDS
        field_classes: ClassVar = {
            **ContentForm.Meta.field_classes,
            "blocks": BlocksField,
            "slots": SlotsField,
            "attachments": FilesField,
            "quick_replies": QuickRepliesField,
        }
        widgets: Any = {
            **ContentForm.Meta.widgets,
            "language": forms.HiddenInput,
            "parameters": forms.Textarea(attrs={**CODE, "rows": 8}),
        }
        labels: Any = {"format": "Written as", "quick_replies": "Quick replies", "attachments": "Files"}
        help_texts: Any = {
            "preheader": "What mail programs show beside the subject.",
            "parameters": "A JSON object that the receiver gets whole.",
            "quick_replies": "One per line.",
            "source": "",
        }

    message: Message
    owner: Message | Template
    told: Mapping[str, str] = {}  # what is wrong, {path: words}
    parameter_fields: tuple[ParameterField, ...] = ()
    structure: Mapping[str, Any] = {}

    def settle(self, message: Message, owner: Message | Template, *, may_change: bool) -> None:
        """Show the fields of a message's medium, and those of its provider's template."""
        self.message, self.owner = message, owner
        organization = message.broadcast.organization
        self.fields["source"].widget = SourceWidget(
            self.written_as if self.written_as in ("mjml", "markdown") else "html"
        )
        self.fields["blocks"].widget = BlocksWidget(has_slots=isinstance(owner, Template))
        if self.instance.format == Format.HTML:  # one field for HTML, wherever it is stored
            self.initial["source"] = self.instance.source or self.instance.html
        if message.has_provider_template:
            self._add_parameters()
        shown = () if message.has_provider_template else SHOWN[Medium(message.medium)]
        for name, field in self.fields.items():
            field.widget.attrs["data-organization"] = organization.pk
            if name in FIELDS and name not in shown:
                field.widget = forms.HiddenInput()
            if name == "text" and message.medium == Medium.EMAIL:
                del field.widget.attrs["data-sms-count"]
            field.disabled = not may_change
        if self.is_fixed:
            self._fix()

    @property
    def is_fixed(self) -> bool:
        """Whether its design is that of its template, so that only the words of slots may be written."""
        template = self.message.template
        return isinstance(self.owner, Message) and template is not None and template.is_fixed

    def _fix(self) -> None:
        for name in ("format", "source"):
            self.fields[name].widget = forms.HiddenInput()
        self.fields["blocks"].widget.attrs["data-fixed"] = ""
        slots = designing.slots_of(self.drafted())
        self.fields["slots"].widget.attrs["data-slots"] = written_slots(slots)

    def _add_parameters(self) -> None:
        stored = rendering.provider_languages(self.message).get(self.shown_language)
        self.structure = stored.structure if stored else {}
        value = {**self.message.parameters, **(self.value("parameters") or {})}
        self.initial["parameters"] = value
        self.parameter_fields = tuple(parameter_fields(self.structure, value))
        values = parameter_values(list(self.parameter_fields), value)
        for one in self.parameter_fields:
            attrs = {"class": "vLargeTextField", **({"data-picks": one.picks} if one.picks else CHECKS)}
            self.fields[PARAMETER + one.name] = forms.CharField(
                label=one.label,
                help_text=one.help_text,
                required=False,
                initial=values[one.name],
                widget=forms.TextInput(attrs=attrs),
            )

    # What stands in it.

    def value(self, name: str) -> Any:
        """Return what stands in a field, as typed and though it may be wrong; what is no value is blank."""
        field, blank = self.fields[name], getattr(self._meta.model(), name, "")
        if not self.is_bound or field.disabled:
            value = self.initial.get(name, field.initial)
            return blank if value is None or callable(value) else value
        try:
            return field.clean(self[name].data)
        except ValidationError:
            return blank

    @property
    def shown_language(self) -> str:
        return str(self.value("language") or "")

    @property
    def language_name(self) -> str:
        return language_name(self.shown_language)

    @property
    def written_as(self) -> str:
        return str(self.value("format") or Format.HTML)

    @property
    def written_as_words(self) -> str:
        return str(dict(Format.choices).get(self.written_as, "it"))

    @property
    def is_removed(self) -> bool:
        return bool(self.is_bound and self["DELETE"].data) if "DELETE" in self.fields else False

    @property
    def lacks(self) -> list[str]:
        """Return what is still missing in this language, in words."""
        if self.message.has_provider_template:
            return [one.label for one in self.parameter_fields if one.is_needed and not self._is_given(one)]
        content = self.drafted()
        if self.message.medium != Medium.EMAIL:
            return [] if content.text.strip() or content.attachments else ["text"]
        has_body = any((content.text.strip(), content.html.strip(), content.source.strip(), content.blocks))
        return [*([] if content.subject.strip() else ["subject"]), *([] if has_body else ["content"])]

    @property
    def lacks_words(self) -> str:
        """Return what is still missing, short enough for the tab of its language."""
        found = self.lacks
        return ", ".join(found) if len(found) <= MOST_NAMED else f"{len(found)} values"

    def _is_given(self, one: ParameterField) -> bool:
        beside = (*one.path[:-1], "link") if one.picks else one.path  # a file of the library, or an address
        names = {PARAMETER + ".".join(path) for path in (one.path, beside)}
        return any(self.value(name) for name in names if name in self.fields)

    def drafted(self) -> Any:
        """Return the content as typed in a row that is not saved; its HTML is not made yet."""
        values = {name: self.value(name) for name in FIELDS if name != "language"}
        return self._content(self.instance.content() | values)

    def _content(self, values: Mapping[str, Any]) -> Any:
        values = {name: value for name, value in values.items() if name in self._meta.model.CONTENT}
        return self._meta.model(language=self.shown_language, **settled(values, self.message, self._parameters(values)))

    def _parameters(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the parameters of the language: those that differ from the message's."""
        value = values["parameters"] or {}
        if not self.message.has_provider_template:
            return value
        given = {one.name: str(self.value(PARAMETER + one.name) or "") for one in self.parameter_fields}
        made = with_parameters(self.structure, value, given)
        return {key: one for key, one in made.items() if self.message.parameters.get(key) != one}

    # Checking.

    def clean(self) -> dict[str, Any]:
        cleaned = super(ContentForm, self).clean() or self.cleaned_data
        if self.checker is None or cleaned.get("DELETE") or self.errors:
            return cleaned
        content = self._content(self.instance.content() | cleaned)
        self.told = previewing.problems(self.message, content, self.checker)
        self.instance.html = content.html
        for path, words in self.told.items():
            name = self._field_of(path)
            self.add_error(name, words if path == name else f"{BLOCK.sub(_numbered, path)}: {words}")
        return cleaned | {name: getattr(content, name) for name in content.CONTENT}

    def check_fit(self, message: Message) -> None:
        """Do nothing more: `clean` has checked that it fits."""

    def _field_of(self, path: str) -> str | None:
        """Return the field on the page that a path of errors leads to; None for none that is seen."""
        name = path.partition("[")[0].partition(".")[0]
        if name == "parameters" and self.parameter_fields:
            name = PARAMETER + ".".join(KEYS.findall(path))
        if name == "html":
            name = "source"
        field = self.fields.get(name)
        return None if field is None or field.widget.is_hidden else name

    def validate_constraints(self) -> None:
        """Ask the database nothing: the formset knows the stored row of each language, and finds those given twice."""

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        for name in ("blocks", "slots", "source"):
            mine = {path: words for path, words in self.told.items() if self._field_of(path) == name}
            if mine:
                self.fields[name].widget.attrs["data-errors"] = written_errors(mine)


def _numbered(found: re.Match[str]) -> str:
    return f"block {int(found[1]) + 1}"


def settled(values: Mapping[str, Any], message: Message, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a content as they are stored: what its format does not use is blank.

    The page has one field for the source of all formats. HTML stands in `html` where nothing is around it, and in
    `source` where a layout is.
    """
    made = {**values, "parameters": parameters}
    if message.medium != Medium.EMAIL:
        return made
    written_as, source = values["format"], values["source"]
    if written_as != Format.BLOCKS:
        made["blocks"] = []
    if written_as in (Format.BLOCKS, Format.TEXT):
        made["source"] = ""
    if written_as == Format.HTML:
        is_whole = message.layout is None or source.lstrip()[:9].lower().startswith(WHOLE)
        made |= {"html": source, "source": ""} if is_whole else {"html": "", "source": source}
    return made
