"""An organization, its first admin, and a key."""

from datetime import timedelta

import pytest
from django.core.management import CommandError
from django.utils import timezone

from broadcasts.models import ApiToken, Organization, User


def test_an_organization_begins_with_an_admin_who_can_sign_in(db, command):
    said, _ = command("create_organization", "Swimming Club", "--admin", "you@club.example")
    password = said.split("password ")[1].split()[0]
    user = User.objects.get()
    assert user.check_password(password)
    assert not user.is_superuser
    assert Organization.objects.get(slug="swimming-club").members.get(user=user).may("manage")


def test_a_user_who_is_there_keeps_the_password(db, command):
    User.objects.create_user("you@club.example", "swordfish")
    said, _ = command("create_organization", "Club", "--admin", "YOU@club.example")
    assert "password" not in said
    assert User.objects.get().check_password("swordfish")


@pytest.mark.parametrize(
    ("args", "words"), [(["Club", "--slug", "club"], "already exists"), (["X", "--admin", "nobody"], "valid email")]
)
def test_an_organization_that_cannot_be_is_refused_whole(command, club, args, words):
    with pytest.raises(CommandError, match=words):
        command("create_organization", *args)
    assert (Organization.objects.count(), User.objects.count()) == (1, 0)


def test_a_token_is_printed_alone_and_works(command, sender):
    key, _ = command("create_token", sender.user.email, organization="club", scopes="read, send", expires_days=2)
    token = ApiToken.objects.usable(key.strip())
    assert token.scopes == ["read", "send"]
    assert timedelta(days=1) < token.expires_at - timezone.now() <= timedelta(days=2)


def test_a_scope_beyond_the_members_role_is_mentioned(command, viewer):
    _, warning = command("create_token", viewer.user.email, organization="club", scopes="read,manage")
    assert "may not “manage”" in warning


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"scopes": "read,fly"}, "“fly” is not a scope"),
        ({"scopes": " , "}, "without a scope"),
        ({"expires_days": 0}, "from 1 to"),
        ({"expires_days": 99_999_999_999}, "from 1 to"),
        ({"organization": "nowhere"}, "There are: club"),
    ],
)
def test_a_token_that_cannot_be_says_why(command, admin, options, words):
    with pytest.raises(CommandError, match=words):
        command("create_token", admin.user.email, **{"organization": "club", **options})


def test_a_tokens_name_that_the_table_cannot_hold_is_refused(command, admin):
    with pytest.raises(CommandError, match="100 characters"):
        command("create_token", admin.user.email, "--name", "n" * 101, organization="club")


@pytest.mark.parametrize("where", [{"port": 99_999}, {"host": "nowhere.invalid"}])
def test_a_place_where_nobody_can_listen_is_refused(command, where):
    with pytest.raises(CommandError, match="cannot be used"):
        command("up", **where)


def test_a_stranger_gets_no_token(command, club, stranger):
    with pytest.raises(CommandError, match="no member"):
        command("create_token", stranger.user.email, organization="club")


@pytest.mark.parametrize(("name", "option"), [("up", "--workers"), ("up", "--pumps"), ("work", "--pumps")])
@pytest.mark.parametrize("value", ["0", "-1", "two"])
def test_a_number_of_processes_that_is_none_is_refused(command, name, option, value):
    with pytest.raises(CommandError, match=f"argument {option}.*no whole number from 1 up"):
        command(name, f"{option}={value}")
