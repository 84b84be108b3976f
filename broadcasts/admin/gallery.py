"""The gallery: designs that ship with the product, own templates and earlier broadcasts, to begin with."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.templatetags.static import static
from django.urls import path, reverse

from broadcasts import sending, starting
from broadcasts.database import as_id
from broadcasts.designing import gallery
from broadcasts.designing.gallery import Design
from broadcasts.exceptions import BroadcastsError
from broadcasts.languages import language_name
from broadcasts.models import Broadcast, Layout, Organization, Template, TemplateTranslation
from broadcasts.transports import Envelope, ProviderTemplate

from .access import Access, chosen_organization, writable
from .begin import BeginPage, step_url
from .showing import faults_of, rendered, shown_page

SHOWN = 48  # own templates
EARLIER = 12  # broadcasts
PAGE = "admin/broadcasts/template/gallery.html"
MADE = "is a draft. Nothing has been sent: the steps lead to its people, its words and its time."


class GalleryPages(admin.ModelAdmin):
    """The gallery of templates; for the admin of templates."""

    def get_urls(self) -> list:
        page = self.admin_site.admin_view
        return [
            path("gallery/", page(self.gallery_view), name="broadcasts_template_gallery"),
            path("gallery/use/", page(self.use_view), name="broadcasts_template_use"),
            path("gallery/<slug:slug>/", page(self.design_view), name="broadcasts_template_design"),
            path("gallery/<slug:slug>/html/", page(self.design_html_view), name="broadcasts_template_design_html"),
            path("<int:pk>/html/", page(self.html_view), name="broadcasts_template_html"),
            *super().get_urls(),
        ]

    def gallery_view(self, request: HttpRequest) -> HttpResponse:
        context = {**self.admin_site.each_context(request), **gallery_context(request), "title": "Template gallery"}
        return TemplateResponse(request, PAGE, context)

    def design_view(self, request: HttpRequest, slug: str) -> HttpResponse:
        """Show a design large: wide and on a phone, light and dark, in each of its languages."""
        design, context = design_named(slug), gallery_context(request)
        context |= {
            "title": design.name,
            "design": design,
            "language": _language(request, design, context["organization"]),
            "languages": [(tag, language_name(tag)) for tag in design.languages],
            "scheme": "dark" if request.GET.get("scheme") == "dark" else "light",
        }
        page = "admin/broadcasts/template/design.html"
        return TemplateResponse(request, page, {**self.admin_site.each_context(request), **context})

    def design_html_view(self, request: HttpRequest, slug: str) -> HttpResponse:
        design, organization = design_named(slug), chosen_organization(request, request.GET, "read")
        shown = starting.preview(design, organization, _language(request, design, organization))
        html = shown.html.replace(starting.UNSTORED, static(f"{gallery.STATIC}/"))
        return shown_page(request, html, faults_of(shown))

    def html_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Serve a template alone, as the organization's first contact would get it."""
        template = self.get_object(request, str(pk))
        if template is None:
            raise Http404
        contents = {one.language: one.content() for one in template.translations.all()}
        if not contents:
            return shown_page(request, "", [])
        chosen = {"template": template, "layout": template.layout}
        return shown_page(
            request, *rendered(template.organization, contents, request.GET.get("language", ""), **chosen)
        )

    def use_view(self, request: HttpRequest) -> HttpResponse:
        """Make a template of a design, or a broadcast of a design, a template or an earlier broadcast."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        organization = chosen_organization(request, request.POST)
        try:
            row = _made(request, organization)
        except BroadcastsError as error:
            messages.error(request, f"Nothing was made: {error}")
            return HttpResponseRedirect(reverse("admin:broadcasts_template_gallery"))
        told = "is one of your templates now: write your own words." if isinstance(row, Template) else MADE
        messages.success(request, f"“{row}” {told}")
        return HttpResponseRedirect(_what_comes_next(row, is_copy="earlier" in request.POST))


class StartPage(BeginPage):
    """The page that asks what a new broadcast starts from; for the admin of broadcasts."""

    def get_urls(self) -> list:
        view = self.admin_site.admin_view(self.start_view)
        return [path("start/", view, name="broadcasts_broadcast_start"), *super().get_urls()]

    def start_view(self, request: HttpRequest) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        context = {**gallery_context(request), "title": "What does the broadcast start from?", "is_start": True}
        rows = Broadcast.objects.for_organization(context["organization"]).order_by("-id")
        if words := request.GET.get("q", "").strip():
            rows = rows.filter(name__icontains=words)
        context |= {"earlier": rows[:EARLIER], "q": words}
        return TemplateResponse(request, PAGE, {**self.admin_site.each_context(request), **context})


def gallery_context(request: HttpRequest) -> dict[str, Any]:
    """Return what the pages of the gallery show: of one organization, that of a link or the user's first one."""
    organization = chosen_organization(request, request.GET, "read")
    organizations = writable(request)
    own = Template.objects.for_organization(organization).select_related("channel").prefetch_related("translations")
    if words := request.GET.get("q", "").strip():
        own = own.filter(name__icontains=words)
    return {
        "designs": gallery.listed().values(),
        "own": [(one, (first := _first(one)), _words(one, first)) for one in own.order_by("-id")[:SHOWN]],
        "organization": organization,
        "organizations": organizations,
        "layouts": Layout.objects.for_organization(organization),
        "may_write": organization in organizations,
        "q": words,
    }


def _first(template: Template) -> TemplateTranslation | None:
    return next(iter(template.translations.all()), None)


def _words(template: Template, first: TemplateTranslation | None) -> str:
    """Return the words of a card that shows no HTML; of a template that its provider keeps, the provider's."""
    if first is None or template.channel is None:
        return first.text if first else ""
    stored = ProviderTemplate(template.name, first.language, {})
    bubble = template.channel.transport_class.bubble(Envelope("", "", template=stored), first.structure)
    if bubble is None:
        return first.text
    return "\n\n".join(
        filter(None, [bubble.header, bubble.body, bubble.footer, *(words for words, _ in bubble.buttons)])
    )


def _made(request: HttpRequest, organization: Organization) -> Template | Broadcast:
    asked, user = request.POST, Access.of(request).user
    layout = _own(Layout, asked["layout"], organization) if asked.get("layout") else None
    if slug := asked.get("add"):
        return starting.add_template(design_named(slug), organization, layout=layout, by=user)
    if slug := asked.get("begin"):
        return starting.broadcast_of_design(design_named(slug), organization, layout=layout, by=user)
    if pk := asked.get("template"):
        return starting.broadcast_of_template(_own(Template, pk, organization), by=user)
    return sending.duplicate(_own(Broadcast, asked.get("earlier", ""), organization), by=user)


def _what_comes_next(row: Template | Broadcast, *, is_copy: bool) -> str:
    """Return the next page: the words of a template, the step that needs something first, the check of a copy."""
    if isinstance(row, Template):
        return reverse("admin:broadcasts_template_content", args=[row.pk])
    return step_url(row, "check") if is_copy else reverse("admin:broadcasts_broadcast_compose_entry", args=[row.pk])


def design_named(slug: str) -> Design:
    """Return a design that ships with the product, or 404."""
    try:
        return gallery.listed()[slug]
    except KeyError:
        raise Http404 from None


def _own(model: Any, pk: str, organization: Organization) -> Any:
    row = model.objects.for_organization(organization).filter(pk=as_id(pk) or 0).first()
    if row is None:
        raise Http404
    return row


def _language(request: HttpRequest, design: Design, organization: Organization) -> str:
    asked = request.GET.get("language", "")
    return asked if asked in design.languages else design.in_language(organization.primary_language)
