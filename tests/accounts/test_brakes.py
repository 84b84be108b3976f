"""Guessing passwords: what is counted, for how long it stops, and what the audit tells."""

from datetime import timedelta

import pytest
from axes.models import AccessAttempt, AccessLog
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from broadcasts import retention
from broadcasts.accounts import brakes
from broadcasts.formats import duration
from broadcasts.models import AuditEntry, User
from tests.make import make_member

LOGIN = reverse("admin:login")
PASSWORD = "swordfish"


def sign_in(email, password=PASSWORD, address="192.0.2.1", **headers):
    """Post the form of the sign-in page, from an address."""
    return Client(REMOTE_ADDR=address, **headers).post(LOGIN, {"username": email, "password": password})


def fail(email, times=1, **where):
    return [sign_in(email, "wrong", **where).status_code for _ in range(times)]


def later(**by):
    """Let time pass, as the counted failures see it."""
    for row in AccessAttempt.objects.all():
        AccessAttempt.objects.filter(pk=row.pk).update(attempt_time=row.attempt_time - timedelta(**by))


def test_the_fifth_failure_locks_an_account_out_whatever_comes_then(admin):
    assert fail(admin.user.email, 7) == [200, 200, 200, 200, 429, 429, 429]
    assert sign_in(admin.user.email).status_code == 429
    later(minutes=1, seconds=1)
    assert sign_in(admin.user.email).status_code == 302


def test_a_locked_out_person_is_told_when_to_try_again(admin):
    fail(admin.user.email, 4)
    answer = sign_in(admin.user.email, "wrong")
    assert 50 <= int(answer["Retry-After"]) <= 60
    assert f"Try again in {duration(int(answer['Retry-After']))}." in answer.content.decode()
    assert "no-store" in answer["Cache-Control"]


def test_the_pause_doubles_at_each_further_failure_up_to_an_hour():
    minutes = [brakes.pause_after(n, 5).total_seconds() / 60 for n in range(13)]
    assert minutes == [0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60]
    assert brakes.pause_after(10_000, 5) == timedelta(hours=1)


def test_what_is_tried_during_a_pause_makes_it_no_longer(admin):
    fail(admin.user.email, 5)
    fail(admin.user.email, 30)
    later(minutes=1, seconds=1)
    assert fail(admin.user.email, 2) == [429, 429]
    later(minutes=1, seconds=1)
    assert sign_in(admin.user.email).status_code == 429
    later(minutes=1)
    assert sign_in(admin.user.email).status_code == 302


def test_an_account_is_locked_from_everywhere_and_by_any_spelling_of_its_address(admin):
    for n in range(4):
        fail(admin.user.email.upper() if n % 2 else admin.user.email, address=f"192.0.2.{n}")
    assert fail(admin.user.email.replace("i", "\u0131"), address="192.0.2.77") == [429]
    assert sign_in(admin.user.email, address="192.0.2.99").status_code == 429


def test_others_cannot_lock_a_person_out_from_where_they_signed_in_before(admin):
    assert sign_in(admin.user.email, address="192.0.2.1").status_code == 302
    for n in range(10, 16):
        fail(admin.user.email, address=f"192.0.2.{n}")
    assert sign_in(admin.user.email, address="192.0.2.99").status_code == 429
    assert sign_in(admin.user.email, address="192.0.2.1").status_code == 302


def test_from_a_known_place_too_a_password_is_guessed_five_times_only(admin):
    sign_in(admin.user.email)
    assert fail(admin.user.email, 6) == [200, 200, 200, 200, 429, 429]


def test_signing_in_does_not_let_others_guess_anew(admin):
    sign_in(admin.user.email)
    fail(admin.user.email, 5, address="192.0.2.66")
    sign_in(admin.user.email)
    assert fail(admin.user.email, 1, address="192.0.2.66") == [429]
    later(minutes=1, seconds=1)
    assert fail(admin.user.email, 2, address="192.0.2.66") == [429, 429]
    assert brakes.locked_until(brakes.account_key(admin.user.email), "192.0.2.66") > timezone.now() + timedelta(
        seconds=90
    )


def test_an_address_is_locked_out_after_twenty_failures_over_all_accounts(club, admin):
    for n in range(20):
        fail(f"nobody{n}@club.example")
    assert sign_in(admin.user.email).status_code == 429
    assert sign_in(admin.user.email, address="192.0.2.2").status_code == 302


def test_signing_in_to_an_own_account_forgives_no_failures_with_others(admin, viewer):
    for _ in range(4):
        fail(admin.user.email)
    sign_in(viewer.user.email)
    assert fail(admin.user.email) == [429]


