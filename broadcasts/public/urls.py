from django.urls import path
from django.views.generic import RedirectView

from . import archive, callbacks, confirm, data, files, invitation, preferences, tracking, views, web_version

app_name = "public"
urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index"), name="home"),
    path("healthz", views.healthz, name="healthz"),
    path("readyz", views.readyz, name="readyz"),
    path("callbacks/<uuid:channel>/<str:key>/", callbacks.callback, name="callback"),
    # The view reads the address itself, as the shortcut before Django does, which answers those that work.
    path("t/<path:rest>", tracking.tracked, name="tracked_link"),
    path("o/<path:rest>", tracking.tracked, name="picture"),
    path("h/<path:rest>", tracking.tracked, name="hidden_link"),
    path("f/<str:token>/", files.file, name="file"),
    path("m/<str:name>", files.permanent, name="permanent_file"),
    path("u/<str:token>/", views.unsubscribe, name="unsubscribe"),
    path("p/<str:token>/", preferences.preferences, name="preferences"),
    path("c/<str:token>/", confirm.confirm, name="confirm"),
    path("d/<str:token>/", data.data, name="data"),
    path("w/<str:token>/", web_version.web_version, name="web_version"),
    path("archive/<slug:slug>/", archive.archive, name="archive"),
    path("archive/<slug:slug>/feed/", archive.feed, name="archive_feed"),
    path("archive/<slug:slug>/<uuid:uuid>/", archive.archived, name="archived"),
    path("i/<str:token>/", invitation.invitation, name="invitation"),
]
