import pytest

from broadcasts import noting, telling, tracking
from broadcasts.models import EventCall, EventSubscription, IdempotencyKey
from tests.make import make_broadcast, make_delivery
from tests.telling.receiver import EventReceiver

from .conftest import client_of

URL = "/api/subscriptions/"
BODY = {"name": "Shop", "url": "https://shop.example/events", "types": ["opened", "sent"]}
SINCE = {"since": "2026-01-01T00:00:00Z"}


@pytest.fixture
def made(api) -> dict:
    answer = api.post(URL, BODY)
    assert answer.status_code == 201, answer.json()
    return answer.json()


@pytest.fixture
def path(made) -> str:
    return f"{URL}{made['uuid']}/"


@pytest.fixture
def call(made, mail) -> EventCall:
    """An ended one."""
    noting.forget()
    tracking.record(make_delivery(make_broadcast(mail)), "opened")
    telling.rounds.sort_notes(float("inf"))
    EventCall.objects.update(state="succeeded", due_at=None, status_code=200, duration_ms=5)
    return EventCall.objects.get()


def test_one_is_added_and_its_secret_shown_once(api, made, path, admin):
    assert made["secret"].startswith("whsec_")
    assert made["types"] == ["sent", "opened"]
    assert api.get(path).json()["secret"] == ""
    row = EventSubscription.objects.get()
    assert (row.secrets, row.created_by) == ({"signing_secret": made["secret"]}, admin.user)


def test_a_repeated_request_is_not_given_the_secret(api):
    key = {"HTTP_IDEMPOTENCY_KEY": "once"}
    first, again = (api.post(URL, BODY, **key).json() for _ in range(2))
    assert (first["secret"] != "", again) == (True, {**first, "secret": ""})
    assert first["secret"] not in str(IdempotencyKey.objects.values_list("body", flat=True))


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"url": "http://169.254.169.254/"}, "url", "link-local"),
        ({"url": "ftp://shop.example"}, "url", "no address to call; give one such as https://example.org/events"),
        ({"types": []}, "types", "may not be empty"),
        ({"types": ["seen"]}, "types", "“seen” is unknown; accepted: sent, failed"),
        ({"name": ""}, "name", "blank"),
        ({"secret": "mine", "colour": 1}, "colour", "Unknown"),
    ],
)
def test_bad_input_is_refused_by_field(api, fields, field, words):
    answer = api.post(URL, {**BODY, **fields})
    assert answer.status_code == 400
    assert words in str(answer.json()[field])


def test_a_name_is_there_once(api, made):
    assert list(api.post(URL, {**BODY, "name": "SHOP"}).json()) == ["name"]


def test_one_too_many_is_refused(api, made, monkeypatch):
    monkeypatch.setattr("broadcasts.models.event_subscriptions.MOST_SUBSCRIPTIONS", 1)
    answer = api.post(URL, {**BODY, "name": "Second"})
    assert (answer.status_code, "1 event subscriptions at most" in str(answer.json())) == (400, True)


def test_it_is_changed_and_deleted(api, path):
    assert api.patch(path, {"is_active": False}).json()["is_active"] is False
    assert api.delete(path).status_code == 204
    assert not EventSubscription.objects.exists()


@pytest.mark.parametrize("role", ["viewer", "author", "sender"])
def test_only_admins_write(request, path, role):
    client = client_of(request.getfixturevalue(role))
    assert client.get(path).status_code == 200
    for answer in (client.post(URL, BODY), client.delete(path), client.post(f"{path}test/")):
        assert answer.status_code == 403


def endpoints(path: str, call: EventCall) -> list[tuple[str, str]]:
    of_call = f"{path}calls/{call.uuid}/"
    posts = [("post", f"{path}{name}/") for name in ("test", "replay", "rotate-secret")]
    gets = [("get", address) for address in (path, f"{path}calls/", of_call)]
    return [*gets, *posts, ("post", f"{of_call}again/"), ("delete", path)]


def test_every_endpoint_needs_a_token_and_hides_others_rows(client, outsider, path, call):
    for method, address in endpoints(path, call):
        assert getattr(client, method)(address).status_code == 401, address
        assert getattr(outsider, method)(address, **({"data": SINCE} if method == "post" else {})).status_code == 404
    assert outsider.get(URL).json() == []


def test_the_log_is_filtered_and_read_in_few_queries(api, path, call, django_assert_max_num_queries):
    with django_assert_max_num_queries(8):
        [one] = api.get(f"{path}calls/?type=opened&state=succeeded").json()
    assert (one["types"], one["size"], one["webhook_id"]) == (["opened"], 1, call.identity)
    assert api.get(f"{path}calls/?type=sent").json() == []
    assert list(api.get(f"{path}calls/?state=lost").json()) == ["state"]
    assert api.get(f"{path}calls/{call.uuid}/").json()["body"]["data"][0]["type"] == "opened"
    assert api.get(f"{path}calls/x/").status_code == 404


def test_calls_are_sent_again_one_or_all_since(api, path, call):
    again = api.post(f"{path}calls/{call.uuid}/again/")
    assert (again.status_code, again.json()["cause"], again.json()["state"]) == (202, "replay", "waiting")
    assert api.post(f"{path}replay/", SINCE).json() == {"calls": 1}
    assert api.post(f"{path}replay/", SINCE).status_code == 409
    assert "since" in api.post(f"{path}replay/", {}).json()
    api.patch(path, {"is_active": False})
    assert api.post(f"{path}calls/{call.uuid}/again/").status_code == 409


def test_the_secret_is_changed(api, made, path):
    answer = api.post(f"{path}rotate-secret/").json()
    assert answer["secret"] not in ("", made["secret"])
    assert answer["previous_until"] is not None
    assert api.post(f"{path}rotate-secret/", {"keep_old": False}).json()["previous_until"] is None


def test_a_test_event_answers_with_what_came_back(api, made, path):
    with EventReceiver() as receiver:
        receiver.secret = made["secret"]
        api.patch(path, {"url": receiver.url})
        answer = api.post(f"{path}test/").json()
    assert (answer["state"], answer["status_code"], receiver.types) == ("succeeded", 204, ["test"])


def test_a_test_event_to_nobody_says_why(api, path):
    api.patch(path, {"url": "http://127.0.0.1:2/"})
    answer = api.post(f"{path}test/").json()
    assert (answer["state"], answer["status_code"]) == ("failed", None)
    assert answer["error"].startswith("The server 127.0.0.1:2 could not be reached")