@pytest.mark.parametrize("is_behind", [True, False])
def test_a_header_does_not_make_another_address(admin, settings, is_behind):
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if is_behind else None
    for n in range(20):
        told = f"10.9.8.{n}, 198.51.100.7" if is_behind else f"10.9.8.{n}"
        fail(f"nobody{n}@club.example", HTTP_X_FORWARDED_FOR=told)
    last = "198.51.100.7" if is_behind else "10.1.1.1"
    assert sign_in(admin.user.email, HTTP_X_FORWARDED_FOR=last).status_code == 429


def test_one_subscriber_is_one_address_in_ipv6(admin):
    for n in range(20):
        fail(f"nobody{n}@club.example", address=f"2001:db8:1:1::{n}")
    assert sign_in(admin.user.email, address="2001:db8:1:1:ffff::1").status_code == 429
    assert sign_in(admin.user.email, address="2001:db8:1:2::1").status_code == 302


def test_unknown_addresses_are_locked_like_known_ones(club):
    assert fail("nobody@club.example", 6) == [200, 200, 200, 200, 429, 429]


def test_an_unknown_address_costs_a_hash_like_a_known_one(admin, monkeypatch):
    hashed = []
    monkeypatch.setattr(User, "set_password", lambda self, raw: hashed.append(raw))
    fail("nobody@club.example")
    assert hashed == ["wrong"]


def test_what_was_typed_is_not_stored(admin, caplog):
    typed = "my-secret-in-the-wrong-field"
    fail(typed)
    row = AccessAttempt.objects.get()
    assert typed not in "".join(map(str, [row.username, row.post_data, row.get_data, row.path_info]))
    entry = AuditEntry.objects.get()
    assert (entry.act, entry.label, entry.organization) == ("sign-in failed", "unknown address", None)
    assert typed not in caplog.text + str(entry.detail) + entry.actor
    assert "A sign-in from 192.0.2.1 failed" in caplog.text


def test_signing_in_failing_and_out_is_in_the_audit(admin, client):
    fail(admin.user.email)
    client.post(LOGIN, {"username": admin.user.email, "password": PASSWORD}, REMOTE_ADDR="192.0.2.1")
    client.post(reverse("admin:logout"))
    fail(admin.user.email, 5)
    acts = list(AuditEntry.objects.order_by("pk").values_list("act", flat=True))
    assert acts == ["sign-in failed", "sign in", "sign out", *["sign-in failed"] * 4, "locked out"]
    assert set(AuditEntry.objects.values_list("organization", "user")) == {(admin.organization_id, admin.user_id)}


def test_each_organization_sees_the_sign_ins_of_its_members_and_operators_all(admin, stranger, client):
    make_member(stranger.organization, "viewer")
    root = User.objects.create_superuser("root@example.com", PASSWORD)
    admin.user.memberships.create(organization=stranger.organization, role="viewer")
    for user in (admin.user, root):
        client.force_login(user)
    entries = set(AuditEntry.objects.values_list("user", "organization"))
    own = {(admin.user_id, admin.organization_id), (admin.user_id, stranger.organization_id)}
    assert entries == own | {(root.pk, None)}


def test_only_who_manages_members_reads_of_sign_ins(admin, viewer):
    page = reverse("admin:broadcasts_auditentry_changelist")
    shown = {}
    for member in (admin, viewer):
        client = Client()
        client.force_login(member.user)
        shown[member] = len(client.get(page).context["cl"].result_list)
    assert shown == {admin: 1, viewer: 0}


def test_changing_the_own_password_is_in_the_audit(admin, client):
    client.force_login(admin.user)
    new = "four quiet lanes at dawn"
    data = {"old_password": PASSWORD, "new_password1": new, "new_password2": new}
    assert client.post(reverse("admin:password_change"), data).status_code == 302
    assert AuditEntry.objects.get(act="change password").object_id == admin.user_id


def test_old_failures_are_forgotten_by_themselves_and_by_prune(admin):
    fail(admin.user.email, 3)
    later(days=1, minutes=1)
    fail(admin.user.email, 4)
    assert sign_in(admin.user.email).status_code == 302
    assert not AccessAttempt.objects.exists()
    AccessLog.objects.update(attempt_time=timezone.now() - brakes.KNOWN_PLACE - timedelta(days=1))
    fail("nobody@club.example")
    later(days=2)
    found = retention.prune()
    assert (found["failed sign-ins"], found["places of sign-ins"]) == (1, 1)
