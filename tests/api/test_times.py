"""Times in the API: none that has passed, and every one as it was meant."""

from datetime import timedelta

import pytest
from django.utils import timezone

from broadcasts.models import Broadcast, Contact
from tests.make import make_broadcast

from .conftest import URL

NEW = {"subject": "s", "body": "b", "query": {"all_users": True}}
PASSED = "1 Jan 2020, 09:00 Europe/Madrid has passed: choose a time that is still to come."


@pytest.fixture(autouse=True)
def in_madrid(club):
    club.time_zone = "Europe/Madrid"
    club.save()


@pytest.mark.parametrize("field", ["scheduled_at", "expires_at"])
@pytest.mark.parametrize("value", ["2020-01-01T09:00", "2020-01-01T08:00:00Z", "2020-01-01T13:45:00+05:45"])
def test_a_time_that_has_passed_is_refused_at_every_door(api, mail, field, value):
    path = f"{URL}{make_broadcast(mail).uuid}/"
    answers = [api.post(URL, {**NEW, field: value}), api.put(path, {**NEW, field: value})]
    answers.append(api.patch(path, {field: value}))
    if field == "scheduled_at":
        answers.append(api.post(f"{path}schedule/", {field: value}))
    assert [(one.status_code, one.json()) for one in answers] == [(400, {field: [PASSED]})] * len(answers)
    assert Broadcast.objects.values_list("status", field).get() == ("DRAFT", None)


def test_it_is_refused_in_a_retarget_too(api, mail):
    broadcast = make_broadcast(mail, status="SENT")
    body = {"engagement": "sent", "scheduled_at": "2020-01-01T09:00"}
    assert api.post(f"{URL}{broadcast.uuid}/retarget/", body).json() == {"scheduled_at": [PASSED]}
    assert Broadcast.objects.count() == 1


def test_a_day_may_be_today_and_none_before(api, draft, club):
    club.default_send_hour = 0
    club.save()
    today = timezone.localdate(timezone=club.zone)
    made = draft(send_at=today.isoformat())
    before = {"send_at": (today - timedelta(days=1)).isoformat()}
    path = f"{URL}{made['uuid']}/"
    for answer in (api.post(URL, {**NEW, **before}), api.patch(path, before), api.post(f"{path}schedule/", before)):
        assert (answer.status_code, list(answer.json())) == (400, ["send_at"])
    scheduled = api.post(f"{path}schedule/")
    assert (scheduled.status_code, scheduled.json()["status"]) == (200, "SCHEDULED")


def test_a_stored_time_that_has_passed_is_no_hindrance_to_a_change_of_something_else(api, mail):
    old = timezone.now() - timedelta(days=3)
    broadcast = make_broadcast(mail, scheduled_at=old, expires_at=old + timedelta(days=1))
    path = f"{URL}{broadcast.uuid}/"
    read = api.get(path).json()
    whole = {name: read[name] for name in ("body", "query", "send_to_all", "send_at", "scheduled_at", "expires_at")}
    for answer in (api.patch(path, {"subject": "New"}), api.put(path, {**whole, "subject": "Newer"})):
        assert answer.status_code == 200, answer.json()
    assert answer.json()["scheduled_at"] == read["scheduled_at"]
    assert "has passed" in str(api.post(f"{path}schedule/").json()["scheduled_at"])


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("2030-07-01T09:00", "2030-07-01T07:00:00Z"),
        ("2030-01-01T09:00:00", "2030-01-01T08:00:00Z"),
        ("2030-01-01", "2029-12-31T23:00:00Z"),
        ("2030-07-01T09:00:00Z", "2030-07-01T09:00:00Z"),
        ("2030-07-01T09:00:00-23:59", "2030-07-02T08:59:00Z"),
        ("2030-03-31T02:30", "2030-03-31T01:30:00Z"),  # left out: the clocks go from 2:00 to 3:00
        ("2030-10-27T02:30", "2030-10-27T00:30:00Z"),  # the first of two
        ("2030-10-27T02:30+01:00", "2030-10-27T01:30:00Z"),
    ],
)
def test_a_time_without_a_zone_is_meant_in_the_organizations(draft, given, meant):
    assert draft(scheduled_at=given)["scheduled_at"] == meant


@pytest.mark.parametrize(
    "given",
    [
        *("0001-01-01T00:00", "0001-01-01T00:00+14:00", "9999-12-31T23:59", "9999-12-31T23:59-12:00"),
        *("2030-12-31T23:59:60Z", "2030-02-30T00:00", "2030-01-01T25:00", "2030-01-01T09:00+25:00"),
        *("99999-01-01T00:00", "-2030-01-01T00:00", "tomorrow", "", "\x00", 20300101, True, ["2030-01-01"], {}),
    ],
)
@pytest.mark.parametrize("field", ["scheduled_at", "expires_at"])
def test_what_is_no_time_is_refused_in_words(api, mail, field, given):
    path = f"{URL}{make_broadcast(mail).uuid}/"
    answers = [api.post(URL, {**NEW, field: given}), api.patch(path, {field: given})]
    if field == "scheduled_at":
        answers.append(api.post(f"{path}schedule/", {field: given}))
    assert {answer.status_code for answer in answers} == {400}
    assert all(field in answer.json() or "detail" in answer.json() for answer in answers)


def test_tests_say_whom_they_refused_and_why(api, mail, club):
    Contact.objects.create(organization=club, email="joe@example.com", status="blocked")
    broadcast = make_broadcast(mail)
    answer = api.post(f"{URL}{broadcast.uuid}/test/", {"addresses": ["joe@example.com", "ann@example.com"]})
    refused, tried = answer.json()
    assert refused["address"] == "joe@example.com"
    assert refused["error"] == "No test was sent to joe@example.com: contact is blocked or archived."
    assert (tried["address"], answer.status_code) == ("ann@example.com", 200)


@pytest.mark.parametrize("status", ["suspended", "off"])
def test_a_suspended_organization_or_a_channel_that_is_off_sends_no_test(api, mail, club, status, mailoutbox):
    broadcast = make_broadcast(mail)
    club.status, mail.is_active = ("suspended", True) if status == "suspended" else ("active", False)
    club.save()
    mail.save()
    answer = api.post(f"{URL}{broadcast.uuid}/test/", {})
    assert (answer.status_code, list(answer.json()), mailoutbox) == (400, ["detail"], [])
