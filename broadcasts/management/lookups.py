"""What commands share: finding the row that an argument names, and saying no in words."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import CommandError

from broadcasts.exceptions import BroadcastsError, InvalidInput
from broadcasts.models import Broadcast, Organization


def find_organization(slug: str) -> Organization:
    found = Organization.objects.filter(slug=slug).first()
    if found is None:
        known = ", ".join(Organization.objects.order_by("slug").values_list("slug", flat=True)[:20])
        hint = f"There are: {known}." if known else "There is none yet; make one with: manage.py create_organization"
        raise CommandError(f"There is no organization “{slug}”. {hint}")
    return found


def find_broadcast(uuid: str) -> Broadcast:
    try:
        found = Broadcast.objects.select_related("organization").filter(uuid=UUID(str(uuid))).first()
    except ValueError:
        raise CommandError(f"“{uuid}” is not a UUID.") from None
    if found is None:
        raise CommandError(f"There is no broadcast {uuid}.")
    return found


@contextmanager
def refusals() -> Iterator[None]:
    """Convert a BroadcastsError to a CommandError, whose message is printed before the exit status 1."""
    try:
        yield
    except InvalidInput as error:
        raise CommandError("\n".join(f"{field}: {text}" for field, text in error.errors.items())) from None
    except BroadcastsError as error:
        raise CommandError(str(error)) from None


@contextmanager
def opened(name: str, mode: str, **options: Any) -> Iterator[Any]:
    """Open a file that an argument names; what is done with it may open others."""
    try:
        with Path(name).open(mode, **options) as file:
            yield file
    except OSError as error:
        if error.filename is None:
            raise  # it is not the file that is wrong
        raise CommandError(f"{error.filename} cannot be opened: {error.strerror}.") from None
