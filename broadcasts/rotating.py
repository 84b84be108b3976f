"""Give a channel another callback address, such as when somebody has seen the present one who should not know it."""

from datetime import timedelta

from django.db.models.functions import Now

from broadcasts.exceptions import WrongState
from broadcasts.models import AuditEntry, Channel, User

OLD_ADDRESS_DAYS = 7  # that the old address works, if it is kept


def rotate_callback(channel: Channel, *, keep_old: bool, by: User) -> None:
    """Change the callback address of a channel; raises WrongState if its kind has none, or it has changed meanwhile.

    keep_old: whether the present address works for OLD_ADDRESS_DAYS more; else it is cut at once. One before it is
    cut in both cases.
    """
    if not channel.transport_class.calls_back:
        raise WrongState(f"The kind {channel.kind} has no callback address.")
    kept_until = Now() + timedelta(days=OLD_ADDRESS_DAYS) if keep_old else None
    rows = Channel.objects.filter(pk=channel.pk, callback_serial=channel.callback_serial)
    if not rows.transition(callback_serial=channel.callback_serial + 1, callback_kept_until=kept_until):
        raise WrongState("Somebody else has changed the address since you looked. Read the channel again.")
    channel.refresh_from_db(fields=["callback_serial", "callback_kept_until"])
    detail = {"old_address": f"works for {OLD_ADDRESS_DAYS} days" if keep_old else "cut at once"}
    AuditEntry.write(channel, "rotate callback address", organization=channel.organization, user=by, **detail)
