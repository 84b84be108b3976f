from django.contrib import admin

from broadcasts.models import Media

from .base import OrganizationAdmin


@admin.register(Media)
class MediaAdmin(OrganizationAdmin):
    list_display = ["__str__", "content_type", "size", "organization", "created"]
    list_select_related = ["organization"]
    search_fields = ["filename"]
    autocomplete_fields = ["organization"]
    readonly_fields = ["size", "created"]
    fields = ["organization", "file", "filename", "content_type", "size", "created"]
