"""What the user of a request may do, and in which organizations."""

from collections.abc import Mapping
from datetime import tzinfo
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from django.core.exceptions import PermissionDenied
from django.db.models import Exists, Model, OuterRef, QuerySet
from django.http import HttpRequest

from broadcasts.database import as_id
from broadcasts.models import Member, Organization, User

MOST_OFFERED = 200  # organizations in a list to choose one from


class Access:
    """Memberships, read once per request; a superuser may do everything everywhere."""

    def __init__(self, user: Any) -> None:
        self.user = user
        known = user.is_authenticated and user.is_active
        self.everywhere: bool = known and user.is_superuser
        self.members: dict[int, Member] = {}
        if known and not self.everywhere:
            self.members = {member.organization_id: member for member in Member.objects.filter(user=user)}

    @classmethod
    def of(cls, request: HttpRequest) -> "Access":
        access = getattr(request, "_admin_access", None)
        if access is None:
            access = cls(request.user)
            request._admin_access = access  # type: ignore[attr-defined]
        return access

    def __bool__(self) -> bool:
        return self.everywhere or bool(self.members)

    def organizations(self, act: str = "read") -> list[int] | None:
        """Return the ids of organizations where this act is allowed; None means all there are."""
        if self.everywhere:
            return None
        return [pk for pk, member in self.members.items() if member.may(act)]

    def may(self, act: str, organization_id: int | None = None) -> bool:
        """Whether this act is allowed in an organization, or in any."""
        if self.everywhere:
            return True
        if organization_id is None:
            return bool(self.organizations(act))
        member = self.members.get(organization_id)
        return member is not None and member.may(act)

    @property
    def only_organization(self) -> int | None:
        """The one organization of a user who has no other."""
        return next(iter(self.members)) if len(self.members) == 1 else None

    @cached_property
    def zone(self) -> tzinfo:
        """The time zone of all that the user sees: the organization's, or UTC where there are several."""
        names = scoped(Organization.objects.order_by(), self).values_list("time_zone", flat=True)[:2]
        return ZoneInfo(names[0]) if len(names) == 1 else ZoneInfo("UTC")


def within(queryset: QuerySet, organizations: list[int]) -> QuerySet:
    """Filter the rows of some organizations.

    If a model belongs to one through other tables, EXISTS is used instead of a join, so that a list of the newest rows
    reads its own table backwards and stops, instead of sorting the result of the join.
    """
    model = queryset.model
    if model is User:
        return queryset.filter(Exists(Member.objects.filter(user=OuterRef("pk"), organization__in=organizations)))
    owner, _, rest = model.organization_path.partition("__")
    if not rest:
        return queryset.filter(**{f"{owner}__in": organizations})
    field = model._meta.get_field(owner)
    above = field.related_model._base_manager.filter(pk=OuterRef(f"{owner}_id"), **{f"{rest}__in": organizations})
    return queryset.filter(Exists(above))


def scoped(queryset: QuerySet, access: Access, act: str = "read") -> QuerySet:
    """Keep the rows of organizations where the user may do this."""
    organizations = access.organizations(act)
    return queryset if organizations is None else within(queryset, organizations)


def writable(request: HttpRequest) -> list[Organization]:
    """Return the organizations where the user may write, by name."""
    return list(scoped(Organization.objects.order_by("name"), Access.of(request), "write")[:MOST_OFFERED])


def readable_organization(request: HttpRequest, asked: Mapping[str, str]) -> Organization | None:
    """Return the organization that an editor names, or the first one that the user may read; None if there is none."""
    rows = scoped(Organization.objects.order_by("id"), Access.of(request))
    if pk := as_id(asked.get("organization", "")):
        rows = rows.filter(pk=pk)
    return rows.first()


def chosen_organization(request: HttpRequest, asked: Mapping[str, str], act: str = "write") -> Organization:
    """Return the organization that a form or link names, or the first one where the user may do this.

    Raises PermissionDenied if there is none.
    """
    rows = scoped(Organization.objects.order_by("name"), Access.of(request), act)
    if named := asked.get("organization"):
        rows = rows.filter(pk=as_id(named) or 0)
    organization = rows.first()
    if organization is None:
        raise PermissionDenied
    return organization


def organization_of(row: Model) -> int | None:
    """Return the id of the organization that a row belongs to; None while that is not known."""
    *above, last = row.organization_path.split("__")  # type: ignore[attr-defined]
    owner: Any = row
    for name in above:
        owner = getattr(owner, name, None) if getattr(owner, f"{name}_id", None) else None
    if owner is None:
        return None
    return owner.pk if last == "pk" else getattr(owner, f"{last}_id")


def has_more_than(rows: QuerySet, n: int) -> bool:
    """Whether there are more rows than this, without counting further."""
    return rows.order_by()[: n + 1].count() > n
