"""Invent's routes, with and without a trailing slash."""

from django.urls import re_path

from broadcasts.apis import nowhere
from broadcasts.dialects.schema import document, routes

from .broadcasts import InventBroadcasts, InventCancelBroadcast, InventOneBroadcast, InventSendBroadcast
from .people import InventContacts, InventContactSegment, InventContactSegments, InventSegments
from .recipients import InventRecipients
from .templates import InventOneTemplate, InventTemplates

BROADCAST = "orgs/<str:org>/broadcasts/<str:id>"
CONTACT = "orgs/<str:org>/contacts/<str:id>"
OPERATIONS = [
    *routes("orgs/<str:org>/broadcasts", InventBroadcasts.as_view()),
    *routes(BROADCAST, InventOneBroadcast.as_view()),
    *routes(f"{BROADCAST}/send", InventSendBroadcast.as_view()),
    *routes(f"{BROADCAST}/cancel", InventCancelBroadcast.as_view()),
    *routes(f"{BROADCAST}/recipients", InventRecipients.as_view()),
    *routes(f"{BROADCAST}/templates", InventTemplates.as_view()),
    *routes(f"{BROADCAST}/templates/<str:template_id>", InventOneTemplate.as_view()),
    *routes("orgs/<str:org>/segments", InventSegments.as_view()),
    *routes("orgs/<str:org>/contacts", InventContacts.as_view()),
    *routes(f"{CONTACT}/segments", InventContactSegments.as_view()),
    *routes(f"{CONTACT}/segments/<str:segment_id>", InventContactSegment.as_view()),
]
urlpatterns = [
    document(
        "invent",
        OPERATIONS,
        r"/orgs/\{org\}",
        "Broadcasts in Invent's shape",
        "A broadcast has an audience, a time, and one template per connection (a channel). `org` is `c`, the "
        "organization of the key.",
    ),
    *OPERATIONS,
    re_path("^orgs/", nowhere),
]
