"""The published Python client of the API we are compatible with, against a running server."""

from datetime import UTC, date, datetime
from uuid import UUID, uuid4

import pytest
from waldur_api_client import AuthenticatedClient
from waldur_api_client.api.broadcast_messages import (
    broadcast_messages_count,
    broadcast_messages_create,
    broadcast_messages_destroy,
    broadcast_messages_list,
    broadcast_messages_partial_update,
    broadcast_messages_recipients_count,
    broadcast_messages_recipients_retrieve,
    broadcast_messages_retrieve,
    broadcast_messages_schedule,
    broadcast_messages_send,
    broadcast_messages_update,
)
from waldur_api_client.errors import UnexpectedStatus
from waldur_api_client.models.broadcast_message_field_enum import BroadcastMessageFieldEnum
from waldur_api_client.models.broadcast_message_o_enum import BroadcastMessageOEnum
from waldur_api_client.models.broadcast_message_request import BroadcastMessageRequest
from waldur_api_client.models.broadcast_message_state_enum import BroadcastMessageStateEnum
from waldur_api_client.models.patched_broadcast_message_request import PatchedBroadcastMessageRequest
from waldur_api_client.types import UNSET

from broadcasts.models import Broadcast, Member, Segment
from tests.make import make_broadcast, make_contact, make_contacts, make_token

State = BroadcastMessageStateEnum


@pytest.fixture
def waldur(live_server, admin, mail):
    with AuthenticatedClient(base_url=live_server.url, token=make_token(admin)) as client:
        yield client


def request(subject="Pool closed", body="Hello", query=None, **fields):
    return BroadcastMessageRequest(subject, body, {"all_users": True} if query is None else query, **fields)


@pytest.fixture
def create(waldur):
    return lambda **fields: broadcast_messages_create.sync(client=waldur, body=request(**fields))


def test_create_and_retrieve(waldur, create, admin):
    contact = make_contact(admin.organization)
    made = create(send_at=date(2030, 11, 25))
    assert isinstance(made.uuid, UUID)
    assert made.created.tzinfo is not None
    assert (made.subject, made.body, made.query) == ("Pool closed", "Hello", {"all_users": True})
    assert (made.state, made.send_at, made.emails) == (State.DRAFT, date(2030, 11, 25), [contact.email])
    assert made.author_full_name == admin.user.full_name
    assert broadcast_messages_retrieve.sync(made.uuid, client=waldur) == made


def test_create_as_existing_clients_choose_people(waldur, create, club):
    segment = Segment.objects.create(organization=club, name="Members", kind="static")
    made = create(query={"customers": [str(segment.uuid)], "offerings": []})
    assert made.query == {"customers": [{"name": "Members", "uuid": str(segment.uuid)}], "offerings": []}


def test_list_and_count(waldur, create, mail):
    for subject in ("b", "a", "c"):
        create(subject=subject)
    make_broadcast(mail, subject="a", status="SENT")
    listed = broadcast_messages_list.sync(
        client=waldur, o=[BroadcastMessageOEnum.SUBJECT, BroadcastMessageOEnum.VALUE_1]
    )
    assert [(one.subject, one.state) for one in listed][:2] == [("a", State.SENT), ("a", State.DRAFT)]
    assert broadcast_messages_count.sync(client=waldur) == 4
    assert broadcast_messages_count.sync(client=waldur, state=State.SENT) == 1
    assert len(broadcast_messages_list.sync(client=waldur, subject="A", page_size=1)) == 1


def test_every_state_is_one_the_client_knows(waldur, mail):
    for status in Broadcast.Status:
        make_broadcast(mail, status=status, scheduled_at=datetime(2040, 1, 1, tzinfo=UTC))
    listed = broadcast_messages_list.sync(client=waldur, page_size=100)
    assert {one.state for one in listed} == set(State)


def test_list_with_picked_fields(waldur, create):
    create()
    [one] = broadcast_messages_list.sync(client=waldur, field=[BroadcastMessageFieldEnum.SUBJECT])
    assert (one.subject, one.uuid, one.additional_properties) == ("Pool closed", UNSET, {})


