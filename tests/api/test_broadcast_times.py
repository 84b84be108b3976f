"""When a broadcast is sent, as the API writes it: a day, a moment, the local time of each recipient."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from broadcasts import drafting
from broadcasts.models import Broadcast
from tests.make import make_broadcast

from .conftest import URL


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Tokyo"])
@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("send_at", "0001-01-01"), ("send_at", "9999-12-31")),
        *(("scheduled_at", "0001-01-01T00:00:00Z"), ("scheduled_at", "9999-12-31T23:59:59Z")),
        ("expires_at", "9999-12-31T23:59:59Z"),
    ],
)
def test_a_time_that_is_not_in_every_zones_calendar_is_refused(api, club, zone, field, value):
    club.time_zone = zone
    club.save()
    answer = api.post(URL, {"subject": "s", "body": "b", "query": {}, field: value})
    assert (answer.status_code, answer.json()) == (400, {field: ["This is too far away."]})
    assert api.get(URL).json() == []


def test_a_day_sets_the_send_hour_in_the_organizations_zone(api, club, draft):
    club.time_zone, club.default_send_hour = "Europe/Madrid", 8
    club.save()
    made = draft(send_at="2030-07-01")
    assert (made["scheduled_at"], made["send_at"]) == ("2030-07-01T06:00:00Z", "2030-07-01")


def test_a_day_that_it_has_already_keeps_the_hour(api, draft):
    made = draft(scheduled_at="2030-07-01T15:30:00Z")
    patched = api.patch(f"{URL}{made['uuid']}/", {"send_at": "2030-07-01"}).json()
    assert patched["scheduled_at"] == "2030-07-01T15:30:00Z"


def test_null_takes_the_time_of_a_draft_away_but_not_of_a_scheduled_one(api, mail):
    broadcast = make_broadcast(mail, scheduled_at=datetime(2040, 1, 1, tzinfo=UTC), status="SCHEDULED")
    path = f"{URL}{broadcast.uuid}/"
    assert list(api.patch(path, {"send_at": None}).json()) == ["send_at"]
    Broadcast.objects.update(status="DRAFT")
    assert api.patch(path, {"send_at": None}).json()["scheduled_at"] is None


def test_a_new_time_of_a_scheduled_one_is_when_it_is_due(api, mail):
    broadcast = make_broadcast(mail, scheduled_at=datetime(2040, 1, 1, tzinfo=UTC), status="SCHEDULED")
    assert api.patch(f"{URL}{broadcast.uuid}/", {"scheduled_at": "2041-01-01T00:00:00Z"}).status_code == 200
    broadcast.refresh_from_db()
    assert (broadcast.status, broadcast.due_from) == ("SCHEDULED", datetime(2041, 1, 1, tzinfo=UTC))


def test_a_clock_time_of_each_recipient_can_be_asked_for(api, draft):
    made = draft()
    assert (made["local_time"], made["ignore_quiet_hours"]) == (False, False)
    changed = api.patch(f"{URL}{made['uuid']}/", {"local_time": True, "ignore_quiet_hours": True})
    assert (changed.json()["local_time"], changed.json()["ignore_quiet_hours"]) == (True, True)


def test_local_time_without_a_time_is_not_sent(api, draft):
    uuid = draft(local_time=True)["uuid"]
    answer = api.post(f"{URL}{uuid}/send/")
    assert answer.status_code == 400
    assert "Set scheduled_at first" in str(answer.json())


def test_local_time_changed_while_it_is_scheduled_moves_when_it_begins(api, draft):
    moment = timezone.now() + timedelta(days=3)
    uuid = draft(scheduled_at=moment.isoformat())["uuid"]
    api.post(f"{URL}{uuid}/schedule/")
    assert api.patch(f"{URL}{uuid}/", {"local_time": True}).status_code == 200
    assert Broadcast.objects.get().due_from == moment - timedelta(hours=14)


@pytest.mark.parametrize("act", ["create", "change"])
def test_marketing_cannot_ignore_the_quiet_hours(api, draft, act):
    values = {"use_case": "marketing", "ignore_quiet_hours": True}
    if act == "change":
        answer = api.patch(f"{URL}{draft()['uuid']}/", values)
    else:
        answer = api.post(URL, {"subject": "Sale", "body": "Come!", "query": {"all_users": True}, **values})
    assert answer.status_code == 400
    assert answer.json() == {"ignore_quiet_hours": [drafting.QUIET_FOR_MARKETING]}
