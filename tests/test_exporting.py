import json

import pytest
from django.utils import timezone

from broadcasts import consenting, tracking
from broadcasts.exporting import person_data, person_json
from broadcasts.models import (
    Activity,
    Attendance,
    Consent,
    ConsentChange,
    DeliveryAttempt,
    Inbound,
    Segment,
    SegmentMember,
)
from tests.make import make_broadcast, make_contact, make_delivery


@pytest.fixture
def joe(club):
    return make_contact(club, "joe@example.com", full_name="José", attributes={"plan": "pro"})


def test_a_persons_data_is_whole(joe, mail, club):
    delivery = make_delivery(make_broadcast(mail), joe)
    tracking.record(delivery, "opened", detail={"agent": "phone"})
    Inbound.objects.create(organization=club, channel=mail, contact=joe, text="Thank you")
    place = {"contact": joe, "medium": "email", "use_case": "marketing", "state": "granted"}
    Consent.objects.create(**place)
    ConsentChange.objects.create(**place, source="form", evidence={"wording": "Yes, please"})
    report = consenting.report_of(timezone.now(), "5.2.2", "mailbox full")
    consenting.suppress(club, "email", "joe@example.com", "soft_bounce", report=report)
    DeliveryAttempt.objects.create(delivery=delivery, number=1, words="450 busy")
    SegmentMember.objects.create(segment=Segment.objects.create(organization=club, name="Masters"), contact=joe)
    activity = Activity.objects.create(organization=club, name="Yoga")
    Attendance.objects.create(activity=activity, contact=joe, status="attended")
    data = json.loads("".join(person_json(joe)))
    assert data == person_data(joe)
    assert (data["profile"]["full_name"], data["attributes"]) == ("José", {"plan": "pro"})
    [copy] = data["deliveries"]
    assert (copy["broadcast"], copy["status"], copy["events"][0]["detail"]) == (
        *("Pool closed", "sent"),
        {"agent": "phone"},
    )
    assert copy["opened_at"].endswith("Z")
    assert data["consent_history"][0]["evidence"] == {"wording": "Yes, please"}
    assert [data[name][0]["state"] for name in ("consents",)] == ["granted"]
    assert (data["suppressions"][0]["reason"], data["suppressions"][0]["report"]) == ("soft_bounce", report)
    assert [(one["number"], one["words"]) for one in copy["tries"]] == [(1, "450 busy")]
    assert data["segments"][0]["name"] == "Masters"
    assert data["attendances"][0]["activity"]["name"] == "Yoga"
    assert data["replies"][0]["text"] == "Thank you"


def test_somebody_without_a_history_has_an_object_too(joe):
    assert json.loads("".join(person_json(joe)))["deliveries"] == []


def test_a_long_history_costs_queries_per_thousand_only(joe, mail, django_assert_max_num_queries):
    for _ in range(3):
        make_delivery(make_broadcast(mail), joe)
    with django_assert_max_num_queries(10):
        assert len(person_data(joe)["deliveries"]) == 3
