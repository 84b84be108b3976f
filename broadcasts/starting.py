"""Begin with something that is there: a design that ships with the product, a template, or an earlier broadcast."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.contrib.staticfiles import finders
from django.core.files.images import get_image_dimensions  # imports Pillow only when it is called
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction

from broadcasts import designing, drafting, previewing, uploading
from broadcasts.designing import gallery
from broadcasts.designing.gallery import Design
from broadcasts.models import (
    AuditEntry,
    Broadcast,
    Layout,
    Media,
    Organization,
    Template,
    TemplateTranslation,
    User,
)
from broadcasts.previewing import Preview

LONGEST_NAME = 255
UNSTORED = "https://pictures.invalid/"  # where the pictures of a design stand until they are files of an organization


def add_template(
    design: Design, organization: Organization, *, layout: Layout | None = None, by: User | None = None
) -> Template:
    """Make a template of a design, in those of the organization's languages that the design has, or else in English.

    layout: what stands around it; None: one with the design's own colours, which is made if there is none. Its pictures
    become files of the organization.
    """
    said = contents(design, organization)
    with transaction.atomic():
        layout = layout or add_layout(design, organization, by=by)
        template = Template.objects.create(
            organization=organization, name=_free_name(Template, organization, design.name), layout=layout
        )
        for position, (language, content) in enumerate(said.items()):
            translation = TemplateTranslation(template=template, language=language, tag=language, position=position)
            for name, value in content.items():
                setattr(translation, name, value)
            designing.apply(template, translation)
            translation.save()
        AuditEntry.write(template, "create", organization=organization, user=by, design=design.slug)
    return template


def add_layout(design: Design, organization: Organization, *, name: str = "", by: User | None = None) -> Layout:
    """Return a layout with the colours of a design; one of that name with the same colours is used again.

    Without a name it is called as the design is.
    """
    name = name or design.name
    made = _around(design, organization)
    there = Layout.objects.for_organization(organization).filter(name__iexact=name).first()
    if there is not None and all(getattr(there, field) == value for field, value in made.items()):
        return there
    layout = Layout.objects.create(organization=organization, name=_free_name(Layout, organization, name), **made)
    AuditEntry.write(layout, "create", organization=organization, user=by, design=design.slug)
    return layout


def first_layout(
    design: Design, organization: Organization, *, may_be_default: bool = True, by: User | None = None
) -> Layout:
    """Make a layout with the organization's name and the colours of a design; its default if it may, and has none."""
    with transaction.atomic():
        layout = add_layout(design, organization, name=organization.name[:LONGEST_NAME], by=by)
        held = Organization.objects.select_for_update(no_key=True).get(pk=organization.pk)
        if may_be_default and held.default_layout_id is None:
            set_default(layout, organization, by=by)
    return layout


def set_default(layout: Layout | None, organization: Organization, *, by: User | None = None) -> None:
    """Make a layout the default of its organization, or leave it without one."""
    organization.default_layout = layout
    organization.save(update_fields=["default_layout", "modified"])
    AuditEntry.write(organization, "change", organization=organization, user=by, default_layout=str(layout or ""))


def contents(design: Design, organization: Organization) -> dict[str, dict[str, Any]]:
    """Return {language: content} of a design for an organization, and store its pictures among its files.

    Call it outside transactions, as storing pictures takes long. Raises FileRefused if there is no room for them.
    """
    languages = [tag for tag in organization.languages if design.has_language(tag)]
    media = {name: picture(name, organization, design) for name in design.pictures()}
    return {
        tag: design.content(design.in_language(tag), lambda name: {"media": str(media[name].uuid)})
        for tag in languages or ["en"]
    }


def picture(name: str, organization: Organization, design: Design) -> Media:
    """Return a picture of a design as a file of the organization, stored when it is first used."""
    path = Path(finders.find(f"{gallery.STATIC}/{name}.png") or "")
    width, height = get_image_dimensions(path)
    same = Media.objects.for_organization(organization).filter(filename=path.name, width=width, height=height)
    if there := same.first():
        return there
    word = design.pictures()[name].removeprefix("$")
    described = design.words[design.in_language(organization.primary_language)].get(word, "")
    file = SimpleUploadedFile(path.name, path.read_bytes(), "image/png")
    return uploading.store(organization, file, path.name, described)


def preview(design: Design, organization: Organization, language: str, layout: Layout | None = None) -> Preview:
    """Render a design as mail of an organization; its pictures, which are not stored yet, stand at UNSTORED."""
    content = design.content(language, lambda name: {"url": f"{UNSTORED}{name}.png"})
    layout = layout or Layout(organization=organization, **_around(design, organization))
    message = previewing.unsaved_message(organization, layout=layout)
    return previewing.render_unsaved(message, {language: content}, language=language)


def broadcast_of_design(
    design: Design, organization: Organization, *, layout: Layout | None = None, by: User | None = None
) -> Broadcast:
    """Make a draft that says what a design says, without a template."""
    said = contents(design, organization)
    with transaction.atomic():
        message = {"layout": layout or add_layout(design, organization, by=by), "translations": said}
        return drafting.save(Broadcast(organization=organization), {"name": design.name, "messages": [message]}, by=by)


def broadcast_of_template(template: Template, *, by: User | None = None) -> Broadcast:
    """Make a draft that says what a template says."""
    values = {"name": template.name, "messages": [{"template": template}]}
    return drafting.save(Broadcast(organization=template.organization), values, by=by)


def broadcast_to(
    organization: Organization, who: Mapping[str, Any], *, name: str = "", by: User | None = None
) -> Broadcast:
    """Make a draft to an audience, with one empty message on the default channel.

    who: fields of `Broadcast.WHO`, such as {"segments": [segment]}; {}: nobody yet.
    """
    return drafting.save(Broadcast(organization=organization), {**who, "name": name[:LONGEST_NAME]}, by=by)


def _around(design: Design, organization: Organization) -> dict[str, Any]:
    header = design.header_of(organization.name)
    return {"style": dict(design.style), "header": header, "footer": list(design.footer)}


def _free_name(model: type[Template] | type[Layout], organization: Organization, name: str) -> str:
    """Return a name that no row of the organization has: this one, or this one with a number."""
    rows = model.objects.for_organization(organization).filter(name__istartswith=name[: LONGEST_NAME - 5])
    taken = {one.casefold() for one in rows.values_list("name", flat=True)}
    tried = name
    number = 1
    while tried.casefold() in taken:
        number += 1
        tried = f"{name[: LONGEST_NAME - 5]} {number}"
    return tried
