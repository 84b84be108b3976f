"""A database that cannot be written to: reading goes on, and writing says so in the API's own way."""

import errno

from broadcasts import importing, throttling
from broadcasts.models import Allowance, ApiToken, Segment

from .conftest import client_of

SEGMENTS = "/api/segments/"


def test_reading_goes_on_and_notes_later_that_the_token_was_used(viewer, settings, db_lock):
    settings.API_THROTTLE_PER_HOUR = 10
    client = client_of(viewer)
    ApiToken.objects.update(last_used_at=None)
    db_lock.begin()
    assert [client.get(SEGMENTS).status_code for _ in range(3)] == [200] * 3
    assert ApiToken.objects.get().last_used_at is None


def test_what_was_let_through_meanwhile_is_counted_afterwards(viewer, settings, db_lock, monkeypatch):
    monkeypatch.setattr(throttling, "PAUSE_SECONDS", 0)
    settings.API_THROTTLE_PER_HOUR, settings.REDIS_URL = 5, ""
    client = client_of(viewer)
    db_lock.begin()
    assert [client.get(SEGMENTS).status_code for _ in range(4)] == [200] * 4
    db_lock.end()
    assert [client.get(SEGMENTS).status_code for _ in range(3)] == [200, 429, 429]
    assert Allowance.objects.get().granted == 5


def test_writing_is_503_and_tells_when_to_try_again(author, db_lock):
    client = client_of(author)
    db_lock.begin()
    answer = client.post(SEGMENTS, {"name": "Swimmers", "kind": "static"})
    assert (answer.status_code, answer["Retry-After"]) == (503, "10")
    assert answer.json() == {"detail": "The database is busy with other work. Try again in a moment."}
    assert not Segment.objects.exists()


def test_writing_with_an_idempotency_key_is_503_too(author, db_lock):
    client = client_of(author)
    db_lock.begin()
    answer = client.post(SEGMENTS, {"name": "Swimmers", "kind": "static"}, HTTP_IDEMPOTENCY_KEY="k")
    assert (answer.status_code, answer["Retry-After"]) == (503, "10")


def test_an_upload_that_finds_no_room_is_507_and_leaves_nothing(api, settings, monkeypatch):
    def full(chunk):
        raise OSError(errno.ENOSPC, "No space left on device")

    before = set((settings.DATA_DIR / "imports").glob("*.upload"))
    monkeypatch.setattr(importing.storing, "sha256", lambda: type("Digest", (), {"update": staticmethod(full)}))
    answer = api.post("/api/contacts/import/", "email\na@b.example\n", content_type="text/csv")
    assert (answer.status_code, answer["Retry-After"]) == (507, "10")
    assert "disk is full" in answer.json()["detail"]
    assert set((settings.DATA_DIR / "imports").glob("*.upload")) == before


def test_answers_are_kept_by_no_cache(api):
    for path in (SEGMENTS, "/api/organization/", "/api/nowhere/"):
        assert "no-store" in api.get(path)["Cache-Control"]
