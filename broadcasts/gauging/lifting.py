"""Staff lift what the gauges have slowed."""

from django.db import transaction
from django.db.models.functions import Now

from broadcasts.exceptions import WrongState
from broadcasts.models import AuditEntry, Channel, User

from . import domains


@transaction.atomic
def lift(channel: Channel, by: User | None = None) -> None:
    """Have a channel and its receiving domains send at their own rates again; raises WrongState if none is slowed.

    Only what is reported from now on can slow them again.
    """
    slowed = Channel.objects.filter(pk=channel.pk, slowed_to__isnull=False)
    is_lifted = slowed.transition(slowed_to=None, slowed_until=Now(), slowed_why="")
    if not (domains.lift(channel) or is_lifted):
        raise WrongState("Nothing of this channel is slowed.")
    channel.refresh_from_db(fields=["slowed_to", "slowed_until", "slowed_why", "slowed_domains"])
    AuditEntry.write(channel, "lift slowness", organization=channel.organization, user=by)
