"""Every way of saying who, alone and together, and what of it cannot be."""

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from broadcasts.models import Broadcast
from tests.audience.people import attend, make_activity, make_earlier, make_segment
from tests.make import make_broadcast, make_contact

from .conftest import URL

ESTIMATE = f"{URL}estimate/"
WHO = {"subject": "Pool closed", "body": "Hello"}


@pytest.fixture
def people(club, mail, tracked):
    """Four people, of whom each way of asking names another one."""
    a, b, c, d = (make_contact(club, f"{name}@example.com", language=name * 2) for name in "abcd")
    activity = make_activity(club)
    attend(activity, a, "booked")
    attend(activity, b, "attended")
    now = timezone.now()
    earlier = make_earlier(mail, {c: {"sent_at": now, "opened_at": now}, d: {"sent_at": now - timedelta(days=9)}})
    return {
        "activity": {"activity": str(activity.uuid)},
        "booked": {"activity": str(activity.uuid), "attendance_status": "booked"},
        "segment": {"segments": [str(make_segment(club, "B", members=[b]).uuid)]},
        "contacts": {"contacts": [str(c.uuid)]},
        "addresses": {"addresses": ["mailto:d@example.com"]},
        "query": {"query": {"language": ["aa", "bb"]}},
        "everybody": {"send_to_all": True},
        "opened": {"retarget_of": str(earlier.uuid), "retarget_engagement": "opened"},
        "unless_sent": {"excluded_broadcasts": [str(earlier.uuid)]},
        "unless_sent_lately": {"excluded_broadcasts": [str(earlier.uuid)], "excluded_days": 7},
        "unless_b": {"excluded_segments": [str(make_segment(club, "Not B", members=[b]).uuid)]},
    }


@pytest.mark.parametrize(
    ("ways", "receive"),
    [
        (["activity"], "ab"),
        (["booked"], "a"),
        (["segment"], "b"),
        (["contacts"], "c"),
        (["addresses"], "d"),
        (["query"], "ab"),
        (["everybody"], "abcd"),
        (["opened"], "c"),
        (["query", "opened"], ""),
        (["booked", "segment", "contacts", "addresses"], "abcd"),
        (["everybody", "unless_b"], "acd"),
        (["everybody", "unless_sent"], "ab"),
        (["everybody", "unless_sent_lately", "unless_b"], "ad"),
    ],
)
def test_each_way_chooses_the_same_saved_and_estimated(api, people, ways, receive):
    asked = {name: value for way in ways for name, value in people[way].items()}
    made = api.post(URL, {**WHO, "query": {}, **asked}).json()
    assert "".join(email[0] for email in made["emails"]) == receive
    assert api.post(ESTIMATE, asked).json()["will_receive"] == len(receive)
    assert api.post(f"{URL}{made['uuid']}/estimate/").json()["will_receive"] == len(receive)


def test_what_is_excluded_is_read_back_and_taken_back(api, people):
    made = api.post(URL, {**WHO, **people["everybody"], **people["unless_sent_lately"]}).json()
    address = f"{URL}{made['uuid']}/"
    assert made["excluded_broadcasts"][0]["uuid"] == people["unless_sent"]["excluded_broadcasts"][0]
    assert made["excluded_days"] == 7
    emptied = api.patch(address, {"excluded_broadcasts": [], "excluded_days": None}).json()
    assert (emptied["excluded_broadcasts"], emptied["excluded_days"], len(emptied["emails"])) == ([], None, 4)


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"activity": str(uuid.uuid4())}, "activity"),
        ({"activity": "yoga"}, "activity"),
        ({"attendance_status": "booked"}, "attendance_status"),
        ({"attendance_status": "asleep"}, "attendance_status"),
        ({"retarget_engagement": "opened"}, "retarget_engagement"),
        ({"excluded_broadcasts": [str(uuid.uuid4())]}, "excluded_broadcasts"),
        ({"excluded_broadcasts": "all"}, "excluded_broadcasts"),
        ({"excluded_days": 7}, "excluded_days"),
        ({"excluded_days": 0}, "excluded_days"),
        ({"excluded_days": "a week"}, "excluded_days"),
    ],
)
@pytest.mark.parametrize("address", [URL, ESTIMATE])
def test_what_cannot_be_asked_is_told_by_field(api, mail, address, asked, field):
    answer = api.post(address, {**WHO, "query": {}, **asked})
    assert (answer.status_code, list(answer.json())) == (400, [field])
    assert not Broadcast.objects.exists()


@pytest.mark.parametrize("address", [URL, ESTIMATE])
def test_a_broadcast_of_others_is_not_there(api, elsewhere, mail, address):
    theirs = Broadcast.objects.create(organization=elsewhere, name="Theirs", status="SENT")
    for name, value in (("retarget_of", str(theirs.uuid)), ("excluded_broadcasts", [str(theirs.uuid)])):
        answer = api.post(address, {**WHO, "query": {}, "retarget_engagement": "sent", name: value})
        assert answer.status_code == 400
        assert "There is no broadcast" in str(answer.json()[name])


@pytest.mark.parametrize("address", [URL, ESTIMATE])
def test_a_draft_is_not_retargeted(api, mail, address):
    draft = make_broadcast(mail)
    answer = api.post(address, {**WHO, "retarget_of": str(draft.uuid), "retarget_engagement": "sent"})
    assert answer.status_code == 400
    assert "has not been sent yet" in str(answer.json()["retarget_of"])


def test_a_broadcast_neither_retargets_nor_excludes_itself(api, mail):
    draft = make_broadcast(mail)
    answer = api.patch(
        f"{URL}{draft.uuid}/",
        {
            "retarget_of": str(draft.uuid),
            "retarget_engagement": "sent",
            "excluded_broadcasts": [str(draft.uuid)],
        },
    )
    assert (answer.status_code, set(answer.json())) == (400, {"retarget_of", "excluded_broadcasts"})
