"""The folder of an installation, with its database, keys and files: where it is, and that only its own user reads it.

Settings and the entry points use this before Django is there.
"""

import os
import stat
from contextlib import suppress
from pathlib import Path

NAME = "var.data"  # Python takes the dot for the end of a package's name, so it imports nothing from here
EARLIER_NAME = "var"
KEPT = ("broadcasts.sqlite3", "*_key.txt", "media/*", "imports/*")
OTHERS = 0o077  # what the group and everybody else may


def restrict_new_files() -> None:
    """Have whatever this process and its children make be readable by their own user only."""
    os.umask(OTHERS)


def default_folder(base: Path) -> Path:
    """Return the folder of an installation that was told none: the earlier one, as long as it is in use."""
    folder, earlier = base / NAME, base / EARLIER_NAME
    return earlier if is_in_use(earlier) and not is_in_use(folder) else folder


def is_in_use(folder: Path) -> bool:
    """Tell whether a folder holds a database, keys or uploads of ours."""
    return any(True for pattern in KEPT for _ in folder.glob(pattern))


def make_private(folder: Path) -> None:
    """Make the folder, or close it to other users if it is ours: our user owns it, and it serves nothing else."""
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.stat()
    is_ours = found.st_uid == os.geteuid() and not found.st_mode & stat.S_ISVTX
    if is_ours and found.st_mode & OTHERS and (is_in_use(folder) or not any(folder.iterdir())):
        with suppress(OSError):  # a disk without rights; `doctor` tells
            folder.chmod(0o700)
