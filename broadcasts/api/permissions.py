"""What a request may do: its organization, its member there, and the act that the view names."""

import re
from typing import Any

from rest_framework.exceptions import ParseError
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from broadcasts.models import ApiToken, Member, Organization, User

UUID = re.compile(r"[0-9a-f]{8}(-?)[0-9a-f]{4}\1[0-9a-f]{4}\1[0-9a-f]{4}\1[0-9a-f]{12}", re.IGNORECASE)


class MemberMay(BasePermission):
    """Require that the member's role and the token's scopes both allow `view.act()`.

    Sets `view.member` and `request.organization`; everything that is read starts from there.
    """

    def has_permission(self, request: Request, view: Any) -> bool:
        if not request.user.is_authenticated:
            return False
        member = membership(request)
        if member is None or not may(request, member, view.act()):
            return False
        view.member = member
        request.organization = member.organization  # type: ignore[attr-defined]
        return True


class OfMember:
    """A mixin for views: whom the permission check found."""

    member: Member

    @property
    def organization(self) -> Organization:
        return self.member.organization

    @property
    def user(self) -> User:
        return self.member.user


def may(request: Request, member: Member, act: str) -> bool:
    scopes = request.auth.scopes if isinstance(request.auth, ApiToken) else [act]
    return act in scopes and member.may(act)


def membership(request: Request) -> Member | None:
    """Return the membership of the request: its organization is that of the token, or is named by a session."""
    members = Member.objects.filter(user=request.user.pk).select_related("organization", "user")
    if isinstance(token := request.auth, ApiToken):
        member = members.filter(organization=token.organization_id).first() if token.is_backed else None
        if member is not None:
            member.user.token = token
        return member
    if named := request.headers.get("X-Organization"):
        if UUID.fullmatch(named):
            return members.filter(organization__uuid=named).first()
        return members.filter(organization__slug=named).first()
    found = list(members[:2])
    if len(found) > 1:
        raise ParseError(
            "You are a member of several organizations: name one in the header X-Organization, by its uuid or slug."
        )
    return found[0] if found else None


def act_of(method: str | None, write: str = "write") -> str:
    return "read" if method in SAFE_METHODS else write
