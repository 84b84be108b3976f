"""A receiver that takes each copy once: what may have been handed over is sent again, under the same id."""

import json
from collections import Counter
from datetime import timedelta

import pytest
from django.utils import timezone

from broadcasts import contacts, sending, stats
from broadcasts.models import Broadcast, Channel, Delivery
from broadcasts.transports.webhook import Webhook
from tests.http_server import HttpServer, answer, drop
from tests.make import make_broadcast, make_contact, make_contacts
from tests.transports.test_webhook import SECRET

from . import steps
from .faults import Killed


@pytest.fixture
def server():
    with HttpServer() as server:
        yield server


@pytest.fixture
def hook(club, server):
    channel = Channel(organization=club, name="Hook", kind="webhook")
    channel.configure({"url": server.url, "signing_secret": SECRET})
    channel.full_clean()
    channel.save()
    return channel


def go_on(broadcast):
    Channel.objects.update(backoff_until=None)
    steps.come_due()
    sending.tick()
    steps.pump(broadcast)


def ids(server):
    return Counter(json.loads(body)["data"]["delivery"] for _, body in server.calls)


def test_everybody_has_an_address_on_a_webhook(club, hook, server):
    known, nameless = make_contact(club, external_id="C-1"), make_contact(club, email="")
    broadcast = steps.send(make_broadcast(hook))
    assert steps.log(broadcast) == {"sent": 2}
    assert sorted(server.received) == sorted(["C-1", str(nameless.uuid)])
    told = [json.loads(body)["data"]["recipient"] for _, body in server.calls]
    assert {one["uuid"] for one in told} == {str(known.uuid), str(nameless.uuid)}


def test_a_lost_answer_is_sent_again_by_itself_under_the_same_id(club, hook, server):
    make_contact(club, external_id="C-1")
    server.does(drop)
    broadcast = steps.send(make_broadcast(hook))
    assert steps.log(broadcast) == {"pending": 1}
    assert "sent again under the same id" in Delivery.objects.get().error
    server.does(answer(204))
    go_on(broadcast)
    assert steps.log(broadcast) == {"sent": 1}
    assert list(ids(server).values()) == [2]


def test_what_is_refused_after_an_answer_was_lost_may_have_arrived(club, hook, server):
    make_contact(club, external_id="C-1")
    server.does(drop)
    broadcast = steps.send(make_broadcast(hook))
    server.does(answer(503))
    go_on(broadcast)
    server.does(answer(400))
    go_on(broadcast)
    assert steps.log(broadcast) == {"unknown": 1}
    assert broadcast.status == Broadcast.Status.SENT


def test_who_says_no_after_an_answer_was_lost_may_have_got_it(club, hook, server):
    make_contact(club, external_id="C-1")
    server.does(drop)
    broadcast = steps.send(make_broadcast(hook))
    sending.outcomes.tracking.suppress(club, "webhook", "C-1", "manual")
    go_on(broadcast)
    assert steps.log(broadcast) == {"unknown": 1}
    assert stats.counts([broadcast])[broadcast.pk]["unknown"] == 1


def test_it_is_unknown_after_the_last_attempt(club, hook, server, settings):
    settings.MAX_ATTEMPTS = 2
    make_contact(club)
    server.does(drop)
    broadcast = steps.send(make_broadcast(hook))
    go_on(broadcast)
    assert steps.log(broadcast) == {"unknown": 1}
    assert Delivery.objects.get().attempts == 2


@pytest.mark.parametrize("has_journal", [True, False])
def test_what_a_killed_worker_had_begun_is_sent_again_and_nobody_is_unknown(
    club, hook, server, monkeypatch, settings, tmp_path, has_journal
):
    make_contacts(club, 12)
    broadcast = steps.start(make_broadcast(hook))
    if not has_journal:
        settings.DATA_DIR = tmp_path / "file"
        settings.DATA_DIR.write_text("")

    def die(self, answer):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(Webhook, "receipt", die)
        patch.setattr("broadcasts.sending.pump.commit", killing(sending.pump.commit))
        with pytest.raises(Killed):
            steps.pump(broadcast)
    assert server.calls
    steps.run_out_leases()
    sending.tick()
    assert steps.log(broadcast) == {"pending": 12}
    for _ in range(3):
        go_on(broadcast)
    assert steps.log(broadcast) == {"sent": 12}
    assert broadcast.status == Broadcast.Status.SENT
    assert len(ids(server)) == 12 and max(ids(server).values()) == 2


