from django.contrib.admin import site
from django.urls import include, path

urlpatterns = [
    path("", include("broadcasts.public.urls")),  # first, since providers call most often
    path("", include("broadcasts.dialects.urls")),
    path("api/", include("broadcasts.api.urls")),
    path("admin/", site.urls),
]
