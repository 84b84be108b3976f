from importlib import import_module

from django.contrib.admin import site
from django.urls import include, path

import_module("broadcasts.admin")  # which registers the pages

urlpatterns = [
    path("", include("broadcasts.public.urls")),  # first, since providers call most often
    path("", include("broadcasts.dialects.urls")),
    path("api/", include("broadcasts.api.urls")),
    path("admin/", site.urls),
]
