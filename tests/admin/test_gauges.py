"""Gauges on the pages of staff: the channel's, the dashboard, the organization's; and the warm-up page."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from broadcasts.models import Channel
from tests.gauging import made

from .conftest import messages_of, sign_in
from .test_channel_pages import channel_form
from .test_hours import settings_form, settings_page
from .test_other_pages import page


@pytest.fixture
def slowed(mail):
    made.tell(made.copies(made.at_work(mail, sent=1000))[:5])
    made.act()
    mail.refresh_from_db()
    return mail


def warmup(mail) -> str:
    return reverse("admin:broadcasts_channel_warmup", args=[mail.pk])


def test_the_page_of_a_channel_tells_its_shares_in_words(viewer, slowed):
    text = sign_in(viewer.user).get(page("channel", "change", slowed.pk)).content.decode()
    assert "5 (0.50%)" in text and "Much too high: above 0.3%, which pauses" in text
    assert "Good (above 5% slows, above 10% pauses)" in text
    assert "It sends 8 a second, half as fast" in text
    assert "Send at full rate again" not in text


def test_a_channel_that_sent_little_is_not_judged_yet(viewer, mail):
    text = sign_in(viewer.user).get(page("channel", "change", mail.pk)).content.decode()
    assert "Not judged yet: 1,000 sent are needed" in text


def test_a_channel_without_mail_has_no_gauges(viewer, club):
    console = Channel.objects.create(organization=club, name="Screen", kind="console")
    text = sign_in(viewer.user).get(page("channel", "change", console.pk)).content.decode()
    assert "Complaints and bounces" not in text


def test_an_admin_lifts_it_with_one_click(admin, slowed):
    client, address = sign_in(admin.user), page("channel", "change", slowed.pk)
    assert "Send at full rate again" in client.get(address).content.decode()
    answer = client.post(address, channel_form(slowed, _then="lift"), follow=True)
    assert "sends at its own rate again" in messages_of(answer)
    assert "Staff lifted the slowness on" in answer.content.decode()
    slowed.refresh_from_db()
    assert slowed.slowed_to is None


def test_lifting_twice_says_that_nothing_is_slowed(admin, mail):
    answer = sign_in(admin.user).post(page("channel", "change", mail.pk), channel_form(mail, _then="lift"), follow=True)
    assert "Nothing of this channel is slowed." in messages_of(answer)


@pytest.mark.parametrize("who", ["sender", "stranger"])
def test_who_may_not_change_channels_lifts_nothing(request, who, slowed):
    user = request.getfixturevalue(who).user
    sign_in(user).post(page("channel", "change", slowed.pk), channel_form(slowed, _then="lift"))
    slowed.refresh_from_db()
    assert slowed.slowed_to == 8


def test_the_dashboard_shows_the_gauges_of_channels_that_sent(viewer, stranger, slowed):
    text = sign_in(viewer.user).get(reverse("admin:index")).content.decode()
    assert "Much too high: above 0.3%, which pauses" in text and ">Slowed<" in text
    assert "Much too high" not in sign_in(stranger.user).get(reverse("admin:index")).content.decode()


def test_the_dashboard_asks_the_same_for_many_channels(viewer, mail, club, django_assert_num_queries):
    client, address = sign_in(viewer.user), reverse("admin:index")
    made.at_work(mail, sent=10, status="SENT", completed_at=timezone.now())
    with CaptureQueriesContext(connection) as few:
        client.get(address)
    for n in range(4):
        channel = Channel.objects.create(organization=club, name=f"C{n}", kind="email", from_address="a@club.example")
        made.at_work(channel, sent=10, status="SENT", completed_at=timezone.now())
    with django_assert_num_queries(len(few)):
        client.get(address)


def test_thresholds_are_written_in_the_organizations_form_and_the_first_is_below_the_second(admin, club):
    client, address = sign_in(admin.user), settings_page(club)
    assert 'name="bounces_pause"' in client.get(address).content.decode()
    client.post(address, settings_form(club, complaints_slow=0.05))
    club.refresh_from_db()
    assert club.complaints_slow == Decimal("0.05")
    errors = client.post(address, settings_form(club, bounces_slow=10)).context["adminform"].form.errors
    assert errors == {"bounces_slow": ["It must be below the share that pauses, 10%."]}


def test_a_warm_up_is_shown_as_a_calendar_and_begun_with_one_click(admin, mail):
    client = sign_in(admin.user)
    text = client.get(f"{warmup(mail)}?audience=1000").content.decode()
    assert "Proposed: 50 mails on the first day, each day 1.5 times as many" in text
    assert "all 1,000 people can get a mail in one day after 9 days" in text
    answer = client.post(warmup(mail), {"audience": 1000}, follow=True)
    assert "warms up: 50 mails today" in messages_of(answer)
    mail.refresh_from_db()
    assert mail.ramp == {"start": 50, "growth": 1.5, "since": timezone.now().date().isoformat()}
    assert "The warm-up of" in client.get(f"{warmup(mail)}?audience=1000").content.decode()


def test_without_an_audience_the_page_asks_for_one(admin, mail):
    answer = sign_in(admin.user).get(warmup(mail))
    assert answer.context["advice"] is None and answer.status_code == 200


def test_a_wrong_number_of_people_is_told_at_its_field(admin, mail):
    client = sign_in(admin.user)
    for answer in (client.get(f"{warmup(mail)}?audience=0"), client.post(warmup(mail), {"audience": "many"})):
        assert answer.context["form"].errors["audience"]
    mail.refresh_from_db()
    assert mail.ramp == {}


@pytest.mark.parametrize("who", ["sender", "stranger"])
def test_who_may_not_change_channels_begins_no_warm_up(request, who, mail):
    client = sign_in(request.getfixturevalue(who).user)
    assert client.post(warmup(mail), {"audience": 1000}).status_code == 404
    assert Channel.objects.get().ramp == {}


def test_a_held_warm_up_tells_its_days(admin, mail):
    since = timezone.now().date() - timedelta(days=3)
    ramp = {"start": 50, "growth": 2, "since": since.isoformat(), "held": 1, "held_on": since.isoformat()}
    Channel.objects.update(ramp=ramp)
    text = sign_in(admin.user).get(f"{warmup(mail)}?audience=300").content.decode()
    assert "It was held on 1 day, on which" in text and "<td>200</td>" in text
