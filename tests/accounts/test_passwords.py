"""What a password must be, at every door, and how many are hashed at once."""

import threading

import pytest
from django.contrib.auth.hashers import check_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse

from broadcasts.accounts import hashing
from broadcasts.models import User


@pytest.mark.parametrize(
    "password",
    [
        "83746152",
        "longer-one1",
        "password1234",
        "aaaaaaaaaaaaaaaa",
        "qwertyuiop123",
        "123456789012",
        "ann.brown@club.ex",
    ],
)
def test_a_weak_password_is_refused_with_one_message(password):
    with pytest.raises(ValidationError) as refused:
        validate_password(password, User(email="ann.brown@club.example", full_name="Ann Brown"))
    assert [message[:26] for message in refused.value.messages] == ["This password is too weak."]


@pytest.mark.parametrize("password", ["four quiet lanes at dawn", "tR7$kq2!Zp0w", "purple-otter-9" + "é" * 90])
def test_a_long_unusual_password_is_taken(password):
    validate_password(password, User(email="ann.brown@club.example"))


def test_a_password_beyond_all_measure_is_refused():
    with pytest.raises(ValidationError, match="at most 1,024"):
        validate_password("four quiet lanes " * 100)


def test_the_operators_page_applies_the_rule(db, client):
    client.force_login(User.objects.create_superuser("root@club.example", "x"))
    data = {"email": "ann@club.example", "is_active": "on", "password1": "83746152"}
    answer = client.post(reverse("admin:broadcasts_user_add"), data)
    assert "This password is too weak." in answer.content.decode()
    assert User.objects.count() == 1


# How many are hashed at once.


@pytest.fixture
def quick(settings):
    settings.PASSWORD_HASHERS = ["broadcasts.accounts.hashing.BoundedHasher"]
    return hashing.BoundedHasher().encode("swordfish", "salt" * 6, iterations=1000)


def test_a_bounded_hash_is_djangos_own(quick):
    assert quick.startswith("pbkdf2_sha256$1000$")
    assert check_password("swordfish", quick)
    assert not check_password("other", quick)


def test_more_than_a_few_passwords_at_once_are_refused_and_the_places_come_back(quick):
    inside, leave = threading.Semaphore(0), threading.Event()

    def hold():
        with hashing.slot():
            inside.release()
            leave.wait(10)

    threads = [threading.Thread(target=hold) for _ in range(hashing.AT_ONCE + hashing.WAITING)]
    for thread in threads:
        thread.start()
    for _ in range(hashing.AT_ONCE):
        assert inside.acquire(timeout=10)
    assert not inside.acquire(timeout=0.2)  # the others wait
    while hashing._admitted._value:  # until the last of them does
        pass
    with pytest.raises(hashing.Busy):
        check_password("swordfish", quick)
    leave.set()
    for thread in threads:
        thread.join()
    assert check_password("swordfish", quick)


def test_who_waits_in_vain_is_refused(quick, monkeypatch):
    monkeypatch.setattr(hashing, "PATIENCE", 0.05)
    for _ in range(hashing.AT_ONCE):
        hashing._hashing.acquire()
    try:
        with pytest.raises(hashing.Busy):
            check_password("swordfish", quick)
    finally:
        for _ in range(hashing.AT_ONCE):
            hashing._hashing.release()


def test_a_sign_in_that_finds_no_place_is_503_and_told_when_to_come_back(admin, monkeypatch):
    def busy(*args, **kwargs):
        raise hashing.Busy

    monkeypatch.setattr("django.contrib.auth.backends.ModelBackend.authenticate", busy)
    answer = Client().post(reverse("admin:login"), {"username": admin.user.email, "password": "swordfish"})
    assert (answer.status_code, answer["Retry-After"]) == (503, "2")
    assert "try again" in answer.content.decode()
