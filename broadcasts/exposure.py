"""Who besides this program may read or import what lies in a folder."""

import sys
from pathlib import Path

from django.conf import settings


def is_exposed(path: Path) -> bool:
    """Tell whether the group or all others may read a file or folder; a folder above that is closed shields it."""
    is_open = path.stat().st_mode & 0o077
    return bool(is_open) and all(above.stat().st_mode & 0o011 for above in path.parents)


def importable_from(place: Path) -> Path | None:
    """Return the folder from which Python would import what is below a place, by dotted names, or None.

    A name with a dot in it ends the way: `import var.data.x` looks for `data` within `var`.
    """
    for entry in dict.fromkeys([str(settings.BASE_DIR), *sys.path]):
        root = Path(entry or ".").resolve()
        if place.is_relative_to(root) and not any("." in name for name in place.relative_to(root).parts):
            return root
    return None
