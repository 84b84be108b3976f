"""What an inspection is about."""

from collections.abc import Sequence
from dataclasses import dataclass

from broadcasts.models import SendingDomain, SigningKey


@dataclass(frozen=True)
class Subject:
    """A domain with all that an inspection has to know of it."""

    domain: SendingDomain
    keys: Sequence[SigningKey]
    hosts: Sequence[str]  # that its mail is handed to
    senders: Sequence[str]  # the domains of its return paths
