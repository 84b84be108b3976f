"""All languages of a message or template in one form."""

from functools import cached_property
from itertools import islice
from typing import Any, cast

from django import forms
from django.core.exceptions import ValidationError
from django.forms.models import inlineformset_factory

from broadcasts.languages import normalize_language
from broadcasts.models import Message, MessageTranslation, Template, TemplateTranslation

from .content import ContentFormSet
from .content_form import FIELDS, ChoicesForm, LanguageForm


class LanguagesFormSet(ContentFormSet):
    """All languages of a message or template; the choices above them decide what each asks for.

    What is posted is matched with the stored rows by its language, not by an id: a page that is saved several times
    without being loaded again never makes two rows of one language.
    """

    def __init__(self, *args: Any, choices: ChoicesForm, may_change: bool, **kwargs: Any) -> None:
        self.choices, self.may_change = choices, may_change
        self.message = choices.message()
        super().__init__(*args, **kwargs)

    @property
    def languages(self) -> "list[LanguageForm]":
        return cast("list[LanguageForm]", self.forms)

    def owner(self) -> tuple[Any, str]:
        return self.message.broadcast.organization, self.message.syntax

    def initial_form_count(self) -> int:
        return 0 if self.is_bound else super().initial_form_count()

    @cached_property
    def _unmatched(self) -> dict[str, Any]:
        return {row.language: row for row in self.get_queryset()}

    def _construct_form(self, i: int, **kwargs: Any) -> Any:
        if self.is_bound and (row := self._row(i)):
            kwargs["instance"] = row
        form = super()._construct_form(i, **kwargs)
        form.settle(self.message, self.instance, may_change=self.may_change)
        if self.is_bound:
            known = {"initial": form.instance.pk, "disabled": True, "required": False}  # whatever is posted
            form.fields["id"] = forms.IntegerField(widget=forms.HiddenInput, **known)
            form.empty_permitted = i == 0 and not form.instance.pk
        return form

    def _row(self, i: int) -> Any:
        """Return the stored row of a posted language; None if there is none yet."""
        if not self.may_change:  # fields that are only shown are not posted
            return next(islice(self.get_queryset(), i, None), None)
        try:
            language = normalize_language(self.data.get(f"{self.add_prefix(i)}-language", ""))
        except ValidationError:
            return None
        return self._unmatched.pop(language, None)

    def _said(self) -> list[Any]:
        """Return the forms of languages that stay; one that was added stays though nothing is written in it yet."""
        kept = [form for form in self.forms if form not in self.deleted_forms]
        return [form for form in kept if not form.empty_permitted or form.has_changed()]

    def contents(self) -> dict[str, dict[str, Any]]:
        """Return what `drafting.save` takes; it makes the HTML of a design itself."""
        made = super().contents()
        designed = [form for form in self.languages if form.instance.is_designed]
        for form in designed:
            made.get(form.tag() or form.instance.language, {}).pop("html", None)
        return made

    def store(self) -> None:
        """Save what stands in a valid formset, row by row; for a template, which `drafting` does not know."""
        for form in self.deleted_forms:
            if form.instance.pk:
                form.instance.delete()
        for form in self._said():
            form.save()

    def drafted(self) -> dict[str, dict[str, Any]]:
        """Return {language: content} as typed, without the languages that are removed."""
        return {form.shown_language: form.drafted().content() for form in self.languages if not form.is_removed}


def languages_formset(owner: Message | Template) -> type[LanguagesFormSet]:
    """Return the class of the formset for a message or a template."""
    model: Any = TemplateTranslation if isinstance(owner, Template) else MessageTranslation
    form = type("OneLanguageForm", (LanguageForm,), {"Meta": type("Meta", (LanguageForm.Meta,), {"model": model})})
    made: Any = inlineformset_factory(
        type(owner), model, form=form, formset=LanguagesFormSet, fields=FIELDS, extra=0 if has_content(owner) else 1
    )
    return made


def has_content(owner: Message | Template) -> bool:
    return bool(owner.pk) and bool(owner.translations.all())
