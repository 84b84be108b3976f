"""Keeping expansions from going on while people change under them."""

from broadcasts.models import Broadcast, Organization


def hold_expansions(organization: Organization | int) -> None:
    """Wait for chunks of rows that are being made, and hold off the next, to the end of the transaction.

    A chunk holds its broadcast before it looks at anybody, so whatever it saw is written when this returns.
    """
    expanding = Broadcast.objects.for_organization(organization).filter(
        completed_at=None, expanded_at=None, status__in=[*Broadcast.STOPPABLE, Broadcast.Status.CANCELLED]
    )
    list(expanding.select_for_update(of=("self",), no_key=True).order_by("pk").values_list("pk"))
