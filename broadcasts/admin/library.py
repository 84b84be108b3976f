"""The library of pictures and files as pages use it: the picker's list, and uploads by drop."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.forms.widgets import Script
from django.http import Http404, HttpRequest, HttpResponseNotAllowed, JsonResponse
from django.urls import path, reverse, reverse_lazy
from django.utils.functional import lazy

from broadcasts import uploading
from broadcasts.database import as_id
from broadcasts.exceptions import FileRefused
from broadcasts.filetypes import SHOWN, is_picture
from broadcasts.models import Media, Organization

from .access import Access, scoped
from .base import OrganizationAdmin
from .search import as_uuid

PAGE = 24
LONGEST_ALTERNATIVE = Media._meta.get_field("alternative_text").max_length or 0


def most_bytes() -> int:
    """Return how large an uploaded file may be."""
    return settings.MEDIA_MAX_MB * 10**6


# What a page loads that calls `Broadcasts.choosePicture`.
LIBRARY = Script(
    "broadcasts/library.js",
    type="module",
    **{
        "data-library": reverse_lazy("admin:broadcasts_media_changelist"),
        "data-most-bytes": lazy(most_bytes, int)(),
    },
)


def item(media: Media) -> dict[str, Any]:
    """Return a file as the library's scripts know it."""
    return {
        "uuid": str(media.uuid),
        "address": media.address,
        "thumbnail": reverse("admin:broadcasts_media_thumbnail", args=[media.pk]) if media.is_picture else None,
        "filename": str(media),
        "alternative_text": media.alternative_text,
        "width": media.width,
        "height": media.height,
    }


class PickedMedia(OrganizationAdmin):
    """The addresses that `library.js` calls."""

    def get_urls(self) -> list:
        page = self.admin_site.admin_view
        own = [
            path("pick/", page(self.pick_view), name="broadcasts_media_pick"),
            path("upload/", page(self.upload_view), name="broadcasts_media_upload"),
            path("<uuid:uuid>/describe/", page(self.describe_view), name="broadcasts_media_describe"),
        ]
        return [*own, *super().get_urls()]

    def pick_view(self, request: HttpRequest) -> JsonResponse:
        """Return a page of an organization's pictures, newest first; of all its files with `files`; one with `uuid`."""
        rows = scoped(Media.objects.all(), Access.of(request)).order_by("-id")
        rows = rows.filter(organization=as_id(request.GET.get("organization", "")) or 0)
        if "files" not in request.GET:
            rows = rows.filter(content_type__in=SHOWN)
        if words := request.GET.get("q", "").strip():
            rows = rows.filter(Media.matching(words))
        if uuid := as_uuid(request.GET.get("uuid", "")):
            rows = rows.filter(uuid=uuid)
        if after := as_id(request.GET.get("after", "")):
            rows = rows.filter(pk__lt=after)
        found = list(rows[: PAGE + 1])
        last = str(found[PAGE - 1].pk) if len(found) > PAGE else None
        return JsonResponse({"items": [item(media) for media in found[:PAGE]], "after": last})

    def upload_view(self, request: HttpRequest) -> JsonResponse | HttpResponseNotAllowed:
        """Store one file; with `pictures`, pictures only."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        organizations = scoped(Organization.objects.all(), Access.of(request), self.add_act)
        organization = organizations.filter(pk=as_id(request.POST.get("organization", "")) or 0).first()
        if organization is None:
            raise PermissionDenied
        file, text = request.FILES.get("file"), request.POST.get("alternative_text", "").strip()
        if file is None:
            return refused({"file": "No file was sent."})
        if len(text) > LONGEST_ALTERNATIVE:
            return refused({"alternative_text": f"Give at most {LONGEST_ALTERNATIVE} characters."})
        accepts = is_picture if "pictures" in request.POST else any_type
        try:
            media = uploading.store(organization, file, alternative_text=text, accepts=accepts)
        except FileRefused as error:
            return refused(error.errors)
        self.log_addition(request, media, [{"added": {}}])
        return JsonResponse(item(media), status=201)

    def describe_view(self, request: HttpRequest, uuid: UUID) -> JsonResponse | HttpResponseNotAllowed:
        """Store the alternative text of a picture that has none, since it is told when the picture is chosen."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        rows = scoped(Media.objects.all(), Access.of(request), self.change_act)
        media = rows.filter(uuid=uuid).first()
        if media is None:
            raise Http404
        media.alternative_text = request.POST.get("alternative_text", "").strip()[:LONGEST_ALTERNATIVE]
        media.save(update_fields=["alternative_text", "modified"])
        self.log_change(request, media, [{"changed": {"fields": ["alternative text"]}}])
        return JsonResponse(item(media))


def any_type(media_type: str) -> bool:
    """Accept whatever is no SVG: staff attach files of every kind to mail."""
    return True


def refused(errors: dict[str, str]) -> JsonResponse:
    """Tell what is wrong; with the status 200, since a browser writes every other one to its console as an error."""
    return JsonResponse({"errors": errors})
