"""A key that nobody knows is refused, so that a mistyped exclusion is no broadcast to everybody."""

import pytest

from broadcasts.models import Broadcast
from tests.audience.people import make_activity, make_segment
from tests.make import make_broadcast, make_contact

from .conftest import URL

DRAFT = {"subject": "Pool closed", "body": "Hello", "query": {"all_users": True}}


def refused(answer, key, *accepted):
    assert answer.status_code == 400, answer.content
    assert list(answer.json()) == [key]
    [told] = answer.json()[key]
    assert told.startswith("Unknown; accepted: ")
    assert set(accepted) <= set(told.removesuffix(".").removeprefix("Unknown; accepted: ").split(", "))
    return told


@pytest.mark.parametrize("key", ["segmnts", "exclude_segments", "emails"])
def test_an_audience_with_an_unknown_key_is_not_estimated(api, key):
    body = {"send_to_all": True, key: ["x"]}
    refused(api.post(f"{URL}estimate/", body), key, "excluded_segments", "segments", "expires_at")


def test_the_estimate_of_a_draft_takes_nothing(api, mail):
    draft = make_broadcast(mail)
    answer = api.post(f"{URL}{draft.uuid}/estimate/", {"exclude_segments": [1]})
    assert answer.json() == {"exclude_segments": ["Unknown; nothing is accepted here."]}


def test_a_broadcast_with_an_unknown_key_is_not_written(api, mail):
    told = refused(api.post(URL, {**DRAFT, "excluded_segment": ["x"]}), "excluded_segment", "excluded_segments")
    assert "counts" not in told  # which is shown only
    assert not Broadcast.objects.exists()
    path = f"{URL}{make_broadcast(mail).uuid}/"
    refused(api.put(path, {**DRAFT, "sendat": None}), "sendat", "send_at")
    refused(api.patch(path, {"sendat": None}), "sendat", "send_at")


def test_an_unknown_key_of_a_message_or_its_content_is_told_by_its_path(api):
    content = {"subject": "Pool closed", "text": "Hello", "htlm": "<p>"}
    body = {"query": {}, "messages": [{"translations": {"en": content}}]}
    assert "en.htlm: Unknown; accepted: subject, preheader, text, html" in str(api.post(URL, body).json()["messages"])
    body["messages"] = [{"translations": {"en": {"text": "Hello"}}, "chanel": None}]
    assert "0.chanel: Unknown; accepted: uuid, channel" in str(api.post(URL, body).json()["messages"])


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/contacts/", {"email": "joe@example.com"}),
        ("/api/segments/", {"name": "Members", "kind": "static"}),
        ("/api/consents/", {"state": "granted", "source": "form"}),
        ("/api/activities/", {"name": "Swimming"}),
        ("/api/attendances/", {}),
        ("/api/attributes/", {"key": "plan"}),
        ("/api/templates/", {"name": "News"}),
        ("/api/channels/", {"name": "News", "kind": "console"}),
        ("/api/suppressions/", {"address": "joe@example.com"}),
    ],
)
def test_every_resource_refuses_an_unknown_key(api, path, body):
    refused(api.post(path, {**body, "colour": "red"}), "colour", *body)


def test_actions_refuse_unknown_keys(api, club, mail):
    draft = make_broadcast(mail)
    refused(api.post(f"{URL}{draft.uuid}/schedule/", {"schedule_at": "2040-01-01"}), "schedule_at", "scheduled_at")
    sent = make_broadcast(mail, status="SENT")
    refused(api.post(f"{URL}{sent.uuid}/retarget/", {"engagement": "sent", "nmae": "x"}), "nmae", "name")
    refused(api.post(f"{URL}{sent.uuid}/test/", {"adresses": ["a@example.com"]}), "adresses", "addresses")
    segment = make_segment(club, "Members", members=[])
    refused(api.post(f"/api/segments/{segment.uuid}/members/", {"ad": []}), "ad", "add", "remove")
    places = api.post(f"/api/activities/{make_activity(club).uuid}/attendances/", [{"contact": "x", "sttaus": "y"}])
    assert "accepted: contact, status, at" in str(places.json())
    assert places.status_code == 400


def test_what_was_read_can_be_written_back(api, club, mail):
    contact = make_contact(club)
    for path in (
        f"{URL}{make_broadcast(mail).uuid}/",
        f"/api/contacts/{contact.uuid}/",
        f"/api/segments/{make_segment(club, 'Members', members=[contact]).uuid}/",
        f"/api/activities/{make_activity(club).uuid}/",
        f"/api/channels/{mail.uuid}/",
    ):
        answer = api.put(path, api.get(path).json())
        assert answer.status_code == 200, answer.json()


def test_an_audience_is_estimated_with_its_times(api, club):
    make_contact(club, time_zone="Pacific/Honolulu"), make_contact(club, time_zone="Asia/Tokyo")
    body = {"send_to_all": True, "scheduled_at": "2040-01-01T09:00:00Z", "expires_at": "2040-01-01T12:00:00Z"}
    assert api.post(f"{URL}estimate/", body).json()["skipped"] == {}
    assert api.post(f"{URL}estimate/", {**body, "local_time": True}).json()["skipped"] == {"expired": 1}
    body = {"send_to_all": True, "expires_at": "2020-01-01T00:00:00Z"}
    assert api.post(f"{URL}estimate/", body).json()["skipped"] == {"expired": 2}
    assert list(api.post(f"{URL}estimate/", {**body, "expires_at": "soon"}).json()) == ["expires_at"]


def test_the_former_name_of_medium_is_refused_by_its_name(api, club):
    refused(
        api.post("/api/suppressions/", {"address": "joe@example.com", "channel_kind": "sms"}), "channel_kind", "medium"
    )
    rules = {"consent": {"channel_kind": "email", "use_case": "marketing", "state": "granted"}}
    answer = api.post("/api/segments/", {"name": "Readers", "rules": rules})
    assert answer.status_code == 400 and "channel_kind" in str(answer.json()) and "medium" in str(answer.json())
