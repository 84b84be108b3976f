import json

import pytest

from broadcasts.models import Broadcast, Delivery, Segment, SegmentMember
from tests.make import make_broadcast, make_contact, make_contacts

from .conftest import URL, client_of

RECIPIENT = ["full_name", "email", "phone", "contact", "channel", "language", "customers", "offerings"]


@pytest.fixture
def act(api):
    def post(broadcast, action, body=None, client=api):
        return client.post(f"{URL}{broadcast.uuid}/{action}/", body)

    return post


def test_sending_starts_and_says_the_time(act, mail):
    make_contact(mail.organization)
    answer = act(make_broadcast(mail), "send")
    assert answer.status_code == 200
    assert (answer.json()["status"], answer.json()["state"]) == ("SENDING", "SCHEDULED")
    assert answer.json()["scheduled_at"] is not None


def test_sending_to_nobody_is_refused_and_changes_nothing(act, mail):
    broadcast = make_broadcast(mail, send_to_all=False)
    answer = act(broadcast, "send")
    assert answer.status_code == 400
    assert list(answer.json()) == ["detail"]
    broadcast.refresh_from_db()
    assert (broadcast.status, broadcast.scheduled_at) == ("DRAFT", None)


def test_scheduling_needs_a_time(act, mail):
    broadcast = make_broadcast(mail)
    assert act(broadcast, "schedule").status_code == 400
    answer = act(broadcast, "schedule", {"scheduled_at": "2040-01-01T09:00:00Z"})
    assert (answer.status_code, answer.json()["status"]) == (200, "SCHEDULED")
    assert answer.json()["scheduled_at"] == "2040-01-01T09:00:00Z"


@pytest.mark.parametrize("far", [{"scheduled_at": "9999-12-31T23:59:59Z"}, {"send_at": "0001-01-01"}])
def test_a_time_too_far_away_is_not_scheduled(act, mail, far):
    broadcast = make_broadcast(mail)
    answer = act(broadcast, "schedule", far)
    assert (answer.status_code, answer.json()) == (400, {key: ["This is too far away."] for key in far})


def test_an_action_takes_an_object_and_no_list(act, mail, mailoutbox):
    answer = act(make_broadcast(mail), "test", ["ann@example.com"])
    assert (answer.status_code, mailoutbox) == (400, [])


def test_scheduling_again_changes_the_time_or_nothing(act, mail):
    broadcast = make_broadcast(mail)
    act(broadcast, "schedule", {"send_at": "2040-01-01"})
    assert act(broadcast, "schedule").json()["send_at"] == "2040-01-01"
    assert act(broadcast, "schedule", {"send_at": "2040-02-02"}).json()["send_at"] == "2040-02-02"


def test_a_scheduled_one_is_made_a_draft_again(act, mail):
    broadcast = make_broadcast(mail)
    assert act(broadcast, "unschedule").status_code == 409
    act(broadcast, "schedule", {"send_at": "2040-01-01"})
    answer = act(broadcast, "unschedule")
    assert (answer.status_code, answer.json()["status"]) == (200, "DRAFT")


def test_a_scheduled_one_is_cancelled_and_reopened(act, mail):
    broadcast = make_broadcast(mail)
    assert act(broadcast, "reopen").status_code == 409
    act(broadcast, "schedule", {"send_at": "2040-01-01"})
    answer = act(broadcast, "cancel")
    assert (answer.status_code, answer.json()["status"], answer.json()["started_at"]) == (200, "CANCELLED", None)
    answer = act(broadcast, "reopen")
    assert (answer.status_code, answer.json()["status"], answer.json()["send_at"]) == (200, "DRAFT", "2040-01-01")


def test_one_that_began_is_not_reopened(act, mail):
    make_contact(mail.organization)
    broadcast = make_broadcast(mail)
    act(broadcast, "send")
    act(broadcast, "cancel")
    answer = act(broadcast, "reopen")
    assert (answer.status_code, "duplicate it" in answer.json()["detail"]) == (409, True)


def test_reopening_needs_the_right_to_send(act, mail, author):
    broadcast = make_broadcast(mail, status="CANCELLED")
    assert act(broadcast, "reopen", client=client_of(author)).status_code == 403


