"""Members come by invitation: made by who may, mailed once, accepted by the owner of the address only."""

from datetime import timedelta

import pytest
from django.core import mail as mails
from django.db.models.functions import Now
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from broadcasts import accounts, links, queue, retention
from broadcasts.exceptions import InvalidInput, WrongState
from broadcasts.models import AuditEntry, Invitation, Member, User
from tests.make import make_member

NEW = "four quiet lanes at dawn"


@pytest.fixture
def invited(admin):
    """An invitation of somebody who has no account."""
    return accounts.invite(admin.organization, "New@Club.example", "author", by=admin.user)


@pytest.fixture
def neighbour(admin, stranger):
    """An invitation of somebody who has an account elsewhere."""
    return accounts.invite(admin.organization, stranger.user.email, "viewer", by=admin.user)


def url(invitation):
    return reverse("public:invitation", args=[links.invitation_token(invitation.pk)])


def join(invitation, client=None, **fields):
    data = {"act": "join", "full_name": "New Person", "password": NEW, "again": NEW, **fields}
    return (client or Client()).post(url(invitation), data)


def signed_in(user):
    client = Client()
    client.force_login(user)
    return client


# Making them.


def test_nothing_is_different_for_an_address_with_an_account(admin, stranger):
    told = [
        accounts.why_not_invite(admin.organization, one, "viewer", by=admin.user)
        for one in (stranger.user.email, "x@y.zz")
    ]
    assert told == [{}, {}]
    made = accounts.invite(admin.organization, stranger.user.email, "viewer", by=admin.user)
    assert made.status == "open"
    assert not Member.objects.filter(user=stranger.user, organization=admin.organization).exists()


def test_only_who_may_manage_invites_and_only_into_the_own_organization(author, stranger, club):
    for by in (author.user, stranger.user):
        with pytest.raises(InvalidInput, match="role that may more than yours"):
            accounts.invite(club, "new@club.example", "viewer", by=by)


def test_a_member_is_not_invited(admin, viewer):
    with pytest.raises(InvalidInput, match="is a member of Swimming Club already"):
        accounts.invite(admin.organization, viewer.user.email.upper(), "admin", by=admin.user)


def test_an_address_is_invited_three_times_a_day_and_the_newest_counts(admin, invited):
    second = accounts.invite(admin.organization, "new@club.EXAMPLE", "viewer", by=admin.user)
    third = accounts.resend(second, by=admin.user)
    assert list(Invitation.objects.open()) == [third]
    with pytest.raises(InvalidInput, match="invited 3 times within a day"):
        accounts.resend(third, by=admin.user)
    assert Client().get(url(invited)).status_code == 404


# The mail.


@pytest.fixture
def post(settings):
    settings.EMAIL_URL = "smtp://mail.example"
    return settings


def test_the_link_is_mailed_once_to_the_address_alone(admin, post):
    invitation = accounts.invite(admin.organization, "new@club.example", "author", by=admin.user)
    accounts.mail_invitation(invitation.pk)
    accounts.mail_invitation(invitation.pk)
    [mail] = mails.outbox
    assert mail.to == ["new@club.example"] and mail.subject == "Invitation to Swimming Club"
    assert url(invitation) in mail.body
    invitation.refresh_from_db()
    assert invitation.sent_at and invitation.due_at is None


def test_a_mail_server_that_fails_is_tried_again(admin, post, monkeypatch):
    invitation = accounts.invite(admin.organization, "new@club.example", "author", by=admin.user)
    with monkeypatch.context() as broken:
        broken.setattr("django.core.mail.EmailMessage.send", lambda self: 1 / 0)
        accounts.mail_invitation(invitation.pk)
    invitation.refresh_from_db()
    assert "The mail server failed" in invitation.error
    Invitation.objects.update(due_at=Now())
    accounts.mail_invitation(invitation.pk)
    assert len(mails.outbox) == 1


def test_a_round_enqueues_the_mail_whose_task_was_lost(admin, post, monkeypatch):
    asked = []
    invitation = accounts.invite(admin.organization, "new@club.example", "author", by=admin.user)
    monkeypatch.setattr(queue, "enqueue", lambda *task: asked.append(task))
    monkeypatch.setattr(queue, "queue_is_full", lambda: False)
    accounts.enqueue_waiting()
    assert asked == [("mail_invitation", invitation.pk)]
    accounts.mail_invitation(invitation.pk)
    accounts.enqueue_waiting()
    assert len(asked) == 1


