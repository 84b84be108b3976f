"""What stands around the words on the content page: languages to choose, other messages, names of files."""

import json
import re
from typing import Any

from broadcasts import rendering
from broadcasts.languages import LANGUAGES, language_name
from broadcasts.models import Media, Message, Template

from .content_form import LanguageForm
from .content_formset import LanguagesFormSet, has_content

UUIDS = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
MOST_FILES = 500


def present(formset: LanguagesFormSet) -> list[str]:
    return [form.shown_language for form in formset.languages if not form.is_removed]


def file_names(organization: Any, formset: LanguagesFormSet) -> dict[str, str]:
    """Return {uuid: name} of the files that the content names, for the lists of its page."""
    text = json.dumps([[one.attachments, one.parameters] for one in map(LanguageForm.drafted, formset.languages)])
    named = UUIDS.findall(text)[:MOST_FILES]
    rows = Media.objects.for_organization(organization).filter(uuid__in=named) if named else []
    return {str(one.uuid): str(one) for one in rows}


def base_language(owner: Message | Template) -> str:
    return (
        rendering.organization_of(owner).primary_language
        if isinstance(owner, Template)
        else owner.broadcast.base_language
    )


def other_messages(owner: Message) -> list[Message]:
    """Return the other messages of the broadcast that say something."""
    rows = owner.broadcast.messages.exclude(pk=owner.pk).select_related("channel").prefetch_related("translations")
    return [one for one in rows if has_content(one)]


def choosable(organization: Any, present: list[str]) -> dict[str, list[tuple[str, str]]]:
    """Return the languages that can be added: the organization's first, then all that have a name."""
    own = [(tag, language_name(tag)) for tag in organization.languages if tag not in present]
    known = {*present, *organization.languages}
    return {
        "Of your organization": own,
        "All languages": [(one.code, one.label) for one in LANGUAGES if one.code not in known],
    }


def fallback_words(owner: Message | Template, organization: Any) -> str:
    """Return who reads which language, in a sentence or two."""
    defaults = [organization.primary_language]
    if isinstance(owner, Message) and owner.broadcast.base_language not in defaults:
        defaults.append(owner.broadcast.base_language)
    named = ", then ".join(language_name(tag) for tag in defaults)
    return (
        "Each person gets their own language if it is here, else a regional form of it (Spanish for Mexican Spanish), "
        f"else {named}."
    )
