"""The warm-up of a new domain: its calendar, and the days on which it does not grow."""

from datetime import date, timedelta

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from broadcasts import gauging
from broadcasts.models import AuditEntry, Channel, Segment
from broadcasts.models.limits import allowance, hold
from broadcasts.sending import warmup

from . import made

RAMP = {"start": 100, "growth": 2, "since": "2026-03-26"}


def messages(ramp: dict, first: date, days: int) -> list[int | None]:
    return [allowance(ramp, first + timedelta(days=n)) for n in range(days)]


@pytest.mark.parametrize(
    ("audience", "growth", "days"), [(40, 1.5, 1), (1000, 1.5, 9), (100_000, 1.5, 20), (20_000_000, 1.6, 29)]
)
def test_a_new_domain_begins_with_50_and_grows_until_all_get_it_in_one_day(mail, audience, growth, days):
    advice = gauging.advise(mail, audience, date(2026, 11, 1))
    assert (advice.ramp, len(advice.days)) == ({"start": 50, "growth": growth, "since": "2026-11-01"}, days)
    assert advice.days[-1].messages == audience
    assert advice.days[-1].total == sum(one.messages for one in advice.days)
    assert advice.is_needed == (audience > 50)


def test_a_domain_that_sent_a_little_begins_with_200(mail):
    made.at_work(mail, sent=300)
    assert gauging.advise(mail, 5000).ramp["start"] == 200


def test_a_domain_that_sent_much_needs_none(mail):
    made.at_work(mail, sent=1000)
    assert not gauging.advise(mail, 50_000).is_needed


def test_what_another_channel_of_the_domain_sent_counts_and_others_do_not(mail, club, elsewhere):
    for organization, address in ((club, "a@other.example"), (elsewhere, "news@club.example")):
        fields = {"organization": organization, "name": "Other", "kind": "email", "from_address": address}
        made.at_work(Channel.objects.create(**fields), sent=1000)
    assert gauging.advise(mail, 50_000).is_needed
    fields = {"organization": club, "name": "Third", "kind": "email", "from_address": "x@CLUB.example"}
    made.at_work(Channel.objects.create(**fields), sent=1000)
    assert not gauging.advise(mail, 50_000).is_needed


def test_the_audience_is_that_of_the_largest_segment_or_broadcast(mail, club):
    assert gauging.audience_of(mail) is None
    Segment.objects.create(organization=club, name="All", contacts_count=700)
    assert gauging.audience_of(mail) == 700
    made.at_work(mail, sent=0, pending=900)
    assert gauging.audience_of(mail) == 900


def test_after_a_day_held_the_next_one_allows_the_same():
    first = date(2026, 3, 26)
    assert messages(RAMP, first, 6) == [100, 200, 400, 800, 1600, 3200]
    once = hold(RAMP, date(2026, 3, 27))
    assert messages(once, first + timedelta(days=1), 4) == [200, 200, 400, 800]
    twice = hold(once, date(2026, 3, 28))
    assert messages(twice, first + timedelta(days=2), 4) == [200, 200, 400, 800]
    apart = hold(once, date(2026, 3, 29))
    assert messages(apart, first + timedelta(days=3), 3) == [400, 400, 800]


def test_the_days_of_a_calendar_are_those_of_the_wall_also_when_clocks_change(mail, club):
    """Clocks in Madrid go forward on 29 March 2026: that day has 23 hours, and is one day."""
    days = gauging.calendar(hold(RAMP, date(2026, 3, 28)), 1600, date(2026, 3, 27))
    assert [(one.day.day, one.messages) for one in days] == [(27, 200), (28, 400), (29, 400), (30, 800), (31, 1600)]
    club.time_zone = "Europe/Madrid"
    mail.organization = club
    begins = [mail.next_day(date(2026, 3, day)) for day in (28, 29)]
    assert (begins[1].timestamp() - begins[0].timestamp()) / 3600 == 23


def test_a_warm_up_holds_once_a_day_while_complaints_are_too_many(mail):
    since = timezone.now().date() - timedelta(days=9)
    Channel.objects.update(ramp={"start": 50, "growth": 2, "since": since.isoformat()})
    made.tell(made.copies(made.at_work(mail, sent=5000))[:6])
    today = timezone.now().date()
    before = Channel.objects.get().allowance(today)
    made.act()
    made.act()
    held = Channel.objects.get()
    assert (held.ramp["held"], held.ramp["held_on"]) == (1, today.isoformat())
    assert held.allowance(today) == held.allowance(today + timedelta(days=1)) == before
    assert AuditEntry.objects.filter(act="hold warm-up").count() == 1
    assert "does not grow tomorrow" in AuditEntry.objects.get(act="hold warm-up").detail["reason"]


def test_a_warm_up_goes_on_growing_while_the_shares_are_good(mail):
    Channel.objects.update(ramp={"start": 50, "growth": 2, "since": "2026-11-01"})
    made.tell(made.copies(made.at_work(mail, sent=5000))[:5])
    made.act()
    assert "held" not in Channel.objects.get().ramp


def test_a_held_day_costs_the_warm_up_no_further_query(mail, django_assert_num_queries):
    Channel.objects.update(ramp=hold({**RAMP, "since": timezone.now().date().isoformat()}, date(2026, 3, 28)))
    channel = Channel.objects.select_related("organization").get()
    warmup.take(channel, 1)
    with django_assert_num_queries(3):  # its row, today, and the permit
        warmup.take(channel, 1)


def test_beginning_a_warm_up_sets_it_from_today_and_leaves_an_entry(mail, admin):
    gauging.begin_warmup(mail, {"start": 50, "growth": 1.5}, by=admin.user)
    assert Channel.objects.get().ramp == {"start": 50, "growth": 1.5, "since": timezone.now().date().isoformat()}
    assert AuditEntry.objects.get().act == "begin warm-up"


def test_a_wrong_warm_up_is_not_begun(mail):
    with pytest.raises(ValidationError):
        gauging.begin_warmup(mail, {"start": 0, "growth": 1.5})
    assert Channel.objects.get().ramp == {}
