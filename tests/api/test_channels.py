import pytest
from django.test import Client

from broadcasts.models import Channel
from tests.make import make_broadcast

from .conftest import client_of

URL = "/api/channels/"
BODY = {
    "name": "Second",
    "kind": "email",
    "from_address": "second@club.example",
    "settings": {"host": "smtp.example.com", "port": 587, "security": "starttls", "username": "u", "password": "pw"},
}


def test_a_channel_is_added_and_its_secret_never_shown(api):
    answer = api.post(URL, BODY)
    assert answer.status_code == 201, answer.json()
    made = answer.json()
    assert list(made) == [
        *("uuid", "id", "created", "modified", "name", "kind", "settings", "secrets", "from_name", "from_address"),
        *("reply_to", "address_field", "is_active", "is_default", "rate", "burst", "domain_rates", "ramp"),
        *("track_opens", "track_clicks", "keeps_answers"),
        *("health", "last_error", "last_error_at", "backoff_until", "resting_until", "resting_reason"),
        "callback_url",
        "callback_kept_until",
        "people_told",
        *("slowed_to", "slowed_until", "slowed_why"),
    ]
    assert made["secrets"] == ["password"]
    assert "pw" not in str(made)
    assert Channel.objects.get(name="Second").secrets == {"password": "pw"}


def test_a_secret_that_is_not_given_is_kept(api):
    made = api.post(URL, BODY).json()
    path = f"{URL}{made['uuid']}/"
    changed = api.patch(path, {"settings": {"timeout": 7}}).json()
    assert (changed["settings"]["timeout"], changed["settings"]["host"]) == (7, "smtp.example.com")
    assert api.put(path, {**BODY, "settings": made["settings"]}).status_code == 200
    assert Channel.objects.get(name="Second").secrets == {"password": "pw"}


def test_a_secret_does_not_follow_to_another_server(api):
    made = api.post(URL, BODY).json()
    answer = api.patch(f"{URL}{made['uuid']}/", {"settings": {"host": "evil.example.com"}})
    assert (answer.status_code, list(answer.json())) == (400, ["settings"])


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": "NEWSLETTER"}, "name"),
        ({"kind": "pigeon"}, "kind"),
        ({"settings": {"host": "x", "colour": "red"}}, "settings"),
        ({"settings": {"port": "x"}}, "settings"),
        ({"from_address": ""}, "from_address"),
        ({"address_field": "phone"}, "address_field"),
        ({"address_field": "whatsapp_id"}, "address_field"),
        ({"from_name": "a\r\nBcc: x"}, "from_name"),
        ({"is_default": True}, "name"),
        ({"rate": -1}, "rate"),
        ({"domain_rates": []}, "domain_rates"),
        ({"domain_rates": {"gmail": 5}}, "domain_rates"),
        ({"domain_rates": {"gmail.com": 0}}, "domain_rates"),
        ({"domain_rates": {"gmail.com": "5"}}, "domain_rates"),
        ({"ramp": {"start": 0, "growth": 1.5}}, "ramp"),
        ({"ramp": {"start": 200, "growth": 0.5}}, "ramp"),
        ({"ramp": {"start": 200}}, "ramp"),
        ({"ramp": {"start": 200, "growth": 2, "since": "soon"}}, "ramp"),
        ({"ramp": {"start": 200, "growth": 2, "end": 5}}, "ramp"),
        ({"ramp": {"start": 200, "growth": 2, "held": -1}}, "ramp"),
        ({"ramp": {"start": 200, "growth": 2, "held": 1, "held_on": "today"}}, "ramp"),
    ],
)
def test_wrong_channels_are_refused(api, fields, field):
    answer = api.post(URL, {**BODY, **fields})
    assert answer.status_code == 400
    assert field in answer.json()


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"host": "127.1"}, "host: “127.1” is a number and not a host"),
        ({"host": "169.254.169.254"}, "host: “169.254.169.254” leads to a link-local address"),
        ({"host": "::ffff:10.0.0.1"}, "a private network"),
        ({"host": ""}, "host: A host of its own is needed"),
        ({"backend": "unittest.__main__"}, "offers no backend “unittest.__main__”"),
    ],
)
def test_what_a_channel_may_not_reach_or_import_is_refused(api, values, words):
    answer = api.post(URL, {**BODY, "settings": {**BODY["settings"], **values}})
    assert answer.status_code == 400
    assert words in str(answer.json()["settings"])
    assert not Channel.objects.filter(name="Second").exists()


def test_a_backend_is_chosen_by_its_label(api, settings):
    settings.EMAIL_BACKENDS = {"Memory": "django.core.mail.backends.locmem.EmailBackend"}
    made = api.post(URL, {**BODY, "settings": {"backend": "Memory"}})
    assert (made.status_code, made.json()["settings"]["backend"]) == (201, "Memory")