def test_pause_resume_and_cancel(act, mail):
    make_contact(mail.organization)
    broadcast = make_broadcast(mail)
    assert act(broadcast, "pause").status_code == 409
    act(broadcast, "send")
    seen = [act(broadcast, action).json()["status"] for action in ("pause", "resume", "cancel")]
    assert seen == ["PAUSED", "SENDING", "CANCELLED"]
    assert act(broadcast, "resume").status_code == 409


def test_a_duplicate_is_a_new_draft(act, mail):
    contact = make_contact(mail.organization)
    broadcast = make_broadcast(mail, status="SENT")
    answer = act(broadcast, "duplicate")
    assert answer.status_code == 201
    copy = answer.json()
    assert copy["uuid"] != str(broadcast.uuid)
    assert (copy["status"], copy["origin"], copy["parent"]["uuid"]) == ("DRAFT", "duplicate", str(broadcast.uuid))
    assert copy["emails"] == [contact.email]


def test_only_what_is_finished_is_retried(act, mail):
    assert act(make_broadcast(mail), "retry").status_code == 409


def test_a_retry_is_a_linked_child_on_its_way(act, mail):
    broadcast = make_broadcast(mail, status="SENT")
    message = broadcast.messages.get()
    contact = make_contact(mail.organization)
    Delivery.objects.create(message=message, contact=contact, address=contact.email, status="failed")
    answer = act(broadcast, "retry")
    assert answer.status_code == 201
    assert (answer.json()["status"], answer.json()["origin"]) == ("SENDING", "retry")


def test_a_test_goes_to_oneself_unless_told_otherwise(act, author, mail):
    broadcast = make_broadcast(mail)
    answer = act(broadcast, "test", client=client_of(author))
    assert answer.status_code == 200
    [tried] = answer.json()
    assert tried["address"] == author.user.email
    assert tried["error"]  # nothing listens there
    assert not Delivery.objects.exists()


def test_only_senders_test_to_others(act, author, mail):
    others = {"addresses": ["joe@example.com"]}
    assert act(make_broadcast(mail), "test", others, client=client_of(author)).status_code == 403


def test_a_test_goes_to_ten_at_most(act, mail):
    answer = act(make_broadcast(mail), "test", {"addresses": ["joe@example.com"] * 11})
    assert list(answer.json()) == ["addresses"]


def test_a_preview_renders_for_a_contact_in_a_language(act, mail):
    joe = make_contact(mail.organization, full_name="Joe")
    make_contact(mail.organization, full_name="Ann")
    broadcast = make_broadcast(mail, translations={"es": {"subject": "Cerrado", "text": "Hola {{ contact.name }}"}})
    first = act(broadcast, "preview").json()
    assert (first["subject"], first["language"], first["contact"]) == ("Pool closed", "en", str(joe.uuid))
    assert first["address"] == joe.email
    spanish = act(broadcast, "preview", {"language": "es", "channel": str(mail.uuid)}).json()
    assert spanish["text"].startswith("Hola Joe")


def test_a_preview_in_expressions_tells_what_is_wrong_with_them(act, mail):
    make_contact(mail.organization, full_name="Ana")
    broadcast = make_broadcast(mail, subject="Hi @contact.name", body="Hi @contact.nme|", syntax="expressions")
    told = act(broadcast, "preview").json()
    assert (told["subject"], told["text"]) == ("Hi Ana", "Hi |")
    assert told["warnings"] == ["en.text: line 1, column 13: contact.nme is not known; did you mean contact.name?"]


def test_a_preview_needs_somebody(act, mail):
    answer = act(make_broadcast(mail, send_to_all=False), "preview")
    assert (answer.status_code, list(answer.json())) == (400, ["contact"])


def test_a_draft_is_estimated(act, mail):
    make_contacts(mail.organization, 2)
    make_contact(mail.organization, email="")
    assert act(make_broadcast(mail), "estimate").json() == {
        "matched": 3,
        "will_receive": 2,
        "skipped": {"no_address": 1},
        "per_channel": {"Newsletter": 2},
        "per_language": {"en": 2},
        "expected_duration_seconds": None,
        "cost": None,
        "fallback_per_channel": {},
        "slowed_by": [],
    }


