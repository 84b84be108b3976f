"""Writing again to those for whom a broadcast became something."""

import pytest
from django.utils import timezone

from broadcasts.models import Channel, Delivery, Message
from tests.audience.people import make_segment
from tests.make import make_broadcast, make_contact, make_delivery

from .conftest import URL, client_of


@pytest.fixture
def sent(club, mail):
    """Sent to joe, who opened it, and to ann, who did not; bob could not be reached."""
    broadcast = make_broadcast(mail, status="SENT", addresses=["mailto:joe@example.com"])
    for name, fields in (("joe", {"opened_at": timezone.now()}), ("ann", {}), ("bob", {"status": "failed"})):
        make_delivery(broadcast, make_contact(club, f"{name}@example.com"), **fields)
    return broadcast


@pytest.fixture
def retarget(api, sent):
    def post(client=api, broadcast=sent, **body):
        return client.post(f"{URL}{broadcast.uuid}/retarget/", body)

    return post


@pytest.mark.parametrize(
    ("engagement", "emails"),
    [("opened", ["joe"]), ("not_opened", ["ann"]), ("failed", ["bob"]), ("sent", ["ann", "joe"]), ("clicked", [])],
)
def test_a_retarget_is_a_linked_draft_to_them(retarget, sent, tracked, engagement, emails):
    answer = retarget(engagement=engagement)
    child = answer.json()
    assert answer.status_code == 201
    assert sorted(child["emails"]) == [f"{name}@example.com" for name in emails]
    assert (child["status"], child["origin"], child["parent"]["uuid"]) == ("DRAFT", "retarget", str(sent.uuid))
    assert (child["subject"], child["send_to_all"], child["addresses"]) == ("Pool closed", False, [])
    assert (child["retarget_of"]["uuid"], child["retarget_engagement"]) == (str(sent.uuid), engagement)


def test_what_else_is_given_is_written_into_the_draft(retarget, club, sent):
    segment = make_segment(club, "Ann", {"email": "ann@example.com"})
    child = retarget(engagement="sent", subject="Last call", segments=[str(segment.uuid)]).json()
    assert (child["subject"], child["body"], child["emails"]) == (
        "Last call",
        "Hello {{ contact.name }}",
        ["ann@example.com"],
    )


def test_what_is_wrong_makes_no_draft(retarget, sent):
    for body, field in (
        ({}, "engagement"),
        ({"engagement": "loved"}, "engagement"),
        ({"engagement": "sent", "subject": ""}, "subject"),
        ({"engagement": "sent", "query": {"favourite": 1}}, "query"),
        ({"engagement": "sent", "retarget_of": None}, "retarget_of"),
    ):
        answer = retarget(**body)
        assert (answer.status_code, list(answer.json())) == (400, [field])
    assert not sent.children.exists()


@pytest.mark.parametrize("engagement", ["opened", "not_opened", "clicked", "replied", "delivered"])
def test_what_its_channel_does_not_report_is_refused_with_the_reason(retarget, sent, engagement):
    answer = retarget(engagement=engagement)
    fact = engagement.removeprefix("not_")
    assert answer.status_code == 400
    [reason] = answer.json()["engagement"]
    assert f"is not measured: “Newsletter” (E-mail) does not report “{fact}”. Choose one of: sent, failed." in reason
    assert not sent.children.exists()


def test_a_draft_cannot_be_for_what_was_not_measured(api, sent):
    asked = {"retarget_of": str(sent.uuid), "retarget_engagement": "not_opened"}
    body = {"subject": "Again", "body": "Hello", **asked}
    for answer in (api.post(URL, body), api.post(f"{URL}estimate/", asked)):
        assert (answer.status_code, list(answer.json())) == (400, ["retarget_engagement"])
        assert "does not report “opened”" in str(answer.json())


def test_a_draft_from_before_is_not_sent_for_what_was_not_measured(api, mail, sent):
    draft = make_broadcast(mail, send_to_all=False, retarget_of=sent, retarget_engagement="not_opened")
    answer = api.post(f"{URL}{draft.uuid}/send/")
    assert (answer.status_code, list(answer.json())) == (400, ["retarget_engagement"])
    draft.refresh_from_db()
    assert draft.status == "DRAFT"


def test_who_did_not_open_is_asked_of_the_channels_that_tell(api, club, mail, sent, tracked):
    printer = Channel.objects.create(organization=club, name="Printer", kind="console")
    other = Message.objects.create(broadcast=sent, channel=printer, position=1)
    Delivery.objects.create(message=other, contact=make_contact(club), status="sent")
    child = api.post(f"{URL}{sent.uuid}/retarget/", {"engagement": "not_opened"}).json()
    assert child["emails"] == ["ann@example.com"]


def test_only_what_was_started_is_retargeted(retarget, mail):
    answer = retarget(broadcast=make_broadcast(mail), engagement="sent")
    assert answer.status_code == 409


def test_a_log_that_was_deleted_cannot_be_retargeted(retarget, sent):
    Delivery.objects.all().delete()
    answer = retarget(engagement="sent")
    assert answer.status_code == 409
    assert "log has been deleted" in answer.json()["detail"]


def test_authors_retarget_and_viewers_and_strangers_do_not(retarget, author, viewer, outsider):
    assert retarget(client_of(author), engagement="sent").status_code == 201
    assert retarget(client_of(viewer), engagement="sent").status_code == 403
    assert retarget(outsider, engagement="sent").status_code == 404


def test_a_copy_keeps_whom_it_excludes(api, sent, mail):
    earlier = make_broadcast(mail)
    sent.excluded_broadcasts.add(earlier)
    sent.excluded_days = 3
    sent.save()
    for action, body in (("duplicate", {}), ("retarget", {"engagement": "sent"})):
        child = api.post(f"{URL}{sent.uuid}/{action}/", body).json()
        assert [one["uuid"] for one in child["excluded_broadcasts"]] == [str(earlier.uuid)]
        assert child["excluded_days"] == 3
