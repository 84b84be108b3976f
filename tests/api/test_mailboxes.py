import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from broadcasts.models import AuditEntry, Channel, Mailbox
from tests.imap_server import ImapServer, refuse

from .conftest import client_of

URL = "/api/mailboxes/"


@pytest.fixture
def body(mail) -> dict:
    return {
        "name": "Bounces",
        "channel": str(mail.uuid),
        "host": "imap.example.org",
        "username": "bounces@club.example",
        "settings": {"password": "sword-fish"},
    }


OAUTH2 = {
    "sign_in": "oauth2",
    "settings": {
        "token_url": "https://oauth2.googleapis.com/token",
        "client_id": "our-id",
        "client_secret": "client-hush",
        "refresh_token": "refresh-hush",
    },
}


@pytest.fixture
def made(api, body) -> dict:
    answer = api.post(URL, body)
    assert answer.status_code == 201, answer.json()
    return answer.json()


@pytest.fixture
def path(made) -> str:
    return f"{URL}{made['uuid']}/"


def test_a_mailbox_is_added_and_its_password_never_shown(made, mail):
    assert list(made) == [
        *("uuid", "id", "created", "modified", "name", "channel", "host", "port", "security", "username"),
        *("sign_in", "settings", "secrets", "folder", "kept_in", "minutes", "is_active"),
        *("due_at", "checked_at", "taken", "failures", "last_error"),
    ]
    assert made["channel"] == {"uuid": str(mail.uuid), "name": "Newsletter"}
    assert (made["secrets"], made["settings"], made["security"], made["folder"]) == (["password"], {}, "tls", "INBOX")
    assert "sword-fish" not in str(made)
    assert Mailbox.objects.get().secrets == {"password": "sword-fish"}


def test_it_signs_in_by_oauth_2_without_showing_a_secret(api, body):
    answer = api.post(URL, {**body, **OAUTH2})
    assert answer.status_code == 201, answer.json()
    assert answer.json()["secrets"] == ["client_secret", "refresh_token"]
    assert answer.json()["settings"]["client_id"] == "our-id"
    assert "hush" not in answer.content.decode()


def test_it_needs_a_token_and_the_right_to_manage(api, author, viewer, body, path):
    api.credentials()
    assert api.get(URL).status_code == 401
    for client in (client_of(author), client_of(viewer)):
        assert client.post(URL, body).status_code == 403
        assert client.patch(path, {"name": "x"}).status_code == 403
        assert client.delete(path).status_code == 403
        assert client.post(f"{path}check/").status_code == 403
    assert len(client_of(viewer).get(URL).json()) == 1


def test_mailboxes_of_other_organizations_do_not_exist(outsider, path):
    assert outsider.get(URL).json() == []
    for answer in (outsider.get(path), outsider.patch(path, {"name": "x"}), outsider.delete(path)):
        assert answer.status_code == 404
    assert outsider.post(f"{path}check/").status_code == 404


def test_the_channel_of_another_organization_is_refused(outsider, body):
    answer = outsider.post(URL, body)
    assert (answer.status_code, list(answer.json())) == (400, ["channel"])
    assert not Mailbox.objects.exists()


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"name": ""}, "name", "blank"),
        ({"host": ""}, "host", "blank"),
        ({"host": "127.1"}, "host", "is a number and not a host"),
        ({"host": "169.254.169.254"}, "host", "link-local"),
        ({"host": "imap.example.org:993"}, "host", "The port has a field of its own"),
        ({"port": 70_000}, "port", "from 1 to 65535"),
        ({"security": "ssl"}, "security", "not a valid choice"),
        ({"username": "a\r\nb"}, "username", "Line breaks"),
        ({"folder": "IN\nBOX"}, "folder", "Line breaks"),
        ({"folder": "Bounces", "kept_in": "bounces"}, "kept_in", "choose another one"),
        ({"minutes": 0}, "minutes", "from 1 to 1,440"),
        ({"sign_in": "kerberos"}, "sign_in", "not a valid choice"),
        ({"settings": {}}, "settings", "password: This field is required."),
        ({"settings": {"password": "a\nb"}}, "settings", "Line breaks"),
        ({"settings": {"password": "a", "client_id": "b"}}, "settings", "client_id: unknown; accepted: password."),
        ({"sign_in": "oauth2", "settings": {"client_id": "a"}}, "settings", "token_url: This field is required."),
        ({"colour": 1}, "colour", "Unknown"),
    ],
)
def test_a_wrong_mailbox_is_refused_with_the_field(api, body, fields, field, words):
    answer = api.post(URL, {**body, **fields})
    assert (answer.status_code, list(answer.json())) == (400, [field])
    assert words in str(answer.json())


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"token_url": "http://tokens.example/token"}, "must begin with https://"),
        ({"token_url": "https://10.0.0.1/token"}, "a private network"),
        ({"refresh_token": "", "client_secret": ""}, "Give a refresh token, or a client secret"),
    ],
)
def test_wrong_settings_of_oauth_2_are_refused(api, body, values, words):
    answer = api.post(URL, {**body, "sign_in": "oauth2", "settings": {**OAUTH2["settings"], **values}})
    assert (answer.status_code, list(answer.json())) == (400, ["settings"])
    assert words in str(answer.json())


