"""What a password must be, at every door, and how many are hashed at once."""

import pytest
from django.contrib.auth.hashers import check_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse

from broadcasts.accounts import brakes, hashing
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


@pytest.fixture
def lanes(monkeypatch):
    """Lanes of this test alone: for everybody, and for people in known places."""
    monkeypatch.setattr(hashing, "EVERYBODY", hashing.HashingPool(at_once=2, waiting=1, each=2))
    monkeypatch.setattr(hashing, "KNOWN", hashing.HashingPool(at_once=1, waiting=1, each=1))
    return hashing.EVERYBODY, hashing.KNOWN


def test_a_few_passwords_are_hashed_at_once_a_few_wait_and_more_are_refused(quick, lanes):
    everybody, _ = lanes
    assert [everybody.admit(address) for address in ("a", "b", "c", "d")] == [True, True, True, False]
    with pytest.raises(hashing.Busy):
        check_password("swordfish", quick)
    everybody.leave("c")
    assert check_password("swordfish", quick)


def test_one_address_leaves_a_place_to_the_others(lanes):
    everybody, _ = lanes
    assert [everybody.admit(address) for address in ("a", "a", "a", "b")] == [True, True, False, True]


def test_whoever_waits_in_vain_is_refused_and_leaves_the_place(quick, lanes, monkeypatch):
    everybody, _ = lanes
    monkeypatch.setattr(hashing, "PATIENCE", 0.05)
    with everybody.hashing_slot(), everybody.hashing_slot(), pytest.raises(hashing.Busy):
        check_password("swordfish", quick)
    assert not everybody.held


@pytest.fixture
def crowd(settings, lanes, admin):
    """Strangers hold all places of everybody; returns what a sign-in as the admin from an address is answered."""
    settings.PASSWORD_HASHERS = ["broadcasts.accounts.hashing.BoundedHasher"]
    admin.user.set_password("swordfish")
    admin.user.save()

    def sign_in(address):
        form = {"username": admin.user.email, "password": "swordfish"}
        return Client(REMOTE_ADDR=address).post(reverse("admin:login"), form).status_code

    assert sign_in("192.0.2.1") == 302
    assert all(lanes[0].admit(address) for address in "abc")
    return sign_in


def test_a_crowd_does_not_keep_people_out_of_where_they_signed_in_before(crowd):
    assert crowd("192.0.2.1") == 302
    assert crowd("192.0.2.2") == 503


def test_one_account_does_not_hold_the_places_of_the_known(crowd, lanes, admin):
    key = brakes.account_key(admin.user.email)
    assert lanes[1].admit(key) and not lanes[1].admit(key)
    assert lanes[1].admit("another account")


def test_a_sign_in_that_finds_no_place_is_503_and_told_when_to_come_back(admin, monkeypatch):
    def busy(*args, **kwargs):
        raise hashing.Busy

    monkeypatch.setattr("django.contrib.auth.backends.ModelBackend.authenticate", busy)
    answer = Client().post(reverse("admin:login"), {"username": admin.user.email, "password": "swordfish"})
    assert (answer.status_code, answer["Retry-After"]) == (503, "2")
    assert "try again" in answer.content.decode()
