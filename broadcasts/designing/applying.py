"""Write the HTML of messages and templates, and check it where its authors wrote it."""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from operator import attrgetter, itemgetter

from django.db.models import prefetch_related_objects

from broadcasts import rendering
from broadcasts.exceptions import InvalidInput
from broadcasts.models import (
    Broadcast,
    Content,
    Message,
    MessageTranslation,
    Organization,
    Template,
    TemplateTranslation,
)

from .blocks import Problems
from .fixing import KEPT, take_fixed_design
from .making import Designed, design
from .masks import Masked

MADE = (*KEPT, "html")  # what may change of a language without its author
made_of = attrgetter(*MADE)
_LINES = re.compile(r"line (\d+): ")


def apply(owner: Message | Template, translation: Content) -> Designed:
    """Fill the HTML of a translation from its format, without saving it; raises InvalidInput as `design` does.

    Where the design of a message is fixed, it is the one that its template has now.
    """
    if isinstance(owner, Message):
        take_fixed_design(owner, translation)
    made = design(
        translation,
        layout=owner.layout,
        organization=rendering.organization_of(owner),
        syntax=owner.syntax,
        medium=owner.medium,
    )
    translation.html = made.html
    return made


def again(owner: Message | Template) -> bool:
    """Make the HTML of a saved message or template, as it was written, or once more since its layout may have changed.

    Of a message with a fixed design it is the design as its template has it now. Saves and tells whether anything
    changed; raises InvalidInput with the paths `translations.{language}.…`.
    """
    layout = owner.layout_id
    changed = _made_again(owner)
    for translation in changed:
        translation.save(update_fields=[*MADE, "modified"])
    if owner.layout_id != layout:
        owner.save(update_fields=["layout", "modified"])
    return bool(changed) or owner.layout_id != layout


def refresh(message: Message) -> None:
    """Fill the HTML of a message with what its start would send, for previews and tests, without saving it.

    What has begun stays as it was sent. Raises InvalidInput as `again` does.
    """
    if message.broadcast.status in Broadcast.EDITABLE:
        prefetch_related_objects([message], "translations")  # where whoever renders it finds them
        _made_again(message)


def _made_again(owner: Message | Template) -> list[MessageTranslation | TemplateTranslation]:
    """Fill the HTML of each language, and the design where it is fixed; return those that changed."""
    changed = []
    errors: dict[str, str] = {}
    for translation in owner.translations.all():
        before = made_of(translation)
        try:
            apply(owner, translation)
        except InvalidInput as error:
            errors |= {f"translations.{translation.language}.{path}": words for path, words in error.errors.items()}
        if made_of(translation) != before:
            changed.append(translation)
    if errors:
        raise InvalidInput(errors)
    return changed


def check(checker: rendering.Checker, syntax: str, fields: Mapping[str, str], made: Designed) -> None:
    """Check {field: template} as `Checker` does; an error in HTML that was made is told where its author wrote it."""
    try:
        checker.check(syntax, fields)
    except InvalidInput as error:
        raise InvalidInput(at_source(checker.organization, syntax, error.errors, made)) from None


def at_source(organization: Organization, syntax: str, errors: Mapping[str, str], made: Designed) -> dict[str, str]:
    """Return errors with those of `html` at the paths and lines where the tags in it were written."""
    if "html" not in errors or not made.tags:
        return dict(errors)
    found = Problems()
    starts, line = [], 1
    for tag in made.tags:
        starts.append((line, tag))
        line += tag.source.count("\n") + 1
    try:
        # The tags alone, each on lines of its own: they are wrong in the same way.
        rendering.validate_content(organization, syntax, {"html": "\n".join(_alone(made.tags, syntax))})
    except InvalidInput as error:
        said = _LINES.split(error.errors.get("html", ""))
        for number, words in zip(said[1::2], said[2::2], strict=True):
            _add(found, starts, int(number), words.removesuffix("; "))
    if not found:
        return dict(errors)
    return {name: words for name, words in errors.items() if name != "html"} | found


def _alone(tags: Sequence[Masked], syntax: str) -> Iterator[str]:
    """Yield the sources of tags; those of a layout that follow each other are one island of Liquid."""
    for island, group in groupby(tags, key=lambda tag: tag.syntax != syntax):
        sources = "\n".join(tag.source for tag in group)
        yield f"{rendering.ISLAND_BEGINS}{sources}{rendering.ISLAND_ENDS}" if island else sources


def where_written(owner: Message | Template, translation: Content, error: InvalidInput) -> InvalidInput:
    """Return the error of a check of a designed content, as `at_source` tells it."""
    if "html" not in error.errors:
        return error
    return InvalidInput(
        at_source(rendering.organization_of(owner), owner.syntax, error.errors, apply(owner, translation))
    )


def _add(found: Problems, starts: list[tuple[int, Masked]], line: int, words: str) -> None:
    begun, tag = max((one for one in starts if one[0] <= line), key=itemgetter(0))
    found.add_line(tag.path, tag.line + line - begun, words)