def test_only_a_channel_of_the_kind_e_mail_has_mailboxes(api, body, club):
    hook = Channel.objects.create(organization=club, name="Console", kind="console")
    answer = api.post(URL, {**body, "channel": str(hook.uuid)})
    assert (answer.status_code, list(answer.json())) == (400, ["channel"])


def test_a_folder_is_read_once(api, body, made):
    answer = api.post(URL, {**body, "name": "Again"})
    assert (answer.status_code, answer.json()) == (400, {"folder": ["This folder of this mailbox is read already."]})


def test_a_password_that_is_not_given_is_kept(api, body, path):
    assert api.patch(path, {"minutes": 5}).json()["minutes"] == 5
    body.pop("settings")
    assert api.put(path, {**body, "kept_in": "Read"}).status_code == 200
    assert Mailbox.objects.get().secrets == {"password": "sword-fish"}


@pytest.mark.parametrize(
    "fields", [{"host": "evil.example"}, {"port": 144}, {"security": "none"}, {"username": "another"}]
)
def test_a_password_does_not_follow_to_another_server_or_into_the_clear(api, path, fields):
    answer = api.patch(path, fields)
    assert (answer.status_code, list(answer.json())) == (400, ["settings"])
    assert api.patch(path, {**fields, "settings": {"password": "new"}}).status_code == 200
    assert Mailbox.objects.get().secrets == {"password": "new"}


def test_the_secrets_of_oauth_2_do_not_follow_to_another_token_url(api, body):
    made = api.post(URL, {**body, **OAUTH2}).json()
    path = f"{URL}{made['uuid']}/"
    answer = api.patch(path, {"settings": {"token_url": "https://evil.example/"}})
    assert (answer.status_code, list(answer.json())) == (400, ["settings"])
    assert api.patch(path, {"settings": {"scope": "mail"}}).json()["secrets"] == ["client_secret", "refresh_token"]


def test_another_way_to_sign_in_forgets_the_secrets_before(api, path):
    assert api.patch(path, OAUTH2).status_code == 200
    assert sorted(Mailbox.objects.get().secrets) == ["client_secret", "refresh_token"]


def test_a_change_leaves_what_a_worker_writes_meanwhile_and_has_it_read_at_once(api, path):
    Mailbox.objects.update(token=7, taken=70, failures=3, last_error="no", due_at="2030-01-01T00:00Z")
    changed = api.patch(path, {"settings": {"password": "new"}}).json()
    row = Mailbox.objects.get()
    assert (row.token, row.taken, row.failures, row.last_error) == (7, 70, 0, "")
    assert row.due_at <= timezone.now()
    assert changed["taken"] == 70


def test_what_workers_write_is_ignored(api, path):
    assert api.patch(path, {"taken": 5, "failures": 9}).json()["taken"] == 0


def test_a_check_signs_in_and_counts_the_mails(api, body):
    with ImapServer(mails=12) as server:
        fields = {"host": "127.0.0.1", "port": server.port, "security": "none"}
        made = api.post(URL, {**body, **fields}).json()
        answer = api.post(f"{URL}{made['uuid']}/check/")
    assert (answer.status_code, answer.json()) == (200, {"mails": 12})
    assert not any(line.startswith(("FETCH", "UID")) for line in server.heard)


def test_a_check_that_fails_says_why(api, body):
    with ImapServer({"LOGIN": refuse("[AUTHENTICATIONFAILED] Wrong: sword-fish")}) as server:
        fields = {"host": "127.0.0.1", "port": server.port, "security": "none"}
        made = api.post(URL, {**body, **fields}).json()
        answer = api.post(f"{URL}{made['uuid']}/check/")
    assert answer.status_code == 502
    assert "refused the sign-in: Wrong: ***. Check the username and the password." in answer.json()["detail"]


def test_failing_ones_can_be_listed(api, made):
    assert len(api.get(URL, {"failing": "true"}).json()) == 0
    Mailbox.objects.update(failures=2)
    assert len(api.get(URL, {"failing": "true"}).json()) == 1
    assert len(api.get(URL, {"channel": made["channel"]["uuid"], "failing": "false"}).json()) == 0


def test_a_deleted_mailbox_is_gone_and_the_audit_tells(api, path):
    assert api.delete(path).status_code == 204
    assert not Mailbox.objects.exists()
    assert list(AuditEntry.objects.order_by("pk").values_list("act", flat=True)) == ["create", "delete"]


def test_a_list_takes_no_query_more_for_more_mailboxes(api, made, mail):
    def queries():
        with CaptureQueriesContext(connection) as captured:
            assert api.get(URL).status_code == 200
        return len(captured)

    one = queries()
    for number in range(5):
        Mailbox.objects.create(channel=mail, name=f"M{number}", host="imap.example.org", username=f"u{number}")
    assert queries() == one
