"""Templates that a provider stores: synced, read, and filled in by the parameters of messages."""

import pytest

from broadcasts.models import AuditEntry, Channel, Template
from tests.cloud_api import CloudApi, template
from tests.make import make_member

from . import conftest

URL = "/api/templates/"


@pytest.fixture
def cloud():
    with CloudApi() as cloud:
        yield cloud


@pytest.fixture
def channel(api, cloud):
    body = {"name": "WhatsApp", "kind": "whatsapp", "settings": cloud.settings}
    made = api.post("/api/channels/", body)
    assert made.status_code == 201, made.json()
    return made.json()


@pytest.fixture
def sync_url(channel):
    return f"/api/channels/{channel['uuid']}/sync-templates/"


@pytest.fixture
def offer(api, cloud, sync_url):
    cloud.templates.append(template("offer", "en_US"))
    assert api.post(sync_url).json() == {"templates": 1, "languages": 1, "changed": 1, "removed": 0}
    return api.get(URL).json()[0]


def test_a_channel_shows_which_secrets_are_set_and_none_of_them(channel):
    assert channel["secrets"] == ["access_token", "app_secret", "verify_token"]
    assert "EAAtoken" not in str(channel)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"api_url": "http://10.0.0.1/v23.0"}, "api_url: “10.0.0.1” leads to a private network"),
        (
            {"api_url": "graph.facebook.com"},
            "api_url: “graph.facebook.com” is no address to call; give one such as https://graph.facebook.com/",
        ),
        ({"phone_number_id": "+1 555 0100"}, "phone_number_id: This is an id"),
        ({"access_token": "a b"}, "access_token: A token has ASCII letters"),
    ],
)
def test_wrong_settings_are_named(api, cloud, settings, words):
    body = {"name": "WhatsApp", "kind": "whatsapp", "settings": {**cloud.settings, **settings}}
    answer = api.post("/api/channels/", body)
    assert answer.status_code == 400
    assert words in str(answer.json()["settings"])


def test_secrets_are_asked_for_again_where_they_would_be_sent_elsewhere(api, channel):
    answer = api.patch(f"/api/channels/{channel['uuid']}/", {"settings": {"api_url": "https://gateway.example/v1"}})
    assert "access_token: This field is required." in str(answer.json())


def test_a_synced_template_tells_its_state_and_what_it_takes(offer, channel):
    assert (offer["name"], offer["channel"]["uuid"]) == ("offer", channel["uuid"])
    [stored] = offer["stored"]
    assert (stored["language"], stored["tag"], stored["status"]) == ("en-US", "en_US", "APPROVED")
    assert stored["structure"]["body"]["parameters"] == ["1"]


def test_the_audit_tells_who_synced(offer, admin):
    assert AuditEntry.objects.get(act="sync templates").user == admin.user


def test_it_is_not_written_here(api, offer, channel):
    answer = api.patch(f"{URL}{offer['uuid']}/", {"translations": {"en": {"text": "Mine"}}})
    assert (answer.status_code, list(answer.json())) == (400, ["channel"])
    body = {"name": "mine", "medium": "whatsapp", "channel": channel["uuid"], "translations": {"en": {"text": "Hi"}}}
    assert list(api.post(URL, body).json()) == ["channel"]


def test_templates_are_found_by_their_channel(api, offer, channel, mail):
    assert api.get(f"{URL}?channel={channel['uuid']}").json()[0]["uuid"] == offer["uuid"]
    assert api.get(f"{URL}?channel={mail.uuid}").json() == []


def test_syncing_needs_a_token_that_may_write_and_a_channel_of_ones_own(client, club, outsider, sync_url):
    assert client.post(sync_url).status_code == 401
    assert outsider.post(sync_url).status_code == 404
    assert conftest.client_of(make_member(club, "viewer")).post(sync_url).status_code == 403


def test_a_provider_that_refuses_is_a_502_that_says_why(api, channel, sync_url):
    Channel.objects.filter(kind="whatsapp").update(secrets={"access_token": "old"})
    answer = api.post(sync_url)
    assert answer.status_code == 502
    assert "access token is wrong, has expired" in answer.json()["detail"]


def test_a_channel_without_stored_templates_cannot_be_synced(api, mail):
    assert list(api.post(f"/api/channels/{mail.uuid}/sync-templates/").json()) == ["kind"]


def test_a_message_has_parameters_of_all_languages_and_of_one(api, offer):
    translations = {"en-US": {"parameters": {"body": ["{{ contact.name }}"]}}}
    message = {"template": offer["uuid"], "parameters": {"body": ["you"]}, "translations": translations}
    made = api.post(conftest.URL, {"query": {}, "messages": [message]})
    assert made.status_code == 201, made.json()
    [shown] = made.json()["messages"]
    assert (shown["channel"]["kind"], made.json()["base_language"]) == ("whatsapp", "en-US")
    assert shown["translations"]["en-US"]["parameters"] == {"body": ["{{ contact.name }}"]}


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"body": ["a", "b"]}, "The template has 1 parameter; given: 2"),
        ({"body": ["a\0"]}, "Null characters are not allowed"),
        ({"body": ["{{ nobody.name }}"]}, "nobody is not known"),
    ],
)
def test_wrong_parameters_are_refused_and_named(api, offer, parameters, words):
    message = {"template": offer["uuid"], "parameters": parameters, "translations": {"en-US": {}}}
    answer = api.post(conftest.URL, {"query": {}, "messages": [message]})
    assert answer.status_code == 400
    assert words in str(answer.json()["messages"])


def test_a_template_in_use_stays_when_the_provider_removes_it(api, offer, cloud, sync_url):
    cloud.templates.clear()
    assert api.post(sync_url).json()["removed"] == 1
    assert Template.objects.get().translations.get().removed_at
