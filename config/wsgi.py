import os

import django

from config.folder import restrict_new_files

restrict_new_files()
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup(set_prefix=False)

from broadcasts.public.files import FilesShortcut  # noqa: E402 -- Django REST framework reads the settings at import
from broadcasts.public.tracking import TrackingShortcut  # noqa: E402
from broadcasts.web.application import RequestHandler  # noqa: E402

application = FilesShortcut(TrackingShortcut(RequestHandler()))
