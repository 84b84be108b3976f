"""Sending domains: findings, keys and their records; never a private key."""

import pytest

from broadcasts import inspecting
from broadcasts.models import SendingDomain, SigningKey
from tests.make import make_checked_domain

from .conftest import client_of

pytestmark = pytest.mark.one_database

URL = "/api/sending-domains/"


@pytest.fixture
def domain(mail) -> SendingDomain:
    return make_checked_domain(mail)


@pytest.fixture
def url(domain) -> str:
    return f"{URL}{domain.uuid}/"


def test_the_domains_of_channels_are_listed_by_themselves(api):
    [row] = api.get(URL).json()
    assert (row["name"], row["checked_at"], row["findings"], row["keys"]) == ("club.example", None, [], [])
    assert row["due_at"]


def test_a_saved_channel_makes_its_domain(api, club):
    settings = {"host": "127.0.0.1", "security": "none"}
    body = {"name": "New", "kind": "email", "from_address": "a@News.Example", "settings": settings}
    assert api.post("/api/channels/", body).status_code == 201
    assert club.sending_domains.filter(name="news.example").exists()


def test_more_domains_take_no_more_queries(api, club, domain, django_assert_num_queries):
    for n in range(3):
        inspecting.make_key(domain, "ed25519", f"k{n}")
    api.get(URL)
    with django_assert_num_queries(7) as few:
        api.get(URL)
    for n in range(5):
        one = SendingDomain.objects.create(organization=club, name=f"d{n}.example")
        inspecting.make_key(one, "ed25519")
    with django_assert_num_queries(len(few)):
        assert len(api.get(URL).json()) == 6


def test_findings_are_shown_as_the_last_check_left_them(api, mail, url):
    found = {"subject": "spf", "level": "warning", "text": "None.", "host": "club.example", "record": "v=spf1 ~all"}
    make_checked_domain(mail, found)
    assert api.get(url).json()["findings"] == [{**found, "key": ""}]


def test_a_domain_is_added_in_idna_and_deleted(api, club):
    made = api.post(URL, {"name": "Bücher.Example"})
    assert (made.status_code, made.json()["name"]) == (201, "xn--bcher-kva.example")
    assert club.sending_domains.get(name="xn--bcher-kva.example").due_at
    assert api.delete(f"{URL}{made.json()['uuid']}/").status_code == 204


@pytest.mark.parametrize("name", ["", "localhost", "a b.example", "x" * 300, "127.0.0.1", "a\x00.example", "../etc"])
def test_what_is_no_domain_is_refused(api, name):
    assert api.post(URL, {"name": name}).status_code == 400


def test_a_domain_is_there_once(api, domain):
    answer = api.post(URL, {"name": "CLUB.example"})
    assert (answer.status_code, list(answer.json())) == (400, ["name"])


def test_domains_are_limited(api, monkeypatch, domain):
    monkeypatch.setattr("broadcasts.inspecting.domains.MOST_DOMAINS", 1)
    assert api.post(URL, {"name": "more.example"}).status_code == 400


def test_a_check_is_asked_for(api, domain, url):
    answer = api.post(f"{url}check/")
    assert answer.status_code == 202 and answer.json()["due_at"]


def test_a_key_is_made_with_its_record_and_without_its_secret(api, domain, url):
    answer = api.post(f"{url}keys/", {"algorithm": "rsa", "selector": "one"})
    made = answer.json()
    assert answer.status_code == 201
    assert made["host"] == "one._domainkey.club.example"
    assert made["record"] == "".join(made["strings"]) and len(made["strings"]) == 2
    assert (made["is_active"], made["is_published"]) == (False, False)
    key = SigningKey.objects.get()
    private = key.secret["private"].splitlines()[1]
    for shown in (answer, api.get(url), api.get(URL)):
        assert private not in shown.content.decode() and "PRIVATE" not in shown.content.decode()


def test_a_key_is_activated_once_its_record_was_seen_or_regardless(api, mail, url):
    key = api.post(f"{url}keys/", {"algorithm": "ed25519"}).json()
    at = f"{url}keys/{key['uuid']}/"
    assert api.post(f"{at}activate/").status_code == 409
    make_checked_domain(mail, {"subject": "dkim", "level": "good", "text": "", "key": key["uuid"]})
    assert api.post(f"{at}activate/").json()["is_active"]
    assert api.post(f"{at}activate/").status_code == 409
    assert api.delete(at).status_code == 409 and api.delete(url).status_code == 409
    assert not api.post(f"{at}retire/").json()["is_active"]
    assert api.post(f"{at}retire/").status_code == 409
    make_checked_domain(mail)
    assert api.post(f"{at}activate/", {"unseen": True}).json()["is_active"]
    api.post(f"{at}retire/")
    assert api.delete(at).status_code == 204 and api.delete(url).status_code == 204


@pytest.mark.parametrize(
    "body", [{"algorithm": "dsa"}, {"selector": "a b"}, {"selector": "x" * 64}, {"secret": {"private": "x"}}, [1]]
)
def test_a_wrong_key_is_refused(api, url, body):
    assert api.post(f"{url}keys/", body).status_code == 400


def test_keys_are_found_only_under_their_own_domain(api, club, domain, url):
    other = SendingDomain.objects.create(organization=club, name="other.example")
    key = inspecting.make_key(other, "ed25519")
    assert api.post(f"{url}keys/{key.uuid}/activate/", {"unseen": True}).status_code == 404
    assert api.delete(f"{url}keys/x/").status_code == 404


def test_other_organizations_see_and_touch_nothing(outsider, domain, url):
    key = inspecting.make_key(domain, "ed25519")
    assert outsider.get(URL).json() == []
    assert outsider.get(url).status_code == outsider.delete(url).status_code == 404
    for path in ("check/", "keys/", f"keys/{key.uuid}/activate/", f"keys/{key.uuid}/retire/"):
        assert outsider.post(f"{url}{path}", {}).status_code == 404, path


def test_it_needs_a_token_and_the_role_for_channels(client, author, admin, domain, url):
    assert client.get(URL).status_code == 401
    for weak in (client_of(author), client_of(admin, ("read", "write", "send"))):
        assert weak.get(url).status_code == 200
        for path in ("check/", "keys/"):
            assert weak.post(f"{url}{path}", {}).status_code == 403
        assert weak.post(URL, {"name": "b.example"}).status_code == weak.delete(url).status_code == 403
