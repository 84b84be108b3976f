"""Invite users to an organization: they become members by accepting, through a link mailed to their address."""

from datetime import timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models.functions import Now
from django.utils import timezone

from broadcasts import links
from broadcasts.exceptions import InvalidInput, WrongState
from broadcasts.models import AuditEntry, Invitation, Member, Organization, User
from broadcasts.queue import enqueue

from .members import add_member, roles_to_give

Status = Invitation.Status
DAY = timedelta(days=1)
MOST_A_DAY = 50  # of one organization: our mail server is the operator's
MOST_TO_ONE = 3  # of these to one address


@transaction.atomic
def invite(organization: Organization, email: str, role: str, *, by: User) -> Invitation:
    """Offer a membership; an open invitation of the same address is replaced. InvalidInput when it cannot be made.

    Whether the address has an account changes nothing here: who invites learns nothing about people elsewhere.
    """
    Organization.objects.select_for_update().get(pk=organization.pk)
    email = User.objects.normalize_email(email)
    if errors := why_not_invite(organization, email, role, by=by):
        raise InvalidInput(errors)
    for earlier in _of(organization).filter(status=Status.OPEN, email__iexact=email):
        _end(earlier, Status.WITHDRAWN)
    invitation = Invitation.objects.create(
        organization=organization,
        email=email,
        role=role,
        invited_by=by,
        expires_at=timezone.now() + Invitation.LIFETIME,
        due_at=Now() if settings.EMAIL_URL else None,
    )
    AuditEntry.write(invitation, "invite", organization=organization, user=by, role=role)
    if settings.EMAIL_URL:
        enqueue("mail_invitation", invitation.pk)
    return invitation


def why_not_invite(organization: Organization, email: str, role: str, *, by: User) -> dict[str, str]:
    """Return {field: error} for an invitation that cannot be created; {} if it can."""
    if role not in roles_to_give(by, organization.pk):
        return {"role": "You cannot give a role that may more than yours."}
    if Member.objects.for_organization(organization).filter(user__email__iexact=email).exists():
        return {"email": f"{email} is a member of {organization} already."}
    today = _of(organization).filter(created__gt=Now() - DAY)
    if today.filter(email__iexact=email).count() >= MOST_TO_ONE:
        return {"email": f"{email} was invited {MOST_TO_ONE} times within a day; try again tomorrow."}
    if today.count() >= MOST_A_DAY:
        return {"email": f"{organization} made {MOST_A_DAY} invitations within a day; try again tomorrow."}
    return {}


def _of(organization: Organization):
    return Invitation.objects.for_organization(organization)


def resend(invitation: Invitation, *, by: User) -> Invitation:
    """Make a new invitation in the place of an open one, so that only the newest link works; errors as of `invite`."""
    if invitation.status != Status.OPEN:
        raise WrongState(f"This invitation was {invitation.get_status_display().lower()} already.")
    return invite(invitation.organization, invitation.email, invitation.role, by=by)


@transaction.atomic
def withdraw(invitation: Invitation, *, by: User) -> None:
    """Take an open invitation back; its link opens nothing any more."""
    _end(invitation, Status.WITHDRAWN)
    AuditEntry.write(invitation, "withdraw", organization=invitation.organization, user=by)


def _end(invitation: Invitation, status: str) -> None:
    rows = Invitation.objects.filter(pk=invitation.pk, status=Status.OPEN)
    if status == Status.ACCEPTED:
        rows = rows.filter(expires_at__gt=Now())
    if not rows.transition(status=status, ended_at=Now(), due_at=None):
        raise WrongState("This invitation is not open any more.")


def opened(token: str) -> Invitation | None:
    """Return the open invitation that a token stands for; None, whatever the cause, when there is none.

    It works while the person who made it may still give its role.
    """
    rows = Invitation.objects.open().select_related("organization", "invited_by")
    invitation = rows.filter(pk=links.invitation_id(token) or 0).first()
    if invitation is None or not invitation.invited_by.is_active:
        return None
    return invitation if invitation.role in roles_to_give(invitation.invited_by, invitation.organization_id) else None


def has_account(invitation: Invitation) -> bool:
    return User.objects.filter(email__iexact=invitation.email).exists()


@transaction.atomic
def accept(invitation: Invitation, user: User) -> Member:
    """Make the invited user a member; raises WrongState if the invitation is for another address, or has ended."""
    if user.email.casefold() != invitation.email.casefold():
        raise WrongState(f"This invitation is for {invitation.email}.")
    _end(invitation, Status.ACCEPTED)
    invited_by = str(invitation.invited_by)
    return add_member(user, invitation.organization, invitation.role, by=user, invited_by=invited_by)


def join(invitation: Invitation, full_name: str, password: str) -> User:
    """Make an account for the invited address, and accept with it; WrongState when there is one already.

    The password was judged before. It is hashed outside of the transaction: that takes long.
    """
    user = User(email=invitation.email, full_name=full_name)
    user.set_password(password)
    try:
        with transaction.atomic():
            user.save(force_insert=True)
            accept(invitation, user)
    except IntegrityError:
        raise WrongState(f"{invitation.email} has an account already: sign in with it.") from None
    return user
