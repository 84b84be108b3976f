"""Members, invitations, accounts and tokens in the admin: who sees whom, and who may change what."""

import pytest
from django.urls import reverse

from broadcasts import accounts
from broadcasts.exceptions import WrongState
from broadcasts.models import ApiToken, AuditEntry, Invitation, Member, User
from tests.make import make_member

from .conftest import messages_of, sign_in

MEMBERS = reverse("admin:broadcasts_member_changelist")


def page(model, name, *args):
    return reverse(f"admin:broadcasts_{model}_{name}", args=args)


def invite(member, **fields):
    data = {"organization": member.organization_id, "email": "new@club.example", "role": "author", **fields}
    return sign_in(member.user).post(page("invitation", "add"), data, follow=True)


# Invitations.


def test_without_a_mail_server_the_link_is_shown_once(admin):
    answer = invite(admin)
    link = messages_of(answer).partition("<code>")[2].partition("</code>")[0]
    assert accounts.opened(link.rstrip("/").rpartition("/")[2]) == Invitation.objects.get()
    shown = sign_in(admin.user).get(page("invitation", "change", Invitation.objects.get().pk))
    assert link not in shown.content.decode() + sign_in(admin.user).get(MEMBERS).content.decode()


def test_with_a_mail_server_only_the_owner_of_the_address_gets_the_link(admin, settings):
    settings.EMAIL_URL = "smtp://mail.example"
    answer = invite(admin)
    assert "is mailed to new@club.example" in messages_of(answer)
    assert "/i/" not in answer.content.decode()


def test_the_answer_is_the_same_whether_the_address_has_an_account_or_not(admin, stranger, settings):
    settings.EMAIL_URL = "smtp://mail.example"
    told = [messages_of(invite(admin, email=one)).replace(one, "") for one in (stranger.user.email, "new@club.example")]
    assert told[0] == told[1]
    assert not Member.objects.filter(user=stranger.user, organization=admin.organization).exists()


def test_nobody_is_made_a_member_without_a_yes(admin, root, stranger):
    data = {"organization": admin.organization_id, "user": stranger.user_id, "email": stranger.user.email}
    for user in (admin.user, root):
        assert sign_in(user).post(page("member", "add"), {**data, "role": "viewer"}).status_code == 403
    assert stranger.user.memberships.count() == 1


def test_an_open_invitation_is_sent_again_and_withdrawn_from_the_page_of_members(admin):
    invite(admin)
    client = sign_in(admin.user)
    assert "new@club.example" in client.get(MEMBERS).content.decode()
    first = Invitation.objects.get()
    client.post(page("invitation", "resend", first.pk))
    second = Invitation.objects.open().get()
    assert second != first
    client.post(page("invitation", "withdraw", second.pk))
    assert not Invitation.objects.open().exists()


def test_invitations_are_their_organizations_managers_and_change_by_post_only(admin, author, stranger):
    invite(admin)
    invitation = Invitation.objects.get()
    for member in (author, stranger):
        client = sign_in(member.user)
        assert client.post(page("invitation", "withdraw", invitation.pk)).status_code in (403, 404)
        assert invitation.email not in client.get(MEMBERS).content.decode()
    assert sign_in(admin.user).get(page("invitation", "withdraw", invitation.pk)).status_code == 405
    assert Invitation.objects.open().exists()


def test_an_invitation_into_another_organization_is_refused(admin, elsewhere):
    elsewhere.members.create(user=admin.user, role="sender")
    invite(admin, organization=elsewhere.pk)
    assert not Invitation.objects.exists()


# Members.


def test_a_role_is_changed_and_noted(admin, viewer):
    sign_in(admin.user).post(page("member", "change", viewer.pk), {"role": "sender"})
    viewer.refresh_from_db()
    assert viewer.role == "sender"
    assert AuditEntry.objects.get(act="change role").detail == {"before": "viewer", "role": "sender"}


def test_the_last_admin_is_neither_demoted_nor_removed(admin, root):
    for user in (admin.user, root):
        answer = sign_in(user).post(page("member", "change", admin.pk), {"role": "viewer"}, follow=True)
        assert "is the last admin of Swimming Club" in messages_of(answer)
        sign_in(user).post(page("member", "delete", admin.pk), {"post": "yes"})
    with pytest.raises(WrongState, match="last admin"):
        accounts.remove_member(admin, by=root)
    assert Member.objects.get(pk=admin.pk).role == "admin"


def test_an_admin_who_cannot_sign_in_does_not_count_as_one(admin, club, root):
    User.objects.filter(pk=make_member(club, "admin").user_id).update(is_active=False)
    with pytest.raises(WrongState, match="last admin"):
        accounts.change_role(admin, "viewer", by=root)


