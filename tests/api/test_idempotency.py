from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.utils import timezone

from broadcasts import drafting
from broadcasts.api import idempotency
from broadcasts.api.errors import Conflict
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


def die_without_an_answer(post):
    """Leave the key as a request does whose process was killed a while ago."""
    post()
    Broadcast.objects.all().delete()
    IdempotencyKey.objects.update(status_code=None, body=None, created=Now() - 2 * idempotency.LIMIT)


def test_a_key_whose_request_died_is_taken_over(post):
    die_without_an_answer(post)
    taken, again = post(), post()
    assert (taken.status_code, again.json(), again["Idempotent-Replayed"]) == (201, taken.json(), "true")
    assert Broadcast.objects.count() == 1


def test_a_key_whose_request_died_is_still_of_that_request(post):
    die_without_an_answer(post)
    assert "another request" in post({**BODY, "subject": "t"}).json()["detail"]


def test_of_two_that_take_a_key_over_one_does(post, club, monkeypatch):
    die_without_an_answer(post)
    row = IdempotencyKey.objects.get()
    first, second = IdempotencyKey.objects.get(), IdempotencyKey.objects.get()
    assert [idempotency._take_over(first), idempotency._take_over(second)] == [True, False]
    with pytest.raises(Conflict, match="still at work"):
        idempotency.take(club, row.key, row.fingerprint)


@pytest.mark.django_db(transaction=True)
def test_of_many_that_race_for_a_key_one_does(club):
    IdempotencyKey.objects.create(organization=club, key="one", fingerprint="f")
    IdempotencyKey.objects.update(created=Now() - 2 * idempotency.LIMIT)
    start = Barrier(4)

    def take(_):
        try:
            start.wait()
            return idempotency.take(club, "one", "f").token
        except Conflict:
            return None
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(take, range(4)), key=str) == [1, None, None, None]


def test_a_request_that_only_seemed_dead_writes_no_answer_over_the_second(post, monkeypatch):
    save = drafting.save

    def slow(*args, **kwargs):
        monkeypatch.setattr(drafting, "save", save)
        IdempotencyKey.objects.update(created=Now() - 2 * idempotency.LIMIT)
        answers.append(post())  # the second takes over meanwhile
        return save(*args, **kwargs)

    answers = []
    monkeypatch.setattr(drafting, "save", slow)
    answers.append(post())
    second, first = answers
    assert post().json() == second.json() != first.json()


def test_a_refusal_is_an_answer_too(post):
    assert post({}).status_code == 400
    assert (post({}).status_code, post({})["Idempotent-Replayed"]) == (400, "true")


def test_a_refusal_that_quotes_a_null_character_is_kept_without_it(post):
    first, second = post({"a\0b": 1, "c\\u0000": 1}), post({"a\0b": 1, "c\\u0000": 1})
    assert (first.status_code, set(first.json())) == (400, {"a\0b", "c\\u0000"})
    assert (second.status_code, set(second.json())) == (400, {"a\ufffdb", "c\\u0000"})


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