def test_an_audience_is_estimated_before_it_is_saved(api, club):
    people = make_contacts(club, 3)
    segment = Segment.objects.create(organization=club, name="Members", kind="static")
    SegmentMember.objects.create(segment=segment, contact=people[0])
    body = {"contacts": [str(person.uuid) for person in people[:2]], "excluded_segments": [str(segment.uuid)]}
    found = api.post(f"{URL}estimate/", body).json()
    assert (found["matched"], found["will_receive"], found["skipped"]) == (2, 1, {"excluded": 1})


def test_a_wrong_audience_is_not_estimated(api):
    assert list(api.post(f"{URL}estimate/", {"query": {"colour": 1}}).json()) == ["query"]
    assert list(api.post(f"{URL}estimate/", {"addresses": ["joe"]}).json()) == ["addresses"]


def test_recipients_without_parameters_are_nobody(api, club):
    make_contact(club)
    answer = api.get(f"{URL}recipients/")
    assert (answer.json(), answer["X-Result-Count"]) == ([], "0")


def test_recipients_are_those_who_will_receive_it_by_name(api, club):
    zoe, ann = make_contact(club, full_name="Zoe"), make_contact(club, full_name="Ann")
    make_contact(club, email="")
    answer = api.get(f"{URL}recipients/", {"all_users": "true"})
    assert answer["X-Result-Count"] == "2"
    assert [row["contact"] for row in answer.json()] == [str(ann.uuid), str(zoe.uuid)]
    assert list(answer.json()[0]) == RECIPIENT
    assert (answer.json()[0]["customers"], answer.json()[0]["offerings"]) == ([], [])
    assert api.head(f"{URL}recipients/", {"all_users": "true"})["X-Result-Count"] == "2"


def test_recipients_take_filters_segments_and_a_query(api, club):
    spanish, other = make_contact(club, language="es"), make_contact(club, language="en")
    segment = Segment.objects.create(organization=club, name="Members", kind="static")
    SegmentMember.objects.create(segment=segment, contact=other)

    def people(**asked):
        return {row["contact"] for row in api.get(f"{URL}recipients/", {**asked, "field": "contact"}).json()}

    assert people(language="es") == {str(spanish.uuid)}
    assert people(segment=str(segment.uuid)) == people(customers=str(segment.uuid)) == {str(other.uuid)}
    assert people(query=json.dumps({"language": ["es", "en"]})) == {str(spanish.uuid), str(other.uuid)}


@pytest.mark.parametrize("asked", [{"colour": "red"}, {"query": "{"}, {"query": "[]"}, {"segment": "x"}])
def test_a_wrong_audience_has_no_recipients(api, asked):
    answer = api.get(f"{URL}recipients/", asked)
    assert (answer.status_code, list(answer.json())) == (400, ["query"])


def test_the_emails_of_a_broadcast_are_its_recipients(api, club, draft):
    make_contacts(club, 3)
    make_contact(club, status="blocked")
    listed = api.get(f"{URL}recipients/", {"all_users": "true"}).json()
    assert draft()["emails"] == sorted(row["email"] for row in listed)
    assert Broadcast.objects.get().audience_preview


def test_a_test_in_chosen_languages_with_the_values_of_a_chosen_contact(act, mail, server, club):
    broadcast = make_broadcast(mail, translations={"es": {"subject": "Cerrado", "text": "Hola {{ contact.name }}"}})
    joe = make_contact(club, "joe@example.com", full_name="Joe")
    body = {"addresses": ["ann@example.com"], "languages": ["es"], "contact": str(joe.uuid)}
    assert act(broadcast, "test", body).json() == [{"address": "ann@example.com", "error": None}]
    assert [(one.subject, one.text) for one in server.received] == [("[Test] Cerrado", "Hola Joe")]


def test_a_test_with_the_values_of_a_stranger_is_refused(act, mail, server, elsewhere):
    body = {"addresses": ["ann@example.com"], "contact": str(make_contact(elsewhere).uuid)}
    assert act(make_broadcast(mail), "test", body).status_code == 400
    assert server.received == []
