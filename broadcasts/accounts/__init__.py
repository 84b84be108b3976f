"""Accounts of staff: how they sign in, what their passwords must be, and how they become members of an organization.

`settings` names what belongs to signing in: `hashing`, `passwords` and `brakes`.
"""

from .hashing import Busy
from .invitations import accept, has_account, invite, join, opened, resend, why_not_invite, withdraw
from .mail import enqueue_waiting, mail_invitation
from .members import add_member, change_role, only_admins_among, remove_member, roles_to_give
from .noting import note

__all__ = [
    "Busy",
    "accept",
    "add_member",
    "change_role",
    "enqueue_waiting",
    "has_account",
    "invite",
    "join",
    "mail_invitation",
    "note",
    "only_admins_among",
    "opened",
    "remove_member",
    "resend",
    "roles_to_give",
    "why_not_invite",
    "withdraw",
]
