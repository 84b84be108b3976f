"""Translate broadcasts and templates from expressions to Liquid: whole and exactly, or not at all."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.db import transaction

from broadcasts import designing, drafting, rendering
from broadcasts.exceptions import InvalidInput
from broadcasts.models import AuditEntry, Broadcast, Content, Organization, Syntax, Template, TemplateTranslation, User

JSON_FIELDS = ("quick_replies", "parameters")
HTML_KINDS = ("inline", "rich", "html")  # of the fields of blocks
NOTHING = "Nothing in it is written in expressions."


def translate_broadcast(broadcast: Broadcast, by: User | None = None, *, dry_run: bool = False) -> dict[str, str]:
    """Translate all messages that are written in expressions; return {field: Liquid} of what changes.

    Raises InvalidInput with {field: what has no exact counterpart, with line and column}, and WrongState for a
    broadcast that cannot be edited; nothing is changed then.
    """
    messages = list(broadcast.messages.prefetch_related("translations"))
    concerned = [message for message in messages if message.syntax == Syntax.EXPRESSIONS]
    if not concerned:
        raise InvalidInput({"syntax": NOTHING})
    specs: list[dict[str, Any]] = [{"uuid": message.uuid} for message in messages]
    changes: dict[str, str] = {}
    errors: dict[str, str] = {}
    for number, (spec, message) in enumerate(zip(specs, messages, strict=True), 1):
        if message not in concerned:
            continue
        path = f"{number}. " if len(messages) > 1 else ""
        contents = {one.tag or one.language: one for one in message.translations.all()}
        shared = {"parameters": message.parameters}
        found = _Translated(broadcast.organization, {**_contents(contents), path: shared}, path)
        changes |= found.changes
        errors |= found.errors
        spec |= {"syntax": Syntax.LIQUID, **found.contents.pop(path)}
        if found.contents:
            spec["translations"] = found.contents
    if errors:
        raise InvalidInput(errors)
    if not dry_run:
        drafting.save(broadcast, {"messages": specs}, by=by)
    return changes


def translate_template(template: Template, by: User | None = None, *, dry_run: bool = False) -> dict[str, str]:
    """Translate a template, as `translate_broadcast` does a broadcast."""
    if template.syntax != Syntax.EXPRESSIONS or template.channel_id:
        raise InvalidInput({"syntax": NOTHING})
    rows = {one.language: one for one in template.translations.filter()}  # not those that were read before a change
    found = _Translated(template.organization, _contents(rows), "")
    if found.errors:
        raise InvalidInput(found.errors)
    checker = rendering.Checker(template.organization)
    template.syntax = Syntax.LIQUID
    for language, content in found.contents.items():
        for name, value in content.items():
            setattr(rows[language], name, value)
        made = designing.apply(template, rows[language])
        fields = {name: getattr(rows[language], name) for name in rendering.TEMPLATED}
        designing.check(checker, Syntax.LIQUID, fields, made)
    if not dry_run:
        with transaction.atomic():
            for row in rows.values():
                row.save()
            template.save(update_fields=["syntax", "modified"])
            AuditEntry.write(template, "change", organization=template.organization, user=by, fields=["syntax"])
    return found.changes


def _contents(rows: Mapping[str, Content]) -> dict[str, dict[str, Any]]:
    return {language: row.content() for language, row in rows.items()}


class _Translated:
    """Contents in Liquid, what of them changed, and what has no exact counterpart."""

    def __init__(self, organization: Organization, contents: Mapping[str, Mapping[str, Any]], path: str) -> None:
        self.contents: dict[str, dict[str, Any]] = {}
        self.changes: dict[str, str] = {}
        self.errors: dict[str, str] = {}
        for language, content in contents.items():
            design = _design(content)
            sources = dict(_sources(content, design))
            html = {path for path, kind, _ in designing.written_texts(design) if kind in HTML_KINDS} if design else ()
            written, faults = rendering.to_liquid(organization, sources, html)
            place = path if language == path else f"{path}{language}."
            self.errors |= {f"{place}{name}": "; ".join(map(str, found)) for name, found in faults.items()}
            self.changes |= {f"{place}{name}": text for name, text in written.items() if text != sources[name]}
            self.contents[language] = {
                name: rendering.with_texts(name, value, written.get) for name, value in content.items()
            }
            if design:
                self.contents[language] |= designing.rewritten(design, written)
            self._check_lengths(place, written)

    def _check_lengths(self, place: str, written: Mapping[str, str]) -> None:
        for name in ("subject", "preheader"):
            most = getattr(Content._meta.get_field(name), "max_length", 0)
            if len(written.get(name, "")) > most:
                self.errors.setdefault(f"{place}{name}", f"in Liquid it is longer than {most} characters")


def _design(content: Mapping[str, Any]) -> Content | None:
    """Return a content whose HTML is made from something else; None if it is not, and for parameters alone."""
    if content.get("blocks") or content.get("source") or content.get("slots"):
        return TemplateTranslation(**{name: content[name] for name in Content.DESIGN})
    return None


def _sources(content: Mapping[str, Any], design: Content | None) -> Iterable[tuple[str, str]]:
    """Yield (path, template) of everything in a content that is one and that somebody wrote."""
    for name, value in content.items():
        if name in rendering.TEMPLATED and not (design and name == "html"):
            yield name, value
        elif name in JSON_FIELDS:
            yield from rendering.texts(name, value)
    for path, _, text in designing.written_texts(design) if design else ():
        yield path, text
