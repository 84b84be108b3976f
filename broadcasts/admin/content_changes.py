"""What the buttons of the content page do to a form that is not saved: a language more, another format, other words.

Each changes a copy of what was posted, and the page is shown again with it; nothing is stored by that.
"""

from collections.abc import Mapping
from copy import copy
from typing import Any

from django.http import QueryDict

from broadcasts import designing, rendering
from broadcasts.database import as_id
from broadcasts.exceptions import InvalidInput
from broadcasts.languages import language_name
from broadcasts.models import Content, Format, Medium, Message, MessageTranslation, Template

from .content_form import FIELDS, LanguageForm
from .content_formset import LanguagesFormSet

PREFIX = "translations"
MOST_LANGUAGES = 50


class PostedLanguages:
    """A copy of the posted form, whose languages can be changed."""

    def __init__(self, data: QueryDict, formset: LanguagesFormSet) -> None:
        self.data, self.formset = data.copy(), formset
        self.count = len(formset.languages)

    def write(self, form: LanguageForm, content: Content) -> None:
        """Write the content of a language into its form."""
        for name in FIELDS:
            if name != "language":
                self.data[form.add_prefix(name)] = _as_typed(form, name, content)
        for name in [one for one in self.data if one.startswith(form.add_prefix("p:"))]:
            del self.data[name]  # they are made anew from the parameters

    def add(self, language: str, content: Content | None = None) -> None:
        """Add a language, with content or none."""
        prefix, like = f"{PREFIX}-{self.count}", self.formset.languages[0]
        self.count += 1
        self.data[f"{PREFIX}-TOTAL_FORMS"] = str(self.count)
        self.data[f"{prefix}-language"], self.data[f"{prefix}-format"] = language, like.written_as
        for name in FIELDS:
            if content is not None and name != "language":
                self.data[f"{prefix}-{name}"] = _as_typed(like, name, content)


def _as_typed(form: LanguageForm, name: str, content: Content) -> str:
    value = getattr(content, name)
    if name == "source" and content.format == Format.HTML:
        value = content.source or content.html
    return str(form.fields[name].prepare_value(value) or "")


def change(data: QueryDict, formset: LanguagesFormSet, owner: Message | Template) -> tuple[QueryDict, str]:
    """Return what a button makes of a posted form, and what to tell; raises InvalidInput if it cannot be done."""
    if not formset.languages:
        raise InvalidInput({"language": "The form is incomplete: load the page again."})
    posted = PostedLanguages(data, formset)
    act, _, argument = data.get("_step", "").partition(":")
    acts = {"language": _add_language, "convert": _convert, "take": _take, "template": _take_template}
    told = acts[act](posted, owner, argument) if act in acts else ""
    return posted.data, f"{told} Nothing is saved yet." if told and isinstance(owner, Template) else told


def _add_language(posted: PostedLanguages, owner: Message | Template, argument: str) -> str:
    """Add the chosen language, as a copy of another one if one is chosen."""
    language, source = posted.data.get("new_language", ""), posted.data.get("copy_from", "")
    if not language:
        raise InvalidInput({"new_language": "Choose a language to add."})
    forms = {form.shown_language: form for form in posted.formset.languages}
    if language in forms:
        raise InvalidInput({"new_language": f"{language_name(language)} is here already."})
    if len(forms) >= MOST_LANGUAGES:
        raise InvalidInput({"new_language": f"At most {MOST_LANGUAGES} languages are possible."})
    posted.add(language, forms[source].drafted() if source in forms else None)
    copied = f" as a copy of {language_name(source)}" if source in forms else ""
    return f"{language_name(language)} was added{copied}."


def _convert(posted: PostedLanguages, owner: Message | Template, argument: str) -> str:
    """Turn the content of one language into another format."""
    number, _, goal = argument.partition(":")
    form = next((form for form in posted.formset.languages if form.prefix == f"{PREFIX}-{number}"), None)
    if form is None:
        raise InvalidInput({"format": "This language is not on the page any more."})
    content, message = form.drafted(), posted.formset.message
    before = content.get_format_display()
    designing.convert(message, content, goal)
    posted.write(form, content)
    return f"{form.language_name} is {content.get_format_display()} now. It cannot be turned back into {before}."


def _take(posted: PostedLanguages, owner: Message | Template, argument: str) -> str:
    """Take over the words of another message of the broadcast, in each language that it has."""
    if isinstance(owner, Template):
        raise InvalidInput({"take": "A template has no other messages."})
    rows = Message.objects.filter(broadcast=owner.broadcast_id).exclude(pk=owner.pk)
    other = rows.select_related("channel", "template").filter(pk=as_id(argument) or 0).first()
    if other is None:
        raise InvalidInput({"take": "This broadcast has no such message any more."})
    goal = posted.formset.message
    for translation in other.translations.all():
        _take_over(posted, translation, goal, other)
    return f"The words of {other.channel or 'the other message'} stand here now."


def _take_over(posted: PostedLanguages, translation: MessageTranslation, goal: Message, other: Message) -> None:
    from_mail, to_mail = other.medium == Medium.EMAIL, goal.medium == Medium.EMAIL
    form = next((one for one in posted.formset.languages if one.shown_language == translation.language), None)
    content = form.drafted() if form else type(translation)(language=translation.language, format=Format.TEXT)
    if from_mail and to_mail:
        content = translation
    elif to_mail:
        content.format, content.text, content.blocks, content.source = Format.TEXT, translation.text, [], ""
    else:
        content.text = translation.text or _words_of(translation, other)
    if form:
        posted.write(form, content)
    else:
        posted.add(translation.language, content)


def _words_of(translation: MessageTranslation, message: Message) -> str:
    """Return what mail says as text, without the layout and the footer, which only mail has."""
    html = translation.html
    if translation.is_designed:
        said = copy(translation)
        said.blocks = [block for block in translation.blocks if block["type"] != "footer"]
        organization, syntax = message.broadcast.organization, message.syntax
        html = designing.design(said, layout=None, organization=organization, syntax=syntax).html
    return rendering.html_to_text(html, rendering.Budget()).strip()


def _take_template(posted: PostedLanguages, owner: Message | Template, argument: str) -> str:
    """Write the content of the chosen template here, in all its languages."""
    template = posted.formset.message.template
    if template is None or template.channel_id:
        raise InvalidInput({"template": "Choose one of your own templates first."})
    forms: Mapping[str, Any] = {form.shown_language: form for form in posted.formset.languages}
    posted.data["layout"] = str(template.layout_id or "")
    posted.data["syntax"] = template.syntax
    for content in template.usable():
        if form := forms.get(content.language):
            posted.write(form, content)
        else:
            posted.add(content.language, content)
    return f"The content of “{template}” stands here now."
