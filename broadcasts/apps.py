from importlib import import_module

from django.apps import AppConfig, apps
from django.contrib.admin import apps as admin_apps


class BroadcastsConfig(AppConfig):
    name = "broadcasts"
    verbose_name = "Broadcasts"
    default = True

    def ready(self) -> None:
        import_module("broadcasts.transports.email.backend")  # which registers its system check


class AdminConfig(admin_apps.AdminConfig):
    """The admin with our site; what other apps registered there and we replace is taken out again."""

    default_site = "broadcasts.admin.site.Site"
    default = False

    def ready(self) -> None:
        # Our pages register while they are imported, and importing the site imports them: so they go first.
        import_module("broadcasts.admin")
        super().ready()
        site = import_module("django.contrib.admin").site  # there is none before the apps are ready
        for model in (*apps.get_app_config("django_q").get_models(), apps.get_model("auth", "Group")):
            if site.is_registered(model):
                site.unregister(model)
