"""Many at once, on real connections: whoever is first wins, and nobody gets two copies."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from broadcasts import sending
from broadcasts.exceptions import WrongState
from broadcasts.models import Broadcast, Delivery
from tests.make import make_broadcast, make_contacts

from . import steps

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(n, act, *args):
    """Run something n times in threads of their own; returns results and errors."""

    def run(_):
        try:
            return act(*args)
        except Exception as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(n) as pool:
        return list(pool.map(run, range(n)))


@pytest.fixture
def broadcast(club, mail, server):
    make_contacts(club, 60)
    return make_broadcast(mail)


def test_five_sends_at_once_have_one_winner(broadcast):
    results = at_once(5, lambda: sending.send(Broadcast.objects.get(pk=broadcast.pk)))
    assert [type(result) for result in results if result] == [WrongState] * 4
    assert Broadcast.objects.get().status == Broadcast.Status.SENDING


def test_expansions_at_once_make_every_row_once(broadcast, monkeypatch):
    monkeypatch.setattr("broadcasts.sending.start.CHUNK", 7)
    sending.send(broadcast)
    assert at_once(4, sending.expand, broadcast.pk) == [None] * 4
    assert Delivery.objects.count() == 60


def test_pumps_at_once_send_every_copy_once(broadcast, server, settings):
    settings.BATCH_SIZE, settings.PUMPS = 7, 4
    steps.start(broadcast)
    assert at_once(4, sending.run_pump, broadcast.messages.get().channel_id) == [None] * 4
    assert set(server.copies.values()) == {1}
    assert steps.log(broadcast) == {"sent": 60}


def test_ticks_at_once_gather_every_retry_once(broadcast, server):
    steps.start(broadcast)
    Delivery.objects.update(due_at="2026-01-01T00:00:00Z")
    assert at_once(4, sending.tick) == [None] * 4
    assert Delivery.objects.filter(due_at=None, batch__isnull=False).count() == 60
    steps.pump(broadcast)
    assert set(server.copies.values()) == {1}
