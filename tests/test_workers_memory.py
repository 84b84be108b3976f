"""What processes that send do not load: the pages, and libraries that few tasks need."""

import os
import subprocess
import sys

from django.conf import settings

PAGES = ["broadcasts.admin", "rest_framework.serializers"]
LARGE = [*PAGES, "requests", "aiohttp", "mrml", "css_inline", "nh3", "re2", "dns", "flufl.bounce"]
LOAD = f"""
import sys, django
django.setup()
import broadcasts.tasks, broadcasts.sending.pump, broadcasts.transports.email
print([name for name in {LARGE} if name in sys.modules])
"""


def test_a_worker_that_sends_mail_loads_neither_pages_nor_an_http_client():
    env = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings"}
    done = subprocess.run([sys.executable, "-c", LOAD], cwd=settings.BASE_DIR, env=env, text=True, capture_output=True)
    assert done.stdout == "[]\n", done.stderr
