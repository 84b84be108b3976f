"""Layouts: what stands around the content of mail, edited beside a preview of it."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import path

from broadcasts import designing, starting
from broadcasts.designing import gallery
from broadcasts.exceptions import InvalidInput
from broadcasts.models import Layout

from .access import Access, chosen_organization, writable
from .base import OrganizationAdmin, OrganizationForm
from .editors import BlocksField, StyleField, script
from .gallery import design_named
from .showing import faults_page, rendered, shown_page

MOST_NAMED = 3  # templates, in a list of layouts
PARTS = ("header", "footer", "style")
# What stands in a layout while it is edited: each kind of words and colours once.
SAMPLE = [
    {"type": "heading", "level": 1, "text": "How your mail looks"},
    {
        "type": "text",
        "html": "<p>Hello {{ contact.first_name | default: 'there' }},</p><p>This is what your words look "
        'like in this layout, with a <a href="https://example.org/">link</a> and all its colours.</p>',
    },
    {"type": "button", "text": "A button", "href": "https://example.org/"},
    {"type": "divider"},
    {"type": "heading", "level": 3, "text": "On a panel", "panel": True},
    {"type": "text", "html": "<p>Times, places and prices stand out here.</p>", "panel": True},
    {"type": "quote", "html": "<p>Somebody said something worth repeating.</p>", "by": "A member"},
    {"type": "text", "html": "<p>And this is small print.</p>", "size": "small"},
]
DEFAULT_HELP = "New mail of the organization starts with it. Who manages the organization chooses it."


class LayoutForm(OrganizationForm):
    header = BlocksField(help_text="What stands above the content, such as your name or logo.")
    footer = BlocksField(help_text="What stands below it. The block Footer writes your address and the personal links.")
    style = StyleField(help_text="Colours that are left blank are ours.")
    is_default = forms.BooleanField(label="Default of the organization", required=False, help_text=DEFAULT_HELP)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "is_default" in self.fields and self.instance.pk:
            self.initial["is_default"] = is_default(self.instance)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if not set(PARTS) & set(self.errors):
            self._check_parts(cleaned)
        return cleaned

    def _check_parts(self, cleaned: dict[str, Any]) -> None:
        organization = cleaned.get("organization") or getattr(self.instance, "organization", None)
        parts = {name: cleaned[name] for name in PARTS if name in cleaned}
        if organization is None or not parts:
            return
        try:
            designing.check_layout(Layout(organization=organization, **parts))
        except InvalidInput as error:
            for where, text in error.errors.items():
                name = where.partition(".")[0].partition("[")[0]
                self.add_error(name if name in self.fields else None, ValidationError(f"{where}: {text}"))


def is_default(layout: Layout) -> bool:
    return layout.organization.default_layout_id == layout.pk


@admin.register(Layout)
class LayoutAdmin(OrganizationAdmin):
    form = LayoutForm
    list_display = ["name", "shown_default", "used_by", "organization", "modified"]
    list_select_related = ["organization"]
    search_fields = ["name"]
    ordering = ["name"]
    autocomplete_fields = ["organization"]
    change_form_template = "admin/broadcasts/layout/change_form.html"
    change_list_template = "admin/broadcasts/layout/change_list.html"

    class Media:
        js = (script("preview"),)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        may_default = self.may(request, "manage", obj)
        return ["organization", "name", *(["is_default"] if may_default else []), *PARTS]

    @admin.display(description="default", boolean=True)
    def shown_default(self, layout: Layout) -> bool:
        return is_default(layout)

    @admin.display(description="templates")
    def used_by(self, layout: Layout) -> str:
        named = [str(one) for one in layout.templates.all()]
        return ", ".join([*named[:MOST_NAMED], "…"] if len(named) > MOST_NAMED else named) or "-"

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).prefetch_related("templates")

    def users_of(self, obj: Layout) -> list[Model]:
        return obj.users()  # see `Layout.delete`

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {"footer": [{"type": "footer"}], **super().get_changeform_initial_data(request)}

    def save_model(self, request: HttpRequest, obj: Layout, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if "is_default" not in form.changed_data or not self.may(request, "manage", obj):
            return
        starting.set_default(
            obj if form.cleaned_data["is_default"] else None, obj.organization, by=Access.of(request).user
        )

    # Pages of its own.

    def get_urls(self) -> list:
        page = self.admin_site.admin_view
        return [
            path("first/", page(self.first_view), name="broadcasts_layout_first"),
            path("preview/", page(self.preview_view), name="broadcasts_layout_preview"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict | None = None) -> HttpResponse:
        context = {"organizations": writable(request), "palettes": palettes(), **(extra_context or {})}
        return super().changelist_view(request, context)

    def first_view(self, request: HttpRequest) -> HttpResponse:
        """Make a layout with the organization's name and the colours of a design."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        organization = chosen_organization(request, request.POST)
        design = design_named(request.POST.get("palette", ""))
        access = Access.of(request)
        manages = access.may("manage", organization.pk)
        layout = starting.first_layout(design, organization, may_be_default=manages, by=access.user)
        messages.success(request, f"The layout “{layout}” is made. Add a logo or change its colours here.")
        return HttpResponseRedirect(self.change_url(layout.pk))

    def preview_view(self, request: HttpRequest) -> HttpResponse:
        """Show a sample in a layout: as the posted form describes it, or with GET the stored one."""
        asked = request.POST if request.method == "POST" else request.GET
        layout = self.get_object(request, asked.get("layout", ""))
        layout = layout or Layout(organization=chosen_organization(request, asked))
        if request.method == "POST" and (faults := self._take_form(request, layout)):
            return faults_page(faults)
        contents = {"en": {"format": "blocks", "blocks": SAMPLE}}
        return shown_page(request, *rendered(layout.organization, contents, layout=layout))

    def _take_form(self, request: HttpRequest, layout: Layout) -> list[str]:
        """Give a layout, which is not saved, the parts that the posted form has; return what is wrong with them."""
        form = self.get_form(request, layout if layout.pk else None)(request.POST, instance=layout)
        faults = [str(words) for name in PARTS for words in form.errors.get(name, [])]
        for name in PARTS if not faults else ():
            setattr(layout, name, form.cleaned_data[name])
        return faults


def palettes() -> list[dict[str, Any]]:
    """Return the colours of the designs, to choose those of a first layout from."""
    names = ("background", "heading", "button", "panel")
    return [
        {"slug": one.slug, "name": one.palette, "colours": [(n * 24, one.style[name]) for n, name in enumerate(names)]}
        for one in gallery.listed().values()
    ]
