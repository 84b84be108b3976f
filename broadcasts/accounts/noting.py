"""Write audit entries about accounts, one for each organization of the user."""

from broadcasts.models import AuditEntry, Member, User


def note(user: User | None, act: str, *, by: User | None = None, **detail: object) -> None:
    """Write audit entries about an act on an account, by its user or by another one.

    `user` is None if the account does not exist. The address that was typed is not written, since it may be a password
    in the wrong field.
    """
    row = user or User()
    organizations: list[int | None] = []
    if user is not None:
        organizations += Member.objects.filter(user=user).values_list("organization_id", flat=True)
    entries = [
        AuditEntry.made(row, act, organization=organization, user=by or user, **detail)
        for organization in organizations or [None]
    ]
    if user is None:
        for entry in entries:
            entry.actor = entry.label = "unknown address"
    AuditEntry.objects.bulk_create(entries)