def killing(commit):
    """Die when the results of the first window are to be written."""

    def killed(lease, results, *args):
        if results.sent or results.again or results.unknown:
            raise Killed
        return commit(lease, results, *args)

    return killed


def test_a_suppression_of_a_reference_is_kept(club, hook, server):
    make_contact(club, external_id="C-1")
    stays = make_contact(club, external_id="C-2")
    nameless = make_contact(club)
    for reference in ("C-1", str(nameless.uuid)):
        sending.outcomes.tracking.suppress(club, "webhook", reference, "manual")
    broadcast = steps.send(make_broadcast(hook))
    assert steps.log(broadcast) == {"sent": 1, "skipped": 2}
    assert server.received == [stays.external_id]
    assert broadcast.status == Broadcast.Status.SENT


def test_each_test_has_an_id_of_its_own(club, hook, server):
    make_contact(club, external_id="C-1")
    broadcast = make_broadcast(hook)
    for _ in range(2):
        assert sending.send_test(broadcast, ["C-1"]) == [("C-1", "")]
    assert len(ids(server)) == 2


def test_only_a_webhook_sends_to_external_ids(club, mail):
    texts = Channel(organization=club, name="Texts", kind="sms", address_field="external_id")
    with pytest.raises(Exception, match="Only a webhook"):
        texts.full_clean()


def lost(hook, server, **fields):
    """Return a broadcast of which one copy's answer was lost, and its copy."""
    server.does(drop)
    broadcast = steps.send(make_broadcast(hook, **fields))
    return broadcast, Delivery.objects.get()


def test_what_may_have_arrived_is_unknown_after_its_broadcast_was_cancelled(club, hook, server):
    make_contact(club, external_id="C-1")
    broadcast, copy = lost(hook, server)
    sending.cancel(broadcast)
    sending.close(broadcast.pk)
    copy.refresh_from_db()
    assert copy.status == "unknown" and "may have arrived" in copy.error
    counted = stats.counts([broadcast])[broadcast.pk]
    assert (counted["unknown"], counted["cancelled"], counted["pending"]) == (1, 0, 0)


def test_what_may_have_arrived_is_unknown_after_its_broadcast_has_expired(club, hook, server):
    make_contact(club, external_id="C-1")
    broadcast, _ = lost(hook, server, expires_at=timezone.now() + timedelta(hours=1))
    Broadcast.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    go_on(broadcast)
    assert steps.log(broadcast) == {"unknown": 1}


@pytest.mark.parametrize(("expires_in", "status"), [(None, "pending"), (timedelta(hours=1), "unknown")])
def test_quiet_hours_do_not_forget_that_it_may_have_arrived(club, hook, server, monkeypatch, expires_in, status):
    make_contact(club, external_id="C-1")
    end = timezone.now() + expires_in if expires_in else None
    broadcast, copy = lost(hook, server, expires_at=end)
    monkeypatch.setattr("broadcasts.sending.hours.quiet_hours", lambda message: ("00:00", "23:59"))
    monkeypatch.setattr("broadcasts.sending.hours.quiet_until", lambda *args: timezone.now() + timedelta(hours=2))
    steps.come_due()
    go_on(broadcast)
    copy.refresh_from_db()
    assert copy.status == status
    assert "may have arrived" in copy.error or "the receiver knows it" in copy.error


def test_what_may_have_arrived_is_unknown_after_a_merge_that_does_not_need_it(club, hook, server):
    ana, bo = make_contact(club, external_id="C-1"), make_contact(club, "bo@example.com", external_id="C-2")
    server.does(drop)
    broadcast = steps.send(make_broadcast(hook))
    contacts.merge(ana, [bo])
    assert steps.log(broadcast) == {"pending": 1, "unknown": 1}
    assert stats.counts([broadcast])[broadcast.pk]["unknown"] == 1
