"""The routes of the dialects that the setting DIALECTS names."""

from collections.abc import Collection

from django.conf import settings
from django.urls import URLPattern

from .invent import urls as invent
from .rapidpro import urls as rapidpro
from .teamup import urls as teamup
from .whautomate import urls as whautomate

# In the order in which they are looked at: the last one of those that share a root answers for all the rest of it.
ROUTES = {
    "invent": invent.urlpatterns,
    "teamup": teamup.urlpatterns,
    "whautomate": whautomate.urlpatterns,
    "rapidpro": rapidpro.urlpatterns,
}


def served(names: Collection[str]) -> list[URLPattern]:
    """Return the routes of dialects."""
    return [route for name, routes in ROUTES.items() if name in names for route in routes]


urlpatterns = served(settings.DIALECTS)
