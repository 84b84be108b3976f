from django.contrib.admin import site
from django.urls import include, path

urlpatterns = [
    path("api/", include("broadcasts.api.urls")),
    path("admin/", site.urls),
    path("", include("broadcasts.public.urls")),
]
