"""The record that publishes a key."""

from broadcasts.models import SigningKey

STRING = 255  # characters of one string of a TXT record


def host_of(key: SigningKey) -> str:
    """Return the name of the record that publishes a key."""
    return f"{key.selector}._domainkey.{key.domain.name}"


def record_of(key: SigningKey) -> str:
    """Return the TXT record that publishes a key, in one piece as most web forms take it."""
    return f"v=DKIM1; k={key.algorithm}; p={key.public}"


def pieces(record: str) -> list[str]:
    """Cut a record into the strings of which the DNS makes it."""
    return [record[start : start + STRING] for start in range(0, len(record), STRING)]


def zone_record(key: SigningKey) -> str:
    """Return the record as a line of a zone file."""
    strings = " ".join(f'"{piece}"' for piece in pieces(record_of(key)))
    return f"{host_of(key)}. 3600 IN TXT ( {strings} )"
