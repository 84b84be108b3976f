"""Gauges slow channels and pause broadcasts before mail providers do it."""

from datetime import timedelta

import pytest
from django.db.models import F
from django.utils import timezone

from broadcasts import gauging, sending
from broadcasts.models import AuditEntry, Broadcast, Channel, EventNote, EventSubscription, MinuteCount
from broadcasts.tasks import ROUND

from . import made


def acts() -> list[str]:
    return list(AuditEntry.objects.order_by("pk").values_list("act", flat=True))


def let_minutes_pass(minutes: int = 2) -> None:
    """Let what was reported, and what staff did, lie so many minutes back."""
    past = timedelta(minutes=minutes)
    MinuteCount.objects.update(minute=F("minute") - past)
    Broadcast.objects.exclude(resumed_at=None).update(resumed_at=F("resumed_at") - past)


def test_it_is_part_of_each_round():
    assert gauging.act in ROUND


def test_a_broadcast_of_10000_slows_and_then_pauses_at_exact_complaints(mail):
    """Of 10,000 copies 9,000 are sent, and 0.5 % complain: more than 0.1 % are 10, more than 0.3 % are 28."""
    broadcast = made.at_work(mail, sent=9000, pending=1000)
    angry = made.copies(broadcast)[:50]
    slowed_at = paused_at = None
    for n, pk in enumerate(angry, 1):
        made.tell([pk])
        made.act()
        mail.refresh_from_db()
        broadcast.refresh_from_db()
        slowed_at = slowed_at or (n if mail.is_slowed else None)
        if broadcast.status == "PAUSED":
            paused_at = n
            break
    assert (slowed_at, paused_at) == (10, 28)
    assert broadcast.error_message == (
        "Paused: 28 of the 9,000 mails that “Newsletter” sent in the last 7 days brought a complaint (0.31%); above "
        "0.3% its broadcasts pause. Mail providers refuse senders with that many complaints. Send only to people who "
        "asked for your mail, and make unsubscribing easy."
    )
    assert mail.slowed_why.startswith("It sends 75 a second, half as fast: 10 of the 9,000 mails")
    assert acts() == ["slow", "pause"]


def test_portions_of_complaints_pause_with_the_first_round_that_sees_too_many(mail):
    broadcast = made.at_work(mail, sent=9000)
    angry = made.copies(broadcast)
    for i in range(0, 50, 7):
        made.tell(angry[i : i + 7])
        made.act()
    broadcast.refresh_from_db()
    assert broadcast.error_message.startswith("Paused: 28 of the 9,000")


def test_fewer_than_1000_mails_are_not_judged(mail):
    broadcast = made.at_work(mail, sent=999)
    made.tell(made.copies(broadcast)[:100])
    made.act()
    assert acts() == []


def test_fewer_than_five_complaints_are_not_judged(mail):
    broadcast = made.at_work(mail, sent=1000)
    pks = made.copies(broadcast)
    made.tell(pks[:4])
    made.act()
    assert acts() == []
    made.tell(pks[4:5])
    made.act()
    assert acts() == ["pause", "slow"]


def test_exactly_the_threshold_is_not_too_many(mail):
    broadcast = made.at_work(mail, sent=10_000)
    made.tell(made.copies(broadcast)[:10])
    made.act()
    assert acts() == []


@pytest.mark.parametrize(
    ("bounced", "refused", "expected"), [(19, 0, []), (40, 15, ["slow"]), (60, 60, ["pause", "slow"])]
)
def test_bounces_and_refusals_count_together(mail, bounced, refused, expected):
    broadcast = made.at_work(mail, sent=1000)
    made.tell(made.copies(broadcast)[:bounced], "bounced")
    if refused:
        made.refuse(broadcast, refused)
    made.act()
    assert [act for act in acts() if "domain" not in act] == expected


def test_a_pause_for_bounces_says_how_many_of_what(mail):
    broadcast = made.at_work(mail, sent=1000)
    made.tell(made.copies(broadcast)[:60], "bounced")
    made.refuse(broadcast, 60)
    made.act()
    broadcast.refresh_from_db()
    words = "Paused: 120 of the 1,060 mails that “Newsletter” tried in the last 7 days bounced or were refused (11.32%)"
    assert broadcast.error_message.startswith(words)
    assert "above 10% its broadcasts pause" in broadcast.error_message


def test_the_organizations_own_thresholds_count(mail, club):
    club.complaints_slow, club.complaints_pause = 2, 3
    club.save()
    broadcast = made.at_work(mail, sent=1000)
    made.tell(made.copies(broadcast)[:20])
    made.act()
    assert acts() == []
    made.tell(made.copies(broadcast)[20:21])
    made.act()
    assert [act for act in acts() if "domain" not in act] == ["slow"]


def test_two_rounds_act_once(mail):
    broadcast = made.at_work(mail, sent=1000)
    made.tell(made.copies(broadcast)[:50])
    made.act()
    Broadcast.objects.update(status="SENDING")  # as another supervisor read it before
    before = acts()
    made.act()
    assert acts() == [*before, "pause"]
    assert Channel.objects.get().slowed_to is not None


