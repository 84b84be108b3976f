"""Files for messages: uploaded, downloaded again by members, deleted when nothing carries them."""

from typing import Any

from django.contrib import admin
from django.http import FileResponse, Http404, HttpRequest
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.text import capfirst

from broadcasts.filetypes import served
from broadcasts.models import Media

from .base import number_column
from .library import PickedMedia


@admin.register(Media)
class MediaAdmin(PickedMedia):
    list_display = ["__str__", "content_type", number_column(Media, "size"), "organization", "created"]
    list_select_related = ["organization"]
    search_fields = ["filename"]
    autocomplete_fields = ["organization"]
    readonly_fields = ["stored", "content_type", "size", "created"]

    def get_fields(self, request: HttpRequest, obj: Media | None = None) -> list[Any]:
        if obj is None:
            return ["organization", "file", "filename"]
        return ["organization", "stored", "filename", "content_type", "size", "created", "uuid"]

    def get_readonly_fields(self, request: HttpRequest, obj: Media | None = None) -> list[Any]:
        return [*super().get_readonly_fields(request, obj), *(["uuid"] if obj else [])]

    @admin.display(description="file")
    def stored(self, media: Media) -> str:
        return format_html('<a href="{}">{}</a>', reverse("admin:broadcasts_media_file", args=[media.pk]), media)

    def get_urls(self) -> list:
        view = self.admin_site.admin_view(self.file_view)
        return [
            path("<int:pk>/file/", view, name="broadcasts_media_file"),
            path("<int:pk>/thumbnail/", view, name="broadcasts_media_thumbnail"),
            *super().get_urls(),
        ]

    def file_view(self, request: HttpRequest, pk: int) -> FileResponse:
        """Serve a file to members of its organization; only pictures are shown, all else is a download."""
        media = self.get_object(request, str(pk))
        if media is None:
            raise Http404
        try:
            file = media.file.open("rb")
        except OSError:
            raise Http404("The file is not on this host any more: upload it again.") from None
        return served(file, media.filename, str(media), "private, no-store")

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> tuple[list, dict, set, list]:
        """Name also what carries these files: see `Media.delete`."""
        shown, counts, needed, protected = super().get_deleted_objects(objs, request)
        users = [user for media in objs for user in media.users()]
        return shown, counts, needed, protected + [f"{capfirst(user._meta.verbose_name)}: {user}" for user in users]
