"""`send/` with an undo window, and `undo/`."""

from datetime import timedelta

import pytest
from django.db.models.functions import Now

from broadcasts import sending
from broadcasts.models import AuditEntry, Broadcast
from tests.make import make_broadcast, make_contact

from .conftest import URL, client_of


@pytest.fixture
def broadcast(mail):
    make_contact(mail.organization)
    return make_broadcast(mail)


@pytest.fixture
def waiting(broadcast):
    sending.send(broadcast, undo_seconds=60)
    return broadcast


@pytest.fixture
def act(api):
    def post(broadcast, action, body=None, client=api):
        return client.post(f"{URL}{broadcast.uuid}/{action}/", body)

    return post


def test_sending_with_undo_seconds_schedules_it_and_tells_until_when(act, broadcast):
    answer = act(broadcast, "send", {"undo_seconds": 60})
    told = answer.json()
    assert answer.status_code == 200
    assert (told["status"], told["state"], told["started_at"]) == ("SCHEDULED", "SCHEDULED", None)
    assert told["undo_until"] == told["scheduled_at"] and told["undo_until"].endswith("Z")


@pytest.mark.parametrize("body", [None, {}, {"undo_seconds": 0}])
def test_without_undo_seconds_it_begins_at_once(act, broadcast, body):
    answer = act(broadcast, "send", body)
    assert (answer.json()["status"], answer.json()["undo_until"]) == ("SENDING", None)


def test_the_setting_of_the_organization_is_for_staff_alone(act, broadcast, club):
    assert club.undo_seconds == 60
    assert act(broadcast, "send").json()["status"] == "SENDING"


def test_the_broadcast_itself_may_be_sent_along(api, act, broadcast):
    body = api.get(f"{URL}{broadcast.uuid}/").json()
    assert act(broadcast, "send", body).json()["status"] == "SENDING"


@pytest.mark.parametrize("seconds", [-1, 3601, "soon", None, 1.5])
def test_other_undo_seconds_are_refused(act, broadcast, seconds):
    answer = act(broadcast, "send", {"undo_seconds": seconds})
    assert (answer.status_code, list(answer.json())) == (400, ["undo_seconds"])
    assert Broadcast.objects.get().status == "DRAFT"


def test_a_mistyped_key_sends_nothing(act, broadcast):
    answer = act(broadcast, "send", {"undo_second": 60})
    assert answer.json() == {"undo_second": ["Unknown; accepted: undo_seconds."]}
    assert Broadcast.objects.get().status == "DRAFT"


def test_undone_it_is_a_draft_again(act, waiting, sender):
    answer = act(waiting, "undo", client=client_of(sender))
    told = answer.json()
    assert (answer.status_code, told["status"], told["state"]) == (200, "DRAFT", "DRAFT")
    assert (told["undo_until"], told["scheduled_at"], told["send_at"]) == (None, None, None)
    assert AuditEntry.objects.get(act="undo").user == sender.user


def test_there_is_nothing_to_undo_in_another_state(act, broadcast):
    for action, words in ((None, "not waiting"), ("send", "pause or cancel it")):
        if action:
            act(broadcast, action)
        answer = act(broadcast, "undo")
        assert answer.status_code == 409 and words in answer.json()["detail"]


def test_undoing_needs_a_token(client, waiting):
    assert client.post(f"{URL}{waiting.uuid}/undo/").status_code == 401
    assert Broadcast.objects.get().is_undoable


def test_undoing_needs_the_right_to_send(act, waiting, author):
    assert act(waiting, "undo", client=client_of(author)).status_code == 403


def test_a_broadcast_of_another_organization_is_not_undone(act, waiting, stranger):
    assert act(waiting, "undo", client=client_of(stranger)).status_code == 404
    assert Broadcast.objects.get().is_undoable


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_it_is_neither_written_nor_deleted_within_its_window(api, waiting, method):
    answer = getattr(api, method)(f"{URL}{waiting.uuid}/", {"subject": "Other", "body": "B", "query": {}})
    assert answer.status_code == 409
    assert answer.json() == {"detail": "It is about to be sent. Stop that first, then change it."}


def test_sent_again_with_a_window_it_is_refused_and_without_one_it_begins(act, waiting):
    answer = act(waiting, "send", {"undo_seconds": 10})
    assert answer.status_code == 409 and "Stop that first" in answer.json()["detail"]
    assert act(waiting, "send").json()["status"] == "SENDING"


def test_scheduled_within_its_window_it_waits_for_that_time(act, waiting):
    assert act(waiting, "schedule").status_code == 400
    told = act(waiting, "schedule", {"scheduled_at": "2040-01-01T09:00:00Z"}).json()
    assert (told["status"], told["scheduled_at"], told["undo_until"]) == ("SCHEDULED", "2040-01-01T09:00:00Z", None)


def test_cancelled_or_unscheduled_within_its_window_it_does_not_begin(act, waiting, mail):
    assert act(waiting, "unschedule").json()["undo_until"] is None
    act(waiting, "send", {"undo_seconds": 60})
    told = act(waiting, "cancel").json()
    assert (told["status"], told["started_at"], told["undo_until"]) == ("CANCELLED", None, None)


def test_what_cannot_be_sent_is_refused_before_its_window(act, mail):
    answer = act(make_broadcast(mail, send_to_all=False), "send", {"undo_seconds": 60})
    assert answer.status_code == 400 and "matches nobody" in answer.json()["detail"]
    assert Broadcast.objects.values_list("status", "undo_until").get() == ("DRAFT", None)


def test_a_repeated_request_with_its_key_undoes_nothing_twice(api, waiting):
    path, key = f"{URL}{waiting.uuid}/undo/", {"HTTP_IDEMPOTENCY_KEY": "once"}
    assert [api.post(path, **key).status_code for _ in range(2)] == [200, 200]
    assert AuditEntry.objects.filter(act="undo").count() == 1


def test_the_window_ends_by_itself(act, waiting):
    Broadcast.objects.update(due_from=Now() - timedelta(seconds=1))
    sending.tick()
    assert act(waiting, "undo").status_code == 409
    assert Broadcast.objects.get().status == "SENDING"


def test_existing_clients_see_a_scheduled_one_in_their_lists(api, waiting):
    assert [row["state"] for row in api.get(f"{URL}?state=SCHEDULED").json()] == ["SCHEDULED"]