def test_channels_of_others_stay_as_they_are(mail, elsewhere):
    theirs = Channel.objects.create(
        organization=elsewhere, name="Theirs", kind="email", from_address="news@elsewhere.example"
    )
    other = made.at_work(theirs, sent=1000)
    made.tell(made.copies(made.at_work(mail, sent=1000))[:50])
    made.act()
    theirs.refresh_from_db()
    other.refresh_from_db()
    assert (theirs.slowed_to, theirs.slowed_domains, other.status) == (None, {}, "SENDING")
    assert not AuditEntry.objects.for_organization(elsewhere).exists()


def test_a_channel_that_carries_no_mail_is_not_judged(club):
    console = Channel.objects.create(organization=club, name="Screen", kind="console")
    made.tell(made.copies(made.at_work(console, sent=1000))[:50])
    made.act()
    assert acts() == []


def test_all_that_the_channel_sends_pauses_and_what_others_send_does_not(mail, club):
    second = Channel.objects.create(organization=club, name="Second", kind="email", from_address="b@club.example")
    first, beside, apart = made.at_work(mail, sent=1000), made.at_work(mail, sent=0), made.at_work(second, sent=1000)
    made.tell(made.copies(first)[:50])
    made.act()
    assert [Broadcast.objects.get(pk=one.pk).status for one in (first, beside, apart)] == [
        *("PAUSED", "PAUSED", "SENDING")
    ]


def test_a_resumed_broadcast_is_not_paused_again_for_the_same_complaints(mail):
    broadcast = made.at_work(mail, sent=2000)
    pks = made.copies(broadcast)
    made.tell(pks[:50])
    made.act()
    broadcast.refresh_from_db()
    sending.resume(broadcast)
    made.act()
    broadcast.refresh_from_db()
    assert broadcast.status == "SENDING"
    let_minutes_pass()
    made.act()
    broadcast.refresh_from_db()
    assert broadcast.status == "SENDING"


def test_a_resumed_broadcast_pauses_for_new_complaints_after_it(mail):
    broadcast = made.at_work(mail, sent=2000)
    made.tell(made.copies(broadcast)[:50])
    made.act()
    broadcast.refresh_from_db()
    sending.resume(broadcast)
    let_minutes_pass()
    new = made.add_copies(broadcast, 1000)
    made.tell(new[:4])
    made.act()
    broadcast.refresh_from_db()
    assert broadcast.status == "SENDING"
    made.tell(new[4:5])
    made.act()
    broadcast.refresh_from_db()
    assert broadcast.status == "PAUSED"
    assert "5 of the 1,000 mails that “Newsletter” sent since it was resumed" in broadcast.error_message


def test_a_late_complaint_about_an_old_broadcast_counts_when_it_is_told(mail):
    old = made.at_work(mail, sent=5000, status="SENT", completed_at=timezone.now())
    made.go_back(8)
    made.at_work(mail, sent=1000)
    made.tell(made.copies(old)[:5])
    made.act()
    [whole, *_] = gauging.gauges(mail)
    assert (whole.sent, whole.complained, whole.level) == (1000, 5, "pause")


def test_what_was_told_before_the_window_does_not_count(mail, settings):
    old = made.at_work(mail, sent=5000, status="SENT", completed_at=timezone.now())
    made.tell(made.copies(old)[:50])
    made.at_work(mail, sent=0)
    settings.GAUGE_DAYS = 3
    made.go_back(4)
    made.act()
    assert acts() == []
    assert gauging.gauges(mail)[0].sent == 0


def test_a_refusal_of_a_broadcast_that_began_before_the_window_counts_in_its_minute(mail):
    old = made.at_work(mail, sent=1000)
    made.go_back(8)
    made.add_copies(old, 1000)
    made.refuse(old, 60)
    ROUND[0]()
    whole = gauging.gauges(mail)[0]
    assert (whole.sent, whole.refused, whole.level) == (1000, 60, "slow")


def test_a_pause_is_told_to_subscriptions(mail, club):
    EventSubscription.objects.create(
        organization=club, name="Shop", url="https://s.example/", types=["broadcast.paused"]
    )
    made.tell(made.copies(made.at_work(mail, sent=1000))[:50])
    made.act()
    assert [one.items[0][0] for one in EventNote.objects.all()] == ["broadcast.paused"]


def test_without_work_a_round_asks_once(mail, django_assert_num_queries):
    gauging.forget()
    with django_assert_num_queries(1):
        gauging.act()


def test_a_round_asks_as_much_for_many_channels_as_for_one(mail, club, django_assert_num_queries):
    for n in range(5):
        channel = Channel.objects.create(organization=club, name=f"C{n}", kind="email", from_address="a@club.example")
        made.at_work(channel, sent=10)
    gauging.forget()
    with django_assert_num_queries(4):  # the channels, their batches, their minutes, their troubled domains
        gauging.act()


def test_a_look_that_took_long_lets_the_process_wait(mail, monkeypatch):
    looks = []
    made.at_work(mail, sent=10)
    monkeypatch.setattr("broadcasts.gauging.acting.FREE", -1)
    monkeypatch.setattr("broadcasts.gauging.acting.PART", 1e9)
    monkeypatch.setattr("broadcasts.gauging.acting._judge", looks.append)
    gauging.act()
    gauging.act()
    assert len(looks) == 1
