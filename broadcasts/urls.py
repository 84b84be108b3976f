from django.urls import include, path

urlpatterns = [
    path("", include("broadcasts.public.urls")),
]
