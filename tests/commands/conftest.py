from io import StringIO

import pytest
from django.core.management import call_command

from tests.sending.conftest import server

__all__ = ["server"]


@pytest.fixture
def command():
    """Run a command and return (what it said, what it said on standard error)."""

    def run(name: str, *args: object, **options) -> tuple[str, str]:
        out, err = StringIO(), StringIO()
        call_command(name, *map(str, args), stdout=out, stderr=err, **options)
        return out.getvalue(), err.getvalue()

    return run
