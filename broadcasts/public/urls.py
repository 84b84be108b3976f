from django.urls import path
from django.views.generic import RedirectView

from . import views

app_name = "public"
urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index"), name="home"),
    path("healthz", views.healthz, name="healthz"),
    path("readyz", views.readyz, name="readyz"),
    path("u/<str:token>/", views.unsubscribe, name="unsubscribe"),
]
