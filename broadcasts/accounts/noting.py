"""What happens to accounts, in the audit of each organization that the user is a member of."""

from broadcasts.models import AuditEntry, Member, User


def note(user: User | None, act: str, *, by: User | None = None, **detail: object) -> None:
    """Write what was done to an account, by itself or by somebody else.

    None stands for an account that does not exist. What was typed for its address is never written: it may be a
    password in the wrong field.
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
