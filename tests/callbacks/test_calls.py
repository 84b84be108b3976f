"""What providers call back, through the one address that each channel has."""

import hmac
import json
from urllib.parse import urlsplit
from uuid import UUID

import pytest
from django.test import Client

from broadcasts import links, throttling
from broadcasts.models import Channel, DeliveryEvent, Inbound, ProviderRef, StoredCall
from broadcasts.public import callbacks
from broadcasts.transports import Transport
from tests.callbacks.pigeons import NOON, Calls, Pigeons, delivered, reply
from tests.make import make_broadcast, make_delivery, path_of


def test_what_happened_to_a_copy_becomes_its_fact(call, delivery):
    response = call(delivered("p1"))
    delivery.refresh_from_db()
    assert (response.status_code, response.content) == (200, b"")
    assert delivery.delivered_at == NOON


def test_a_call_twice_is_told_once(call, delivery):
    for _ in range(2):
        assert call(delivered("p1", "p1")).status_code == 200
    assert DeliveryEvent.objects.count() == 1
    assert delivery.message.batches.get().delivered == 1


def test_a_call_needs_no_session_and_leaves_none(call, delivery, django_assert_max_num_queries, settings):
    settings.CALLBACK_MB_PER_HOUR = 0  # its allowance is taken now and then only
    with django_assert_max_num_queries(10):
        response = call(delivered("p1"), apply=False)
    assert not response.cookies
    assert "Cookie" not in response.get("Vary", "")


def test_a_challenge_is_answered(channel, settings):
    path = f"{path_of(channel)}?challenge=4711"
    signature = hmac.new(b"coo", f"{settings.BASE_URL}{path}".encode(), "sha256").hexdigest()
    response = Client().get(path, headers={"X-Signature": signature})
    assert (response.status_code, response.content) == (200, b"4711")
    assert response["Content-Type"].startswith("text/plain")


# Who may call


@pytest.mark.parametrize("headers", [{"X-Signature": "00"}, {"X-Signature": "ö"}])
def test_a_bad_signature_is_refused_without_a_reason(call, delivery, headers):
    response = call(delivered("p1"), **headers)
    delivery.refresh_from_db()
    assert (response.status_code, response.content) == (401, b"Unauthorized.")
    assert delivery.delivered_at is None


def test_no_signature_at_all_is_refused_alike(channel):
    response = Client().post(path_of(channel), b"{}", "application/json")
    assert (response.status_code, response.content) == (401, b"Unauthorized.")


def test_a_kind_that_checks_no_signature_takes_no_calls(call, delivery, monkeypatch):
    monkeypatch.setattr(Pigeons, "verify", Transport.verify)
    assert call(delivered("p1")).status_code == 401


def test_a_channel_that_is_not_there_and_one_that_has_no_callbacks_are_not_found(mail, channel):
    for uuid in (mail.uuid, UUID("0190c7a2-0000-7000-8000-000000000000")):
        path = urlsplit(links.callback_url(uuid)).path
        assert Client().post(path, b"{}", "application/json").status_code == 404


@pytest.mark.parametrize("key", ["", "guessed/", "gu%C3%A9ssed/"])
def test_the_uuid_of_a_channel_does_not_tell_its_address(channel, key, monkeypatch):
    monkeypatch.setattr(Pigeons, "verify", lambda transport, call: True)
    assert Client().post(path_of(channel), b"{}", "application/json").status_code == 200
    assert Client().post(f"/callbacks/{channel.uuid}/{key}", b"{}", "application/json").status_code == 404


def test_the_address_of_another_channel_is_of_no_use(channel, mail):
    path = path_of(channel).replace(str(channel.uuid), str(mail.uuid))
    assert links.callback_key(channel.uuid) in path
    assert Client().post(path, b"{}", "application/json").status_code == 404


def test_another_channels_secret_and_another_channels_copies_are_of_no_use(call, delivery, elsewhere, settings):
    other = Channel.objects.create(organization=elsewhere, name="Ours", kind="pigeons", secrets={"secret": "gull"})
    assert call(delivered("p1"), secret="gull").status_code == 401
    assert Calls(other, settings)(delivered("p1"), secret="gull").status_code == 200
    assert not DeliveryEvent.objects.exists()


def test_calls_are_limited_for_each_channel(call, delivery, settings):
    settings.CALLBACKS_PER_HOUR = 2
    assert [call(delivered("p1")).status_code for _ in range(3)] == [200, 200, 429]
    response = call(delivered("p1"))
    assert 0 < int(response["Retry-After"]) <= throttling.WINDOW


def test_the_bytes_of_calls_are_limited_for_each_organization(call, delivery, settings):
    settings.CALLBACK_MB_PER_HOUR = 1
    large = {**delivered("p1"), "padding": "x" * 600_000}
    assert [call(large).status_code for _ in range(4)] == [200, 200, 429, 429]
    response = call(delivered("p1"))
    assert response.status_code == 429 and 0 < int(response["Retry-After"]) <= throttling.WINDOW


# What may be told


def test_too_large_a_call_is_refused_unread(call, delivery, monkeypatch):
    monkeypatch.setattr(callbacks, "LARGEST", 100)
    assert call(body=b"x" * 101).status_code == 413
    assert call(body=json.dumps(delivered("p1")).encode()).status_code == 200


def test_a_call_that_tells_too_much_is_refused(call, delivery, monkeypatch):
    monkeypatch.setattr(callbacks, "MOST", 2)
    assert call(delivered("p1", "p1", "p1")).status_code == 413
    assert call(delivered("p1", "p1")).status_code == 200


def test_a_length_that_is_no_number_is_nothing_to_stumble_over(channel):
    response = Client().post(path_of(channel), b"{}", "application/json", CONTENT_LENGTH="1e9")
    assert response.status_code == 401


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 100_000, b"[]", b'{"events": [{}]}'])
def test_a_call_that_cannot_be_read_is_a_bad_request(call, delivery, body):
    assert call(body=body).status_code == 400


# Other accounts of the same provider


@pytest.fixture
def second(channel):
    """Another number of the club, whose provider signs with the same secret."""
    settings, secrets = {"account": "2"}, {"secret": "coo"}
    return Channel.objects.create(
        organization=channel.organization, name="Second", kind="pigeons", settings=settings, secrets=secrets
    )


def test_a_call_is_for_the_channel_whose_account_it_names(call, second):
    theirs = make_delivery(make_broadcast(second))
    ProviderRef.objects.create(delivery=theirs, channel=second, provider_id="p1")
    call({"events": [{"id": "p1", "type": "delivered", "account": "2"}], "replies": reply(account="2")["replies"]})
    theirs.refresh_from_db()
    assert theirs.delivered_at == NOON
    assert Inbound.objects.get().channel == second


def test_a_channel_with_another_secret_and_one_of_another_organization_are_not_meant(call, second, elsewhere):
    Channel.objects.filter(pk=second.pk).update(organization=elsewhere)
    call(reply(account="2"))
    Channel.objects.filter(pk=second.pk).update(organization=call.channel.organization)
    second.secrets = {"secret": "gull"}
    second.organization = call.channel.organization
    second.save()
    call(reply(account="2"))
    assert not Inbound.objects.exists() and not StoredCall.objects.exists()
