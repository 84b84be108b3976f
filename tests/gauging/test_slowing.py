"""How slow is half, for how long, and what ends it; for a channel and for one receiving domain."""

from datetime import timedelta

import pytest
from django.db.models import F
from django.utils import timezone

from broadcasts import gauging
from broadcasts.exceptions import WrongState
from broadcasts.models import AuditEntry, Broadcast, Channel, ChannelRate, GroupCount, MinuteCount
from broadcasts.sending import rate
from tests.make import make_contact
from tests.sending import steps

from . import made


def acts() -> list[str]:
    return list(AuditEntry.objects.order_by("pk").values_list("act", flat=True))


def slow_down(mail, complaints: int = 2, **fields) -> Broadcast:
    """A broadcast of 5,000 whose complaints slow its channel and pause nothing."""
    broadcast = made.at_work(mail, sent=5000, **fields)
    made.tell(made.copies(broadcast)[: 4 + complaints])
    made.act()
    mail.refresh_from_db()
    return broadcast


def fresh(mail) -> Channel:
    return Channel.objects.select_related("organization").get(pk=mail.pk)


def test_a_channel_with_a_rate_slows_to_half_of_it(mail):
    Channel.objects.update(rate=100, burst=500)
    slow_down(mail)
    assert (mail.slowed_to, mail.top_rate, mail.top_burst) == (50, 50, None)


def test_a_channel_without_a_rate_slows_to_half_of_what_it_sent_lately(mail):
    broadcast = made.at_work(mail, sent=5000)
    now = timezone.now().replace(second=0, microsecond=0)
    MinuteCount.objects.all().delete()
    for minutes, n in ((0, 7), (2, 1200), (3, 2400), (30, 6000)):
        at = now - timedelta(minutes=minutes)
        MinuteCount.objects.create(message=broadcast.messages.get(), fact="sent", minute=at, count=n)
    made.tell(made.copies(broadcast)[:6])
    made.act()
    assert fresh(mail).top_rate == 26  # of 20, 40 and 100 a second in the minutes that have ended


def test_it_sends_one_a_second_at_least(mail):
    Channel.objects.update(rate=1)
    slow_down(mail)
    assert mail.top_rate == 1


def test_a_lower_rate_that_staff_set_meanwhile_holds(mail):
    slow_down(mail)
    mail.rate = 3
    assert mail.top_rate == 3


def test_after_a_day_without_a_look_it_ends_by_itself(mail):
    slow_down(mail)
    assert timedelta(hours=23, minutes=59) < mail.slowed_until - timezone.now() <= timedelta(hours=24)
    Channel.objects.update(slowed_until=timezone.now() - timedelta(seconds=1))
    assert fresh(mail).top_rate is None


def test_it_is_prolonged_while_the_share_is_too_high(mail):
    slow_down(mail)
    Channel.objects.update(slowed_until=timezone.now() + timedelta(hours=1))
    made.act()
    mail.refresh_from_db()
    assert mail.slowed_until - timezone.now() > timedelta(hours=23)
    assert acts() == ["slow"]


def test_it_ends_by_itself_once_the_share_is_lower(mail):
    broadcast = slow_down(mail)
    made.add_copies(broadcast, 1000)
    made.act()
    mail.refresh_from_db()
    assert (mail.slowed_to, mail.slowed_until, mail.slowed_why) == (None, None, "")
    assert acts() == ["slow", "speed up"]


def test_it_ends_once_the_complaints_have_left_the_window(mail):
    slow_down(mail, status="SENT", completed_at=timezone.now())
    made.go_back(8)
    made.act()
    assert fresh(mail).slowed_to is None


