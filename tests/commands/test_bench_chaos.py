"""Chaos: the receiver behaves as badly as it is told, the verdict sees every lie, and one whole run."""

import json
import smtplib
from contextlib import suppress
from random import Random

import pytest

from broadcasts import links
from broadcasts.management.benchmarks import people, send, verdict
from broadcasts.management.benchmarks.faults import FAULTS
from broadcasts.management.benchmarks.receiver import receiver
from broadcasts.management.benchmarks.scene import Scene
from broadcasts.models import Batch, Broadcast, Delivery
from tests.commands.test_bench import left_nothing
from tests.sending import steps

MAIL = "Message-ID: <{}@club.example>\r\n\r\nHello\r\n"


@pytest.fixture
def taker(tmp_path, settings):
    settings.DATA_DIR = tmp_path
    with receiver(1) as running:
        yield running


def mail(taker, address: str, token: str = "x") -> None:
    with smtplib.SMTP("127.0.0.1", taker.port, timeout=20) as client:
        client.sendmail("news@club.example", [address], MAIL.format(token))


def test_what_is_accepted_is_written_down_with_its_message_id(taker):
    mail(taker, "ana@example.com", "one")
    mail(taker, "ben@example.com", "two")
    assert taker.received() == 2
    assert list(taker.truth()) == [
        ("ana@example.com", "<one@club.example>"),
        ("ben@example.com", "<two@club.example>"),
    ]


def test_those_whom_it_refuses_are_refused_and_nobody_else(taker):
    taker.behave(refuses=frozenset({"ana@example.com"}))
    with pytest.raises(smtplib.SMTPRecipientsRefused):
        mail(taker, "ana@example.com")
    mail(taker, "ben@example.com")
    assert taker.received() == 1


def test_dropped_connections_are_counted_and_so_are_those_that_may_have_cost_a_message(taker):
    taker.behave(drops=1.0)
    for _ in range(30):
        with suppress(smtplib.SMTPException, OSError):
            mail(taker, "ana@example.com")
    told = taker.behave(drops=0.0)
    assert told.drops == 30
    assert 0 < told.drops_late < 30
    assert taker.received() <= told.drops_late


def test_what_is_put_off_is_not_accepted(taker):
    taker.behave(laters=1.0)
    for _ in range(10):
        with pytest.raises(smtplib.SMTPException):
            mail(taker, "ana@example.com")
    assert taker.behave(laters=0.0).laters == 10
    assert taker.received() == 0


def test_down_it_refuses_connections_and_comes_back_at_the_same_place(taker):
    taker.behave(is_down=True)
    with pytest.raises(ConnectionRefusedError):
        mail(taker, "ana@example.com")
    taker.behave(is_down=False)
    mail(taker, "ana@example.com")
    assert taker.received() == 1


def test_hanging_it_answers_once_it_hangs_no_more(taker):
    taker.behave(hangs=True)
    with smtplib.SMTP(timeout=0.2) as client, pytest.raises(OSError, match="timed out"):
        client.connect("127.0.0.1", taker.port)
    taker.behave(hangs=False)
    mail(taker, "ana@example.com")
    assert taker.received() == 1


@pytest.fixture
def scene(db, taker, club):
    """A broadcast of ten that was sent to nobody, logged as sent to all, at its end."""
    people.load(club, 10)
    broadcast = steps.start(send.make_broadcast(club, taker.port))
    Delivery.objects.filter(status="pending").update(status="sent")
    Batch.objects.update(state="done", sent=10)
    Broadcast.objects.update(status="SENT")
    made = Scene(broadcast, taker, [], Random(1), 10)
    made.events["hits"] = 1
    made.seconds_to_go_on = made.seconds_to_end = 1.0
    return made


def arrive(scene: Scene, *rows: Delivery) -> None:
    with scene.receiver.path.open("a") as file:
        for row in rows:
            file.write(f"{row.address}\t<{links.delivery_token(row.pk)}@club.example>\n")


def broken(scene: Scene) -> list[str]:
    return [words for words, is_true in verdict.judge("test", scene).musts if not is_true]


def test_a_run_in_which_everybody_got_one_copy_is_as_it_must_be(scene):
    arrive(scene, *Delivery.objects.all())
    found = verdict.judge("test", scene)
    assert found.is_kept and found.once == found.recipients == 10
    assert "✘" not in verdict.table([found])


def test_a_second_copy_is_seen(scene):
    rows = list(Delivery.objects.all())
    arrive(scene, *rows, rows[3])
    assert broken(scene) == ["nobody is reached twice"]


def test_somebody_logged_as_sent_who_got_nothing_is_seen(scene):
    arrive(scene, *Delivery.objects.all()[1:])
    assert broken(scene) == ["nobody is lost", "nobody is logged as sent who got nothing"]


def test_somebody_who_has_no_row_at_all_is_lost(scene):
    Delivery.objects.first().delete()
    Batch.objects.update(sent=9)
    arrive(scene, *Delivery.objects.all())
    assert broken(scene) == ["nobody is lost"]


def test_a_copy_for_somebody_else_is_seen(scene):
    first, *others = Delivery.objects.all()
    first.pk = others[0].pk
    arrive(scene, first, *others)
    assert broken(scene) == ["nobody is given another's copy"]


def test_an_unknown_one_beyond_what_the_fault_may_cost_is_seen(scene):
    arrive(scene, *Delivery.objects.all())
    Delivery.objects.filter(pk=Delivery.objects.first().pk).update(status="unknown")
    Batch.objects.update(sent=9, unknown=1)
    assert broken(scene) == ["at most 0 are unknown"]
    scene.may_be_unknown = 1
    assert broken(scene) == []


def test_a_failed_one_that_was_not_refused_and_a_counter_that_is_wrong_are_seen(scene):
    arrive(scene, *Delivery.objects.all()[1:])
    Delivery.objects.filter(pk=Delivery.objects.first().pk).update(status="failed")
    assert broken(scene) == ["exactly the 0 refused fail", "the counters agree with the log"]


def test_every_fault_says_what_it_does():
    assert all(fault.act.__doc__ for fault in FAULTS.values())


@pytest.mark.story
def test_a_run_is_as_it_must_be_and_leaves_nothing(installation):
    printed = installation.run("bench", "chaos", "--fault", "workers", "--contacts", "100", "--json")
    [found] = json.loads(printed[printed.index("{\n") :])["verdicts"]
    assert found["fault"] == "workers"
    assert found["once"] + found["unknown"] + found["failed"] >= found["recipients"] == 100
    left_nothing(installation)
