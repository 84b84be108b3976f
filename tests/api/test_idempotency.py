from datetime import timedelta

import pytest
from django.utils import timezone

from broadcasts import drafting
from broadcasts.models import Broadcast, IdempotencyKey

from .conftest import URL, client_of

BODY = {"subject": "s", "body": "b", "query": {}}


@pytest.fixture
def post(api):
    def send(body=BODY, key="one", client=api, url=URL):
        return client.post(url, body, HTTP_IDEMPOTENCY_KEY=key)

    return send


def test_the_same_key_gets_the_first_answer_and_does_nothing_twice(post):
    first, second = post(), post()
    assert (second.status_code, second.json()) == (201, first.json())
    assert second["Idempotent-Replayed"] == "true"
    assert Broadcast.objects.count() == 1


def test_another_key_is_another_request(post):
    assert post().json() != post(key="two").json()


def test_the_same_key_with_another_body_or_path_is_409(post):
    first = post().json()
    assert post({**BODY, "subject": "t"}).status_code == 409
    assert post(url=f"{URL}{first['uuid']}/duplicate/").status_code == 409
    assert Broadcast.objects.count() == 1


def test_a_key_whose_first_request_is_still_at_work_is_409(post):
    post()
    IdempotencyKey.objects.update(status_code=None)
    assert "still at work" in post().json()["detail"]


def test_a_refusal_is_an_answer_too(post):
    assert post({}).status_code == 400
    assert (post({}).status_code, post({})["Idempotent-Replayed"]) == (400, "true")


def test_a_failure_frees_the_key(post, api, monkeypatch):
    def fail(*args, **kwargs):
        raise RuntimeError("broken")

    api.raise_request_exception = False
    with monkeypatch.context() as patch:
        patch.setattr(drafting, "save", fail)
        assert post().status_code == 500
    assert post().status_code == 201


def test_a_key_is_forgotten_after_a_day(post):
    post()
    IdempotencyKey.objects.update(created=timezone.now() - timedelta(hours=25))
    assert "Idempotent-Replayed" not in post()
    assert Broadcast.objects.count() == 2


def test_keys_of_others_are_others(post, outsider):
    post()
    assert "Idempotent-Replayed" not in post(client=outsider)


def test_a_key_is_not_taken_by_whoever_may_not(post, viewer):
    assert post(client=client_of(viewer)).status_code == 403
    assert not IdempotencyKey.objects.exists()


def test_a_key_that_is_too_long_is_400(post):
    assert post(key="k" * 256).status_code == 400
