import os

import django

from broadcasts.web.application import Handler
from config.folder import restrict_new_files

restrict_new_files()
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup(set_prefix=False)

application = Handler()
