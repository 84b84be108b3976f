from django.urls import include, path

urlpatterns = [path("", include("broadcasts.urls"))]

handler500 = "broadcasts.middleware.broken"
