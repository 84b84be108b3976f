"""Scheduling on the page of a broadcast: the time that is asked for, and how it is understood."""

from datetime import timedelta

import pytest
from django.utils import timezone

from broadcasts.models import Broadcast, Organization

from .conftest import accept_warnings, address, confirm, messages_of, sign_in


def test_scheduling_takes_a_time_in_the_organizations_zone(sender, draft):
    organization = draft.organization
    organization.time_zone = "Europe/Madrid"
    organization.save()
    response = confirm(sign_in(sender.user), draft, "schedule", at_0="2030-07-01", at_1="09:00")
    draft.refresh_from_db()
    assert draft.status == "SCHEDULED"
    assert draft.scheduled_at.isoformat() == "2030-07-01T07:00:00+00:00"
    assert "is scheduled for 1 Jul 2030, 09:00 Europe/Madrid" in messages_of(response)


@pytest.mark.parametrize(
    ("clock", "understood"),
    [
        (("2030-03-31", "02:30"), "31 Mar 2030, 03:30 Europe/Madrid"),  # left out: the clocks go forward
        (("2030-10-27", "02:30"), "27 Oct 2030, 02:30 Europe/Madrid (UTC+02:00)"),  # the first of two
    ],
)
def test_a_time_where_the_clocks_change_is_taken_and_told_as_it_was_understood(sender, draft, clock, understood):
    Organization.objects.update(time_zone="Europe/Madrid")
    response = confirm(sign_in(sender.user), draft, "schedule", at_0=clock[0], at_1=clock[1])
    assert f"is scheduled for {understood}, in " in messages_of(response)


@pytest.mark.parametrize("day", ["2020-01-01", "0001-01-01", "9999-12-31"])
def test_a_time_that_has_passed_or_is_out_of_reach_is_an_error_at_its_field(sender, draft, day):
    Organization.objects.update(time_zone="Europe/Madrid")
    response = confirm(sign_in(sender.user), draft, "schedule", at_0=day, at_1="09:00")
    told = "1 Jan 2020, 09:00 Europe/Madrid has passed: choose a time that is still to come."
    assert response.context["form"].errors["at"] == [told if day == "2020-01-01" else "This is too far away."]
    assert Broadcast.objects.values_list("status", "scheduled_at").get() == ("DRAFT", None)


def test_the_send_hour_of_today_is_scheduled_as_it_is_stored_and_not_when_it_is_typed(sender, draft):
    now = timezone.now()
    hour = now.replace(hour=0, minute=0, second=0, microsecond=0)
    Organization.objects.update(default_send_hour=0)
    client = sign_in(sender.user)
    typed = {"at_0": f"{hour:%Y-%m-%d}", "at_1": "00:00:00"}
    refused = confirm(client, draft, "schedule", **typed).context["form"].errors.get("at", [])
    assert bool(refused) == (now - hour > timedelta(minutes=5))
    Broadcast.objects.update(scheduled_at=hour, status="DRAFT")
    confirm(client, draft, "schedule", **typed)
    assert Broadcast.objects.get().status == "SCHEDULED"


def test_the_check_is_asked_for_the_time_that_is_typed(sender, draft):
    Organization.objects.update(quiet_hours={"email": ["21:00", "08:00"]})
    client = sign_in(sender.user)
    response = confirm(client, draft, "schedule", at_0="2030-07-01", at_1="03:00")
    assert [line.name for line in response.context["form"].open_lines] == ["quiet_hours"]
    assert 'value="Schedule"' in response.content.decode()  # another time settles it
    assert Broadcast.objects.get().status == "DRAFT"
    confirm(client, draft, "schedule", at_0="2030-07-01", at_1="12:00")
    assert Broadcast.objects.get().status == "SCHEDULED"


def test_a_time_that_has_passed_does_not_keep_from_choosing_another(sender, draft):
    accept_warnings(draft)
    Broadcast.objects.update(scheduled_at="2020-01-01T09:00Z")
    client = sign_in(sender.user)
    asked = client.get(address(draft, "schedule"))
    assert 'value="Schedule"' in asked.content.decode()
    shown = {field.name: field.value() for field in asked.context["form"].hidden_fields()}
    client.post(address(draft, "schedule"), {**shown, "at_0": "2030-07-01", "at_1": "12:00"})
    assert Broadcast.objects.get().status == "SCHEDULED"


def test_scheduling_without_a_time_says_what_is_missing(sender, draft):
    response = sign_in(sender.user).post(address(draft, "schedule"), {})
    assert response.context["form"].errors["at"]