def test_what_was_withdrawn_is_not_mailed(admin, post):
    invitation = accounts.invite(admin.organization, "new@club.example", "author", by=admin.user)
    accounts.withdraw(invitation, by=admin.user)
    accounts.mail_invitation(invitation.pk)
    assert mails.outbox == []


# Accepting.


def test_looking_at_the_page_accepts_nothing(invited):
    answer = Client().get(url(invited))
    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"] and answer["Referrer-Policy"] == "same-origin"
    assert Invitation.objects.open().exists() and not User.objects.filter(email=invited.email).exists()


def test_somebody_new_makes_an_account_once_and_is_signed_in(invited):
    client = Client()
    assert join(invited, client)["Location"] == reverse("admin:index")
    user = User.objects.get(email__iexact="new@club.example")
    assert user.check_password(NEW) and user.memberships.get().role == "author"
    assert client.get(reverse("admin:index")).status_code == 200
    assert join(invited).status_code == 404
    assert Invitation.objects.get().status == "accepted"


def test_the_password_of_somebody_new_must_follow_the_rule(invited):
    answer = join(invited, password="83746152", again="83746152")
    assert "This password is too weak." in answer.content.decode()
    assert "The two passwords differ." in join(invited, again="other").content.decode()
    assert not User.objects.filter(email__iexact="new@club.example").exists()


def test_whoever_has_an_account_accepts_signed_in_with_it(neighbour, stranger):
    assert signed_in(stranger.user).post(url(neighbour), {"act": "accept"}).status_code == 302
    assert Member.objects.get(user=stranger.user, organization=neighbour.organization).role == "viewer"


def test_nobody_else_accepts_and_no_account_is_taken_over(neighbour, viewer, stranger):
    signed_in(viewer.user).post(url(neighbour), {"act": "accept"})
    Client().post(url(neighbour), {"act": "accept"})
    join(neighbour)
    join(neighbour, signed_in(viewer.user))
    assert Invitation.objects.open().exists()
    assert User.objects.get(pk=stranger.user_id).check_password("swordfish")
    assert User.objects.get(pk=stranger.user_id).memberships.count() == 1


def test_the_page_tells_not_whether_there_is_an_account(neighbour, invited):
    pages = [Client().get(url(one)).content.decode().replace(one.email, "") for one in (neighbour, invited)]
    assert all("If you have an account here" in page and "If you are new here" in page for page in pages)


@pytest.mark.parametrize("ended", ["withdrawn", "expired", "inviter left", "inviter demoted", "forged"])
def test_an_invitation_that_ended_opens_nothing(admin, club, invited, ended):
    make_member(club, "admin")
    token = links.invitation_token(invited.pk)
    if ended == "withdrawn":
        accounts.withdraw(invited, by=admin.user)
    elif ended == "expired":
        Invitation.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    elif ended == "inviter left":
        Member.objects.filter(pk=admin.pk).delete()
    elif ended == "inviter demoted":
        Member.objects.filter(pk=admin.pk).update(role="author")
    else:
        token = links.delivery_token(invited.pk)
    for method in ("get", "post"):
        answer = getattr(Client(), method)(reverse("public:invitation", args=[token]))
        assert answer.status_code == 404
        told = "It may be incomplete" if ended == "forged" else "Ask whoever invited you for a new one."
        assert told in answer.content.decode()
    assert not User.objects.filter(email__iexact="new@club.example").exists()


def test_an_invitation_ends_once(admin, invited):
    accounts.withdraw(invited, by=admin.user)
    with pytest.raises(WrongState):
        accounts.withdraw(invited, by=admin.user)
    with pytest.raises(WrongState):
        accounts.join(invited, "New", NEW)
    assert not User.objects.filter(email__iexact="new@club.example").exists()


def test_a_page_needs_its_csrf_token(neighbour, stranger):
    client = Client(enforce_csrf_checks=True)
    client.force_login(stranger.user)
    assert client.post(url(neighbour), {"act": "accept"}).status_code == 403


def test_invitations_and_memberships_are_in_the_audit(admin, invited):
    join(invited)
    entries = AuditEntry.objects.exclude(model="user").order_by("pk")
    assert list(entries.values_list("act", "model")) == [("invite", "invitation"), ("create", "member")]
    assert entries[0].user == admin.user and entries[1].detail == {"role": "author", "invited_by": str(admin.user)}


def test_old_invitations_are_pruned(invited):
    assert retention.prune()["invitations"] == 0
    Invitation.objects.update(expires_at=timezone.now() - timedelta(days=31))
    assert retention.prune()["invitations"] == 1
