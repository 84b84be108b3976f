"""The library: pictures and files for messages, uploaded, described, with their uses, deleted where unused."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.text import capfirst

from broadcasts import formats, uploading
from broadcasts.exceptions import FileRefused
from broadcasts.filetypes import SHOWN, served
from broadcasts.models import Media, Organization

from .access import Access, scoped, writable
from .base import link
from .library import LIBRARY, LONGEST_ALTERNATIVE, PickedMedia, any_type
from .patience import TooSlow, at_most

SECONDS = 3  # timeout of a search of all content
TOO_MUCH = "There is too much content to search here. “Delete” searches it all and names what uses it before it asks."


class KindFilter(admin.SimpleListFilter):
    title = "kind"
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("pictures", "Pictures"),
            ("undescribed", "Pictures without alternative text"),
            ("files", "Other files"),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        match self.value():
            case "pictures":
                return queryset.filter(content_type__in=SHOWN)
            case "undescribed":
                return queryset.filter(content_type__in=SHOWN, alternative_text="")
            case "files":
                return queryset.exclude(content_type__in=SHOWN)
        return queryset


class MediaUploadForm(forms.Form):
    """One file, for those who do not drop it on the library."""

    organization = forms.ModelChoiceField(Organization.objects.none())
    file = forms.FileField()
    filename = forms.CharField(
        required=False, max_length=255, help_text="What mail calls the file; without one, as it is called now."
    )
    alternative_text = forms.CharField(
        required=False,
        max_length=LONGEST_ALTERNATIVE,
        widget=forms.Textarea(attrs={"rows": 2, "class": "vLargeTextField"}),
        help_text="What a picture shows, for people who do not see it. Leave it empty only for decoration.",
    )

    def __init__(self, *args: Any, access: Access, act: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["organization"]
        field.queryset = scoped(Organization.objects.order_by("name"), access, act)
        if access.only_organization:
            field.widget, field.initial = forms.HiddenInput(), access.only_organization

    def store(self) -> Media | None:
        """Store the file; None if it is refused, which then stands at its field."""
        given = self.cleaned_data
        names = {name: given[name] for name in ("filename", "alternative_text")}
        try:
            return uploading.store(given["organization"], given["file"], accepts=any_type, **names)
        except FileRefused as error:
            self.add_error("file", error.errors["file"])
            return None


@admin.register(Media)
class MediaAdmin(PickedMedia):
    list_display = ["__str__", "organization"]
    list_filter = [KindFilter]
    list_select_related = ["organization"]
    list_per_page = 48
    search_fields = ["filename", "alternative_text"]
    fields = ["organization", "picture", "filename", "alternative_text", "used", "shown_at", "stored_as", "created"]
    readonly_fields = ["picture", "used", "shown_at", "stored_as", "created"]
    change_list_template = "admin/broadcasts/media/change_list.html"
    delete_confirmation_template = "admin/broadcasts/media/delete_confirmation.html"

    @property
    def media(self) -> forms.Media:
        return super().media + forms.Media(js=[LIBRARY])  # type: ignore[list-item]

    def get_fields(self, request: HttpRequest, obj: Media | None = None) -> list[Any]:
        fields: list[Any] = list(super().get_fields(request, obj))
        return [name for name in fields if name != "alternative_text" or (obj and obj.is_picture)]

    @admin.display(description="file")
    def picture(self, media: Media) -> str:
        address = reverse("admin:broadcasts_media_file", args=[media.pk])
        if not media.is_picture:
            return format_html('<a href="{}">{}</a>', address, media)
        small = reverse("admin:broadcasts_media_thumbnail", args=[media.pk])
        return format_html('<a href="{}"><img src="{}" alt="{}"></a>', address, small, media.alternative_text)

    @admin.display(description="used in")
    def used(self, media: Media) -> str:
        """Leave a place for `used_view`, which the page asks by itself: all content is searched."""
        address = reverse("admin:broadcasts_media_used", args=[media.pk])
        return format_html(
            '<div data-loads="{}" role="status"><a href="{}">Show where it is used</a></div>', address, address
        )

    def used_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Name what shows or attaches a file; sent mail too, which has its address and not the picture itself."""
        media = self.stored(request, pk)
        pages = self.admin_site.is_registered
        try:
            with at_most(SECONDS):
                users, senders = media.users(), media.senders()
        except TooSlow:
            return HttpResponse(TOO_MUCH)
        rows = [(capfirst(row._meta.verbose_name), link(row) if pages(type(row)) else str(row)) for row in users]
        rows += [("Sent broadcast", link(row)) for row in senders]
        listed = format_html_join("", "<li>{}: {}</li>", rows)
        used = format_html('<ul class="used">{}</ul>', listed)
        return HttpResponse(used if rows else "Nothing uses it. It can be deleted.")

    @admin.display(description="public address")
    def shown_at(self, media: Media) -> str:
        return format_html(
            '<code>{}</code> <button type="button" class="button" data-copy="{}">Copy</button>',
            media.address,
            media.address,
        )

    @admin.display(description="stored as")
    def stored_as(self, media: Media) -> str:
        pixels = f", {formats.number(media.width)} x {formats.number(media.height or 0)} pixels" if media.width else ""
        return f"{media.content_type}, {formats.number(media.size)} bytes{pixels}"

    def get_urls(self) -> list:
        page = self.admin_site.admin_view
        return [
            path("<int:pk>/file/", page(self.file_view), name="broadcasts_media_file"),
            path("<int:pk>/used/", page(self.used_view), name="broadcasts_media_used"),
            path("<int:pk>/thumbnail/", page(self.thumbnail_view), name="broadcasts_media_thumbnail"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        into = writable(request)
        shown: dict[str, Any] = {"into": into}
        shown |= {"are_several": not Access.of(request).only_organization, "title": "Pictures and files"}
        if len(into) == 1:
            used, quota = Media.used_bytes(into[0].pk), settings.MEDIA_QUOTA_MB
            told = f"{formats.number(round(used / 10**6, 1))} MB"
            shown |= {"used": told, "quota": quota, "used_mb": round(used / 10**6)}
        return super().changelist_view(request, {**shown, **(extra_context or {})})

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """Take one file; outside the transaction of other forms, since a picture may take seconds to read."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        given = (request.POST, request.FILES) if request.method == "POST" else ()
        form = MediaUploadForm(*given, access=Access.of(request), act=self.add_act)
        if form.is_bound and form.is_valid() and (media := form.store()):
            self.log_addition(request, media, [{"added": {}}])
            messages.success(request, f"“{media}” is in the library.")
            return HttpResponseRedirect(self.change_url(media.pk))
        context = {**self.admin_site.each_context(request), "title": "Upload a file", "form": form, "opts": self.opts}
        return TemplateResponse(request, "admin/broadcasts/media/upload.html", context)

    def stored(self, request: HttpRequest, pk: int) -> Media:
        media = self.get_object(request, str(pk))
        if media is None:
            raise Http404
        return media

    def file_view(self, request: HttpRequest, pk: int) -> FileResponse:
        """Serve a file to members of its organization; only pictures are shown, all else is a download."""
        media = self.stored(request, pk)
        try:
            file = media.file.open("rb")
        except OSError:
            raise Http404("The file is not on this host any more: upload it again.") from None
        return served(file, media.filename, str(media), "private, no-store")

    def thumbnail_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        small = uploading.thumbnail(self.stored(request, pk))
        if small is None:
            raise Http404
        headers = {"Cache-Control": "private, max-age=86400, immutable", "X-Content-Type-Options": "nosniff"}
        return HttpResponse(small, content_type="image/webp", headers=headers)

    def users_of(self, obj: Media) -> list[Model]:
        return obj.users()  # see `Media.delete`

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> tuple[list, dict, set, list]:
        """Name also the sent mail that shows these files, unless the user may overrule that."""
        shown, counts, needed, protected = super().get_deleted_objects(objs, request)
        is_asked = request.method == "GET" and self.may_overrule(request, objs)
        if not is_asked and not self.overrules(request, objs):
            protected += [f"Sent broadcast: {one}" for media in objs for one in media.senders()]
        return shown, counts, needed, protected

    def may_overrule(self, request: HttpRequest, objs: Any) -> bool:
        """Tell whether the user may delete what mail that was sent shows."""
        return all(self.may(request, "manage", media) for media in objs)

    def overrules(self, request: HttpRequest, objs: Any) -> bool:
        return "even_sent" in request.POST and self.may_overrule(request, objs)

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        media = self.get_object(request, object_id)
        sent = media.senders() if media else []
        return super().delete_view(request, object_id, {"sent": sent, **(extra_context or {})})

    def delete_model(self, request: HttpRequest, obj: Media) -> None:
        obj.delete(even_sent=self.overrules(request, [obj]))
