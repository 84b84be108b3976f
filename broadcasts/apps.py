from importlib import import_module

from django.apps import AppConfig
from django.contrib.admin import apps as admin_apps
from django.core import checks


class BroadcastsConfig(AppConfig):
    name = "broadcasts"
    verbose_name = "Broadcasts"
    default = True

    def ready(self) -> None:
        import_module("broadcasts.transports.email.backend")  # which registers its system check


class AdminConfig(admin_apps.SimpleAdminConfig):
    """The admin with our site and our pages only.

    `broadcasts.urls` loads the pages, and so do checks; processes that serve none, such as workers, do without.
    """

    default_site = "broadcasts.admin.site.Site"
    default = False

    def ready(self) -> None:
        checks.register(_load_pages, checks.Tags.admin)  # before the admin's own check, which is of loaded pages
        super().ready()


def _load_pages(**options: object) -> list[checks.CheckMessage]:
    import_module("broadcasts.admin")
    return []
