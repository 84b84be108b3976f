from io import StringIO

import pytest
from django.core.management import call_command

from tests.stories.installation import DATABASE


@pytest.fixture
def command():
    """Run a command and return (what it said, what it said on standard error)."""

    def run(name: str, *args: object, **options) -> tuple[str, str]:
        out, err = StringIO(), StringIO()
        call_command(name, *map(str, args), stdout=out, stderr=err, **options)
        return out.getvalue(), err.getvalue()

    return run


@pytest.fixture
def installation(installation, migrated):
    """One whose benches begin with a copy of the migrated database, where that is a file."""
    if not installation.server.startswith("postgres"):
        copied = {"DJANGO_SETTINGS_MODULE": "tests.commands.bench_settings", "MIGRATED": str(migrated.room / DATABASE)}
        installation.env |= copied
    return installation
