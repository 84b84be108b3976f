"""Whautomate's routes, with and without a trailing slash."""

from django.urls import re_path

from broadcasts.apis import nowhere
from broadcasts.dialects.schema import document, routes

from .broadcasts import WhautomateBroadcasts, WhautomateOneBroadcast
from .logs import WhautomateLogs
from .things import (
    WhautomateClasses,
    WhautomateContacts,
    WhautomateLocations,
    WhautomateSegments,
    WhautomateTemplates,
)

OPERATIONS = [
    *routes("v1/broadcasts", WhautomateBroadcasts.as_view()),
    *routes("v1/broadcasts/<str:id>", WhautomateOneBroadcast.as_view()),
    *routes("v1/broadcasts/<str:id>/logs", WhautomateLogs.as_view()),
    *routes("v1/segments", WhautomateSegments.as_view()),
    *routes("v1/locations", WhautomateLocations.as_view()),
    *routes("v1/classes", WhautomateClasses.as_view()),
    *routes("v1/whatsapp-templates", WhautomateTemplates.as_view()),
    *routes("v1/contacts", WhautomateContacts.as_view()),
]
urlpatterns = [
    document(
        "whautomate",
        OPERATIONS,
        "/v1",
        "Broadcasts in Whautomate's shape",
        "Approved WhatsApp templates to segments, to a class, or to those whom an earlier broadcast reached.",
    ),
    *OPERATIONS,
    re_path("^v1/", nowhere),
]
