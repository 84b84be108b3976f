"""Search in the texts of replies, bounded: no index serves a part of a text on both databases."""

from django.db.models import Q, QuerySet

from broadcasts.models import Inbound

SEARCHED = 25_000  # of the newest replies, whose texts are read
FOUND = 500


def find_replies(replies: QuerySet[Inbound], term: str) -> list[int]:
    """Return the ids of the newest replies with a term in text or address, of those asked for; at most FOUND.

    Only the newest SEARCHED of them are read.
    """
    newest = replies.order_by("-created", "-id")
    edge = newest.values_list("created", flat=True)[SEARCHED : SEARCHED + 1].first()
    recent = newest.filter(created__gt=edge) if edge else newest
    has_term = Q(text__icontains=term) | Q(address__icontains=term.removeprefix("+"))
    return list(recent.filter(has_term).values_list("pk", flat=True)[:FOUND])
