"""Quiet hours on the organization's page, local time on a broadcast's, and what both say of who waits."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from broadcasts.admin.quiet_hours import QUIET_FIELDS
from broadcasts.models import Broadcast, Delivery
from tests.make import make_broadcast

from .conftest import make_log, sign_in
from .test_broadcast_form import ADD, change, form


def settings_page(club):
    return reverse("admin:broadcasts_organization_change", args=[club.pk])


def settings_form(club, **fields):
    return {
        "name": club.name,
        "slug": club.slug,
        "status": "active",
        "time_zone": "UTC",
        "date_format": "%Y-%m-%d",
        "languages": ["en"],
        "default_use_case": "general",
        "default_send_hour": 9,
        "late_start_minutes": 1440,
        "globals": "{}",
        "frequency_cap_days": 7,
        "soft_bounces": 5,
        "soft_bounce_days": 30,
        "soft_bounce_rest_days": 30,
        "undo_seconds": 60,
        "complaints_slow": 0.1,
        "complaints_pause": 0.3,
        "bounces_slow": 5,
        "bounces_pause": 10,
        **fields,
    }


def test_quiet_hours_are_two_clock_times_for_each_kind_of_channel(admin, club):
    club.quiet_hours = {"sms": ["21:00", "08:00"]}
    club.save()
    page = sign_in(admin.user).get(settings_page(club)).content.decode()
    assert 'type="time" name="quiet_sms_from" value="21:00" aria-label="Quiet hours, SMS: from"' in page
    assert page.count('type="time"') == 2 * len(QUIET_FIELDS)


def test_saved_they_replace_those_that_were_there(admin, club):
    club.quiet_hours = {"sms": ["21:00", "08:00"]}
    club.save()
    client = sign_in(admin.user)
    data = settings_form(club, quiet_email_from="22:00", quiet_email_until="07:30")
    assert client.post(settings_page(club), data).status_code == 302
    club.refresh_from_db()
    assert club.quiet_hours == {"email": ["22:00", "07:30"]}


@pytest.mark.parametrize(
    ("hours", "told"),
    [
        ({"quiet_sms_from": "21:00"}, "Give both when they begin and when they end"),
        ({"quiet_sms_from": "21:00", "quiet_sms_until": "25:00"}, "Enter a valid time"),
        ({"quiet_sms_from": "21:00", "quiet_sms_until": "21:00"}, "begin and end at 21:00"),
    ],
)
def test_wrong_quiet_hours_are_told_beside_them(admin, club, hours, told):
    response = sign_in(admin.user).post(settings_page(club), settings_form(club, **hours))
    assert told in str(response.context["adminform"].form.errors["quiet_sms"])
    club.refresh_from_db()
    assert club.quiet_hours == {}


def test_whoever_may_not_change_them_sees_them(viewer, club):
    club.quiet_hours = {"sms": ["21:00", "08:00"]}
    club.save()
    page = sign_in(viewer.user).get(settings_page(club)).content.decode()
    assert "21:00" in page
    assert 'type="time"' not in page


def test_a_broadcast_may_be_for_each_ones_clock(author, mail):
    assert "clock time in each recipient" in sign_in(author.user).get(reverse(ADD)).content.decode()
    sign_in(author.user).post(reverse(ADD), form(mail.organization, local_time="on", ignore_quiet_hours="on"))
    assert Broadcast.objects.values_list("local_time", "ignore_quiet_hours").get() == (True, True)


def test_marketing_that_ignores_the_quiet_hours_is_told_beside_it(author, mail):
    data = form(mail.organization, use_case="marketing", ignore_quiet_hours="on")
    response = sign_in(author.user).post(reverse(ADD), data)
    assert list(response.context["adminform"].form.errors) == ["ignore_quiet_hours"]


def test_the_clock_of_a_scheduled_broadcast_changes_with_its_time_only(sender, mail):
    moment = timezone.now() + timedelta(days=2)
    broadcast = make_broadcast(mail, status="SCHEDULED", scheduled_at=moment)
    page = sign_in(sender.user).get(change(broadcast)).content.decode()
    assert 'name="local_time"' not in page
    assert 'name="ignore_quiet_hours"' in page


def test_the_page_says_how_many_wait_and_until_when(viewer, mail):
    broadcast, _ = make_log(mail, ("sent", "pending", "pending"), status="SENDING", local_time=True)
    broadcast.messages.get().batches.update(state="done")
    now = timezone.now()
    for hours, row in enumerate(Delivery.objects.filter(status="pending"), start=1):
        Delivery.objects.filter(pk=row.pk).update(due_at=now + timedelta(hours=hours))
    client = sign_in(viewer.user)
    told = client.get(reverse("admin:broadcasts_broadcast_progress", args=[broadcast.pk])).json()
    assert told["waiting"].startswith("2 wait for their local time: the next ")
    assert told["left"] == ""
    assert told["waiting"] in client.get(change(broadcast)).content.decode()
