from django.urls import path
from django.views.generic import RedirectView

from . import callbacks, confirm, data, files, invitation, preferences, views

app_name = "public"
urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index"), name="home"),
    path("healthz", views.healthz, name="healthz"),
    path("readyz", views.readyz, name="readyz"),
    path("callbacks/<uuid:channel>/<str:key>/", callbacks.callback, name="callback"),
    path("f/<str:token>/", files.file, name="file"),
    path("u/<str:token>/", views.unsubscribe, name="unsubscribe"),
    path("p/<str:token>/", preferences.preferences, name="preferences"),
    path("c/<str:token>/", confirm.confirm, name="confirm"),
    path("d/<str:token>/", data.data, name="data"),
    path("i/<str:token>/", invitation.invitation, name="invitation"),
]