def test_an_e_mail_service_is_chosen_from_our_list_and_its_key_is_never_shown(api):
    body = {**BODY, "kind": "email_service", "settings": {"service": "postmark", "api_key": "t0ken"}}
    made = api.post(URL, body)
    assert made.status_code == 201, made.json()
    assert (made.json()["settings"]["service"], made.json()["secrets"]) == ("postmark", ["api_key"])
    assert "t0ken" not in made.content.decode()
    answer = api.patch(f"{URL}{made.json()['uuid']}/", {"settings": {"service": "resend"}})
    assert answer.json() == {"settings": ["api_key: Resend needs it."]}  # the key of one is not shown to another


def test_limits_are_written_and_shown(api):
    made = api.post(URL, {**BODY, "domain_rates": {"GMail.com": 20, "*": 0.5}, "ramp": {"start": 200, "growth": 1.5}})
    assert made.status_code == 201, made.json()
    assert made.json()["domain_rates"] == {"gmail.com": 20, "*": 0.5}
    assert set(made.json()["ramp"]) == {"start", "growth", "since"}
    path = f"{URL}{made.json()['uuid']}/"
    assert api.patch(path, {"ramp": {}}).json()["ramp"] == {}


def test_a_wrong_limit_says_what_would_be_right(api):
    answer = api.post(URL, {**BODY, "domain_rates": {"gmail.com": -1}})
    assert answer.json() == {"domain_rates": ["“gmail.com”: give messages per second, from 0.001 to 100,000."]}


def test_the_kind_of_a_channel_stays(api, mail):
    assert list(api.patch(f"{URL}{mail.uuid}/", {"kind": "console"}).json()) == ["kind"]


def test_a_channel_in_use_is_not_deleted(api, mail):
    broadcast = make_broadcast(mail)
    answer = api.delete(f"{URL}{mail.uuid}/")
    assert answer.status_code == 409
    assert "in use" in answer.json()["detail"]
    broadcast.delete()
    assert api.delete(f"{URL}{mail.uuid}/").status_code == 204


def test_the_callback_address_is_told_to_who_may_manage_only(admin, sender, viewer, club):
    channel = Channel.objects.create(organization=club, name="Texts", kind="sms", settings={"preset": "infobip"})
    readers = client_of(admin), client_of(admin, ["read"]), client_of(sender), client_of(viewer)
    told = [one.get(f"{URL}{channel.uuid}/").json()["callback_url"] for one in readers]
    assert told == [channel.callback_url, "", "", ""] and told[0]
    assert not any(one["callback_url"] for one in readers[1].get(URL).json())


def test_only_admins_write_channels(sender, viewer, mail):
    assert client_of(viewer).get(f"{URL}{mail.uuid}/").status_code == 200
    assert client_of(sender).post(URL, BODY).status_code == 403
    assert client_of(sender).delete(f"{URL}{mail.uuid}/").status_code == 403


def test_channels_of_others_are_404(outsider, mail):
    for method in ("get", "patch", "delete"):
        assert getattr(outsider, method)(f"{URL}{mail.uuid}/", {}).status_code == 404
    assert outsider.get(URL).json() == []


def test_channels_are_listed_in_few_queries(api, mail, club, django_assert_max_num_queries):
    for n in range(5):
        Channel.objects.create(organization=club, name=f"{n}", kind="console")
    with django_assert_max_num_queries(5):
        assert len(api.get(URL).json()) == 6
    assert [row["name"] for row in api.get(URL, {"kind": "email"}).json()] == ["Newsletter"]


def test_a_callback_address_is_changed_by_who_may_manage(admin, sender, club):
    channel = Channel.objects.create(organization=club, name="Texts", kind="sms", settings={"preset": "infobip"})
    old, url = channel.callback_url, f"{URL}{channel.uuid}/rotate-callback/"
    assert client_of(sender).post(url, {}).status_code == 403
    told = client_of(admin).post(url, {"keep_old": True}).json()
    channel.refresh_from_db()
    assert told["callback_url"] == channel.callback_url != old
    assert told["callback_kept_until"]
    assert client_of(admin).post(url, {"keep_old": False}).json()["callback_kept_until"] is None


def test_only_a_channel_of_ones_own_with_a_callback_address_changes_it(api, mail, elsewhere):
    theirs = Channel.objects.create(organization=elsewhere, name="Texts", kind="sms", settings={"preset": "infobip"})
    assert api.post(f"{URL}{theirs.uuid}/rotate-callback/", {}).status_code == 404
    assert api.post(f"{URL}{mail.uuid}/rotate-callback/", {}).status_code == 409
    assert Client().post(f"{URL}{theirs.uuid}/rotate-callback/").status_code == 401
