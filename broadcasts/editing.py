"""Who edits a broadcast right now, and what they typed that could not be saved yet."""

from collections.abc import Sequence
from datetime import timedelta

from django.db.models import QuerySet
from django.db.models.functions import Now

from broadcasts.models import Broadcast, Editing, User

OPEN = timedelta(seconds=45)  # three times as long as a page takes to say again that it is open


def keep(broadcast: Broadcast, user: User, place: str, form: str, why_not: Sequence[str]) -> None:
    """Keep a form as it was typed, with why it could not be saved.

    place: the name of a step; of content with the message, what:<pk>.
    """
    _write(broadcast, user, place, form=form, why_not=list(why_not))


def kept(broadcast: Broadcast, user: User, place: str) -> Editing | None:
    """Return what a user typed at a place and has not saved; None if there is nothing."""
    return Editing.objects.filter(broadcast=broadcast, user=user, place=place).exclude(form="").first()


def forget(broadcast: Broadcast, user: User, place: str) -> None:
    """Drop what was kept; the page may still be open."""
    Editing.objects.filter(broadcast=broadcast, user=user, place=place).update(form="", why_not=[])


def saw(broadcast: Broadcast, user: User, place: str) -> None:
    """Note that a user has a page of a broadcast open now."""
    _write(broadcast, user, place)


def others(broadcast: Broadcast, user: User) -> QuerySet[Editing]:
    """Return the pages of a broadcast that other users have open, the last seen first."""
    rows = Editing.objects.filter(broadcast=broadcast, seen_at__gt=Now() - OPEN).exclude(user=user)
    return rows.select_related("user").order_by("-seen_at", "-pk")


def _write(broadcast: Broadcast, user: User, place: str, **values: object) -> None:
    """Insert or update the row of a user and place in one statement: two requests of one page may come at once."""
    row = Editing(broadcast=broadcast, user=user, place=place, seen_at=Now(), **values)
    Editing.objects.bulk_create(
        [row],
        update_conflicts=True,
        unique_fields=["broadcast", "user", "place"],
        update_fields=["seen_at", "modified", *values],
    )
