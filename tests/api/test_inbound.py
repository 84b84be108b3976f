"""The inbox by API: read only."""

import pytest
from rest_framework.test import APIClient

from broadcasts.links import delivery_token
from broadcasts.models import Inbound
from tests.make import make_broadcast, make_contact, make_delivery

from .conftest import client_of

URL = "/api/inbound/"


@pytest.fixture
def reply(mail):
    joe = make_contact(mail.organization, full_name="Joe")
    copy = make_delivery(make_broadcast(mail), joe)
    fields = {"contact": joe, "delivery": copy, "broadcast": copy.message.broadcast, "address": "34600111222"}
    return Inbound.objects.create(
        organization=mail.organization, channel=mail, text="Yes", payload={"id": "r1"}, provider_id="r1", **fields
    )


def test_a_reply_tells_whose_it_is_and_what_it_answers(api, reply):
    [row] = api.get(URL).json()
    assert (row["text"], row["address"], row["payload"]) == ("Yes", "34600111222", {"id": "r1"})
    assert row["contact"] == {"uuid": str(reply.contact.uuid), "name": "Joe"}
    assert (row["broadcast"]["name"], row["delivery"]) == ("Pool closed", delivery_token(reply.delivery_id))
    assert api.get(f"{URL}{reply.uuid}/").json() == row


def test_replies_are_filtered(api, reply, mail):
    Inbound.objects.create(organization=mail.organization, text="Hm", address="1")
    for asked in ({"contact": reply.contact.uuid}, {"channel": mail.uuid}, {"broadcast": reply.broadcast.uuid}):
        assert [row["text"] for row in api.get(URL, asked).json()] == ["Yes"]
    assert [row["text"] for row in api.get(URL, {"address": "1"}).json()] == ["Hm"]
    assert api.get(URL, {"created_before": "2020-01-01T00:00:00Z"}).json() == []


def test_a_wrong_filter_is_400_and_names_it(api):
    assert list(api.get(URL, {"contact": "joe"}).json()) == ["contact"]


def test_replies_need_a_token_are_hidden_from_others_and_not_written(api, outsider, viewer, reply):
    assert APIClient().get(URL).status_code == 401
    assert outsider.get(URL).json() == []
    assert outsider.get(f"{URL}{reply.uuid}/").status_code == 404
    assert client_of(viewer).get(URL).status_code == 200
    assert api.post(URL, {"text": "x"}).status_code == 405


def test_a_list_takes_the_same_queries_whatever_its_length(api, reply, mail, django_assert_max_num_queries):
    for _ in range(8):
        contact = make_contact(mail.organization)
        Inbound.objects.create(organization=mail.organization, channel=mail, contact=contact)
    with django_assert_max_num_queries(5):
        assert len(api.get(URL).json()) == 9