def test_once_staff_lifted_it_the_same_complaints_do_not_slow_it_again(mail):
    broadcast = slow_down(mail)
    gauging.lift(mail)
    made.act()
    assert fresh(mail).top_rate is None
    Channel.objects.update(slowed_until=F("slowed_until") - timedelta(minutes=2))
    MinuteCount.objects.update(minute=F("minute") - timedelta(minutes=3))
    made.act()
    assert fresh(mail).top_rate is None
    new = made.add_copies(broadcast, 1000)
    made.tell(new[:5])
    made.act()
    assert fresh(mail).top_rate
    assert acts()[:3] == ["slow", "lift slowness", "slow"]


def test_only_what_is_slowed_can_be_lifted(mail):
    with pytest.raises(WrongState, match="Nothing of this channel is slowed"):
        gauging.lift(mail)


def test_a_slowed_channel_that_has_used_up_its_rate_gets_no_pump(mail):
    ChannelRate.objects.create(channel=mail, domain="", arrival=timezone.now() + timedelta(seconds=10))
    assert rate.used_up([mail.pk]) == set()
    Channel.objects.update(slowed_to=5, slowed_until=timezone.now() + timedelta(hours=1))
    assert rate.used_up([mail.pk]) == {mail.pk}


def two_domains(mail, gmail: int = 2000) -> Broadcast:
    broadcast = made.at_work(mail, sent=8000)
    made.add_copies(broadcast, gmail, domain="gmail.example")
    return broadcast


def test_a_domain_over_the_limit_is_slowed_alone(mail):
    Channel.objects.update(rate=100)
    broadcast = two_domains(mail)
    made.tell(made.copies(broadcast)[-6:])  # 0.3 % of gmail.example, 0.06 % of all
    made.act()
    channel = fresh(mail)
    assert (channel.slowed_to, channel.top_rate, channel.slow_domains) == (None, 100, {"gmail.example": 10.0})
    assert (channel.domain_rate("gmail.example"), channel.domain_rate("example.com")) == (10.0, 0)
    assert (
        "6 of the 2,000 mails that “Newsletter” sent to gmail.example" in channel.slowed_domains["gmail.example"]["why"]
    )
    assert acts() == ["slow domain"]
    made.act()
    assert acts() == ["slow domain"]


def test_a_domain_with_a_rate_slows_to_half_of_it(mail):
    Channel.objects.update(domain_rates={"*": 5})
    made.tell(made.copies(two_domains(mail))[-6:])
    made.act()
    assert fresh(mail).domain_rate("gmail.example") == 2.5
    assert fresh(mail).domain_rate("example.com") == 5


def test_a_domain_with_fewer_than_1000_mails_is_not_judged(mail):
    made.tell(made.copies(two_domains(mail, gmail=999))[-6:])
    made.act()
    assert acts() == []


def test_copies_to_a_slowed_domain_wait_and_others_leave(club, mail, server):
    until = (timezone.now() + timedelta(hours=1)).isoformat()
    Channel.objects.update(slowed_domains={"slow.example": {"to": 1, "until": until, "why": "It complains."}})
    for n in range(3):
        make_contact(club, f"a{n}@slow.example")
        make_contact(club, f"b{n}@quick.example")
    broadcast = steps.send(made.make_broadcast(mail))
    assert steps.log(broadcast) == {"sent": 4, "pending": 2}


def test_a_domain_speeds_up_by_itself_and_when_staff_lift_it(mail):
    broadcast = two_domains(mail)
    made.tell(made.copies(broadcast)[-6:])
    made.act()
    gauging.lift(fresh(mail))
    made.act()
    assert fresh(mail).slow_domains == {}
    made.tell(made.copies(broadcast)[-11:-6])
    made.act()
    assert fresh(mail).slow_domains == {}  # 5 of no mail since then
    new = made.add_copies(broadcast, 1000, domain="gmail.example")
    made.act()
    assert list(fresh(mail).slow_domains) == ["gmail.example"]
    GroupCount.objects.filter(fact="complained").delete()
    made.act()
    assert (fresh(mail).slowed_domains, len(new)) == ({}, 1000)