def test_one_of_two_admins_may_go_and_that_is_noted(admin, club):
    other = make_member(club, "admin")
    sign_in(admin.user).post(page("member", "delete", other.pk), {"post": "yes"})
    assert not Member.objects.filter(pk=other.pk).exists()
    assert AuditEntry.objects.get(act="delete").detail == {"role": "admin"}


def test_the_account_of_a_last_admin_is_not_deleted(admin, root):
    sign_in(root).post(page("user", "delete", admin.user_id), {"post": "yes"})
    assert User.objects.filter(pk=admin.user_id).exists()


# Accounts.


@pytest.fixture
def both(admin, elsewhere):
    """Manages the club, and is a viewer elsewhere."""
    elsewhere.members.create(user=admin.user, role="viewer")
    return admin


def test_a_manager_sees_names_and_addresses_of_the_own_members_and_no_flags(both, viewer, stranger, root):
    answer = sign_in(both.user).get(page("user", "changelist"))
    assert {user.pk for user in answer.context["cl"].result_list} == {both.user_id, viewer.user_id}
    assert answer.context["cl"].list_display == ["email", "full_name"]
    text = sign_in(both.user).get(page("user", "change", viewer.user_id)).content.decode()
    assert viewer.user.email in text
    assert "Superuser" not in text and "Last login" not in text and "Active" not in text


def test_the_people_of_an_organization_that_one_only_reads_are_not_seen(both, stranger):
    client = sign_in(both.user)
    for name in ("change", "history", "delete"):
        assert client.get(page("user", name, stranger.user_id)).status_code in (302, 403)
    ask = {"app_label": "broadcasts", "model_name": "apitoken", "field_name": "user", "term": "club"}
    offered = client.get(reverse("admin:autocomplete"), ask).json()["results"]
    assert [one["id"] for one in offered] == [str(both.user_id)]


def test_the_history_of_an_account_is_the_operators(admin, viewer, root):
    address = page("user", "history", viewer.user_id)
    assert [sign_in(user).get(address).status_code for user in (admin.user, viewer.user, root)] == [403, 403, 200]


def test_people_change_their_own_name_and_nothing_else(viewer):
    data = {
        "full_name": "Zoe",
        "email": "other@club.example",
        "is_superuser": "on",
        "password1": "four quiet lanes dawn",
    }
    assert sign_in(viewer.user).post(page("user", "change", viewer.user_id), data).status_code == 302
    after = User.objects.get(pk=viewer.user_id)
    assert (after.full_name, after.email, after.is_superuser) == ("Zoe", viewer.user.email, False)
    assert after.check_password("swordfish")
    assert sign_in(viewer.user).get(page("user", "changelist")).status_code == 403


def test_an_admin_changes_no_account_of_others(admin, viewer):
    data = {"full_name": "Mole", "email": "mole@club.example", "is_active": "on", "password1": "four quiet lanes dawn"}
    for address in (
        page("user", "change", viewer.user_id),
        page("user", "delete", viewer.user_id),
        page("user", "add"),
    ):
        assert sign_in(admin.user).post(address, {**data, "post": "yes"}).status_code == 403
    assert User.objects.get(pk=viewer.user_id).full_name == viewer.user.full_name


def test_an_operator_makes_accounts_and_sets_passwords_which_is_noted(root, viewer, client):
    new = "four quiet lanes at dawn"
    data = {"email": "grace@club.example", "full_name": "Grace", "is_active": "on", "is_staff": "on", "password1": new}
    sign_in(root).post(page("user", "add"), data)
    assert User.objects.get(email="grace@club.example").check_password(new)
    sign_in(root).post(page("user", "change", viewer.user_id), {**data, "email": viewer.user.email})
    entry = AuditEntry.objects.get(act="change password")
    assert (entry.organization_id, entry.object_id, entry.user) == (viewer.organization_id, viewer.user_id, root)


# Tokens.


def test_a_token_for_a_colleague_is_noted_for_whom_and_by_whom(admin, author):
    data = {"organization": admin.organization_id, "user": author.user_id, "scopes": ["read", "write"]}
    sign_in(admin.user).post(page("apitoken", "add"), data)
    token = ApiToken.objects.get()
    entry = AuditEntry.objects.get(model="apitoken")
    assert (entry.user, entry.detail["for"]) == (admin.user, str(author.user))
    assert (token.user, token.issued_by) == (author.user, admin.user)


def test_a_token_may_no_more_than_the_role_of_its_user(admin, author):
    data = {"organization": admin.organization_id, "user": author.user_id, "scopes": ["read", "send"]}
    answer = sign_in(admin.user).post(page("apitoken", "add"), data)
    assert "may not “send”" in answer.content.decode()
    assert not ApiToken.objects.exists()
