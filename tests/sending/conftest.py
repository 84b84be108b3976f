import pytest

from broadcasts.models import Channel
from tests.recorder import Recorder


@pytest.fixture
def server(monkeypatch, mail) -> Recorder:
    """What the club's channel speaks to."""
    recorder = Recorder()
    monkeypatch.setattr(Channel, "transport", lambda self: recorder)
    return recorder
