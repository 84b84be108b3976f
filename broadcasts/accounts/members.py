"""Add and remove members and change their roles; an organization always keeps an admin."""

from django.db import transaction

from broadcasts.exceptions import WrongState
from broadcasts.models import AuditEntry, Member, Organization, OrganizationQuerySet, Role, User, rank


def roles_to_give(by: User, organization_id: int) -> list[str]:
    """Return the roles that a user may give in an organization: none above their own."""
    if by.is_superuser:
        return list(Role)
    member = Member.objects.filter(user=by, organization=organization_id).first()
    return [role for role in Role if member is not None and member.may("manage") and rank(role) <= rank(member.role)]


def add_member(
    user: User, organization: Organization, role: str, *, by: User | None = None, **detail: object
) -> Member:
    """Make a user a member; an existing member keeps their role."""
    member, is_new = Member.objects.get_or_create(user=user, organization=organization, defaults={"role": role})
    if is_new:
        AuditEntry.write(member, "create", organization=organization, user=by, role=member.role, **detail)
    return member


@transaction.atomic
def change_role(member: Member, role: str, *, by: User) -> None:
    """Change the role of a member; raises WrongState for the last admin, or if `by` may not give or take the role."""
    held = _held(member)
    if held.role == role:
        return
    allowed = roles_to_give(by, held.organization_id)
    if held.role not in allowed or role not in allowed:
        raise WrongState(f"You cannot give the role “{Role(role).label}”: it may more than yours.")
    if role != Role.ADMIN:
        _keep_an_admin(held)
    if not Member.objects.filter(pk=held.pk, role=held.role).transition(role=role):
        raise WrongState("Somebody else changed this member at the same time; look at it again.")
    AuditEntry.write(held, "change role", organization=held.organization, user=by, before=held.role, role=role)
    member.role = role


@transaction.atomic
def remove_member(member: Member, *, by: User) -> None:
    """Remove a member from an organization; raises WrongState for its last admin."""
    held = _held(member)
    _keep_an_admin(held)
    AuditEntry.write(held, "delete", organization=held.organization, user=by, role=held.role)
    held.delete()


def only_admins_among(members: list[Member]) -> list[Member]:
    """Return those without whom their organization would have no admin, were all of these taken out."""
    kept = _admins().exclude(pk__in=[member.pk for member in members]).values_list("organization_id", flat=True)
    organizations = {member.organization_id for member in members if member.role == Role.ADMIN} - set(
        kept.filter(organization__in={member.organization_id for member in members})
    )
    return [member for member in members if member.role == Role.ADMIN and member.organization_id in organizations]


def _held(member: Member) -> Member:
    """Read a member again while its organization is locked, so that two admins cannot remove each other at once."""
    Organization.objects.select_for_update().get(pk=member.organization_id)
    found = Member.objects.select_related("organization", "user").filter(pk=member.pk).first()
    if found is None:
        raise WrongState(f"{member.user} is no member any more.")
    return found


def _keep_an_admin(member: Member) -> None:
    if only_admins_among([member]):
        raise WrongState(f"{member.user} is the last admin of {member.organization}: make another member admin first.")


def _admins() -> OrganizationQuerySet[Member]:
    return Member.objects.filter(role=Role.ADMIN, user__is_active=True)