def test_all_pages_are_followed(waldur, mail):
    Broadcast.objects.bulk_create(Broadcast(organization=mail.organization, name=f"{n}") for n in range(205))
    listed = broadcast_messages_list.sync_all(client=waldur, o=[BroadcastMessageOEnum.CREATED])
    assert len({one.uuid for one in listed}) == 205


def test_update(waldur, create):
    made = create(send_at=date(2030, 11, 25))
    put = broadcast_messages_update.sync(made.uuid, client=waldur, body=request(subject="Open", body="B", query={}))
    assert (put.subject, put.body, put.query, put.send_at) == ("Open", "B", {}, date(2030, 11, 25))


def test_partial_update(waldur, create):
    made = create()
    body = PatchedBroadcastMessageRequest(send_at=date(2030, 1, 2))
    patched = broadcast_messages_partial_update.sync(made.uuid, client=waldur, body=body)
    assert (patched.subject, patched.send_at) == (made.subject, date(2030, 1, 2))
    nothing = PatchedBroadcastMessageRequest()
    assert broadcast_messages_partial_update.sync(made.uuid, client=waldur, body=nothing) == patched


def test_recipients(waldur, club):
    make_contacts(club, 2)
    broadcast_messages_recipients_retrieve.sync(client=waldur)
    assert broadcast_messages_recipients_count.sync(client=waldur) == 0
    answer = waldur.get_httpx_client().get("/api/broadcast-messages/recipients/", params={"all_users": "true"})
    assert [(one["customers"], one["offerings"]) for one in answer.json()] == [([], [])] * 2


def test_schedule(waldur, create):
    make_day = create(send_at=date(2040, 1, 1))
    assert broadcast_messages_schedule.sync_detailed(make_day.uuid, client=waldur).status_code == 200
    assert broadcast_messages_retrieve.sync(make_day.uuid, client=waldur).state == State.SCHEDULED


def test_send(waldur, create, club):
    make_contact(club)
    made = create()
    assert broadcast_messages_send.sync_detailed(made.uuid, client=waldur).status_code == 200
    sent = broadcast_messages_retrieve.sync(made.uuid, client=waldur)
    assert sent.state in (State.SCHEDULED, State.SENT)
    assert sent.send_at is not None


def test_destroy(waldur, create):
    made = create()
    assert broadcast_messages_destroy.sync_detailed(made.uuid, client=waldur).status_code == 204
    assert broadcast_messages_count.sync(client=waldur) == 0


def refused(call, *args, **kwargs) -> tuple[int, bytes]:
    with pytest.raises(UnexpectedStatus) as error:
        call(*args, **kwargs)
    return error.value.status_code, error.value.content


def test_errors(waldur, create, mail):
    made = create(query={})
    status, content = refused(broadcast_messages_create.sync, client=waldur, body=request(query={"colour": 1}))
    assert (status, b"query.colour" in content) == (400, True)
    assert refused(broadcast_messages_retrieve.sync, uuid4(), client=waldur)[0] == 404
    assert refused(broadcast_messages_schedule.sync_detailed, made.uuid, client=waldur)[0] == 400
    assert refused(broadcast_messages_send.sync_detailed, made.uuid, client=waldur)[0] == 400
    sent = make_broadcast(mail, status="SENT")
    status, content = refused(broadcast_messages_destroy.sync_detailed, sent.uuid, client=waldur)
    assert (status, content) == (409, b'{"detail":"Valid states for operation: Draft, Scheduled."}')


def test_access(live_server, admin, mail):
    nobody = AuthenticatedClient(base_url=live_server.url, token="nonsense")
    assert refused(broadcast_messages_list.sync, client=nobody)[0] == 401
    left = AuthenticatedClient(base_url=live_server.url, token=make_token(admin), prefix="Bearer")
    assert broadcast_messages_list.sync(client=left) == []
    Member.objects.filter(pk=admin.pk).delete()
    assert refused(broadcast_messages_retrieve.sync, uuid4(), client=left)[0] == 403
