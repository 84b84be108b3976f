"""Counting the segments of an SMS, and what they cost, by the API."""

import pytest

from broadcasts.models import Channel
from tests.make import make_broadcast, make_contact

URL = "/api/sms/count/"


@pytest.fixture
def texts(club):
    channel = Channel(organization=club, name="Texts", kind="sms")
    settings = {"preset": "other", "base_url": "https://sms.example.org", "secret_key": "x"}
    channel.configure({**settings, "price_per_segment": "0.045", "currency": "EUR"})
    channel.save()
    return channel


def test_a_text_is_counted_and_shown_without_what_makes_it_longer(api):
    told = api.post(URL, {"text": "“Hi” " * 20}).json()
    assert (told["encoding"], told["units"], told["segments"], told["others"]) == ("ucs2", 100, 2, "“”")
    assert (told["plain"], told["plain_segments"]) == ('"Hi" ' * 20, 1)


def test_spaces_at_the_ends_count(api):
    assert api.post(URL, {"text": " a \n"}).json()["units"] == 4


def test_counting_needs_a_token_and_a_text(api, client):
    assert client.post(URL, {"text": "a"}).status_code == 401
    assert api.post(URL, {}).status_code == 400
    assert api.post(URL, {"text": "a" * 20_001}).status_code == 400
    assert api.post(URL, {"text": "a", "txt": "b"}).status_code == 400


def test_the_estimate_tells_the_cost(api, club, texts):
    make_contact(club, phone="+34600000001")
    broadcast = make_broadcast(texts, body="a" * 161)
    told = api.post(f"/api/broadcast-messages/{broadcast.uuid}/estimate/").json()
    assert told["cost"] == {"segments": 2, "amounts": {"EUR": "0.090000"}}


def test_a_preview_tells_the_segments(api, club, texts, mail):
    contact = make_contact(club, phone="+34600000001")
    for channel, segments in ((texts, 2), (mail, None)):
        broadcast = make_broadcast(channel, body="a" * 161)
        url = f"/api/broadcast-messages/{broadcast.uuid}/preview/"
        assert api.post(url, {"contact": str(contact.uuid)}).json()["segments"] == segments


def test_a_channel_of_each_kind_is_made_and_its_faults_are_told(api):
    given = {"name": "Texts", "kind": "sms", "settings": {"preset": "twilio", "account": "AC1", "secret_key": "x"}}
    made = api.post("/api/channels/", given)
    assert made.status_code == 201 and made.json()["secrets"] == ["secret_key"]
    wrong = api.post("/api/channels/", {"name": "Hook", "kind": "webhook", "settings": {"url": "http://10.0.0.1/"}})
    assert wrong.status_code == 400
    assert "url: “10.0.0.1” leads to a private network" in str(wrong.json())
