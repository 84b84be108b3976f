"""A catcher, and a server that it calls back."""

import pytest

from broadcasts.catcher import Catcher, WhatsAppAccount
from tests.catcher.providers import (
    Ours,
)


@pytest.fixture
def catcher(tmp_path):
    with Catcher(tmp_path, smtp_port=0, http_port=0) as catcher:
        yield catcher


@pytest.fixture
def ours(catcher):
    ours = Ours()
    catcher.accounts.whatsapp["111"] = WhatsAppAccount("111", "222", ours.url, "app secret", "token")
    yield ours
    ours.server.shutdown()
    ours.server.server_close()
