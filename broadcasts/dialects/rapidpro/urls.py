"""RapidPro's routes: with and without .json, with and without a trailing slash; the rest of /api/v2/ is its 404."""

from django.urls import path, re_path

from broadcasts.apis import nowhere
from broadcasts.dialects.schema import document

from .actions import RapidProActions
from .broadcasts import RapidProBroadcasts
from .contacts import RapidProContacts
from .groups import RapidProGroups
from .media import RapidProMedia
from .messages import RapidProMessages
from .views import RapidProView
from .workspace import RapidProChannels, RapidProFields, RapidProGlobals, RapidProWorkspace

VIEWS: dict[str, type[RapidProView]] = {
    "broadcasts": RapidProBroadcasts,
    "channels": RapidProChannels,
    "contact_actions": RapidProActions,
    "contacts": RapidProContacts,
    "fields": RapidProFields,
    "globals": RapidProGlobals,
    "groups": RapidProGroups,
    "media": RapidProMedia,
    "messages": RapidProMessages,
    "org": RapidProWorkspace,
    "workspace": RapidProWorkspace,
}
OPERATIONS = [path(f"api/v2/{name}.json", view.as_view()) for name, view in VIEWS.items()]
urlpatterns = [
    document(
        "rapidpro",
        OPERATIONS,
        "/api/v2",
        "Broadcasts in RapidPro's shape",
        "A message to contacts, groups and URNs that is sent as soon as it is made; and what became of it.",
    ),
    *OPERATIONS,
    *(path(f"api/v2/{name}{end}", view.as_view()) for name, view in VIEWS.items() for end in ("", "/", ".json/")),
    re_path("^api/v2/", nowhere),
]
