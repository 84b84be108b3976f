"""Settings with which a bench on SQLite copies a migrated database: migrating takes as long as hundreds of tests."""

import os
import shutil
from pathlib import Path

from config.settings import *  # noqa: F403
from config.settings import DATABASES

if "BROADCASTS_BENCH_ROOM" in os.environ and not Path(DATABASES["default"]["NAME"]).exists():
    shutil.copy(os.environ["MIGRATED"], DATABASES["default"]["NAME"])
