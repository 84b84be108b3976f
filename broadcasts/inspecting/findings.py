"""What an inspection found of a domain, as it is stored."""

from dataclasses import asdict, dataclass, fields
from typing import Any, Self

from broadcasts.models import SendingDomain, SigningKey

LEVELS = ("good", "warning", "stop")
SUBJECTS = {
    "spf": "SPF",
    "dkim": "DKIM",
    "dmarc": "DMARC",
    "alignment": "Alignment",
    "mx": "MX",
    "ptr": "PTR",
    "mta-sts": "MTA-STS",
}
LONGEST_TEXT, LONGEST_RECORD = 600, 1000


@dataclass(frozen=True)
class Finding:
    """One thing that an inspection found, with the record that mends it.

    host, record: what to write where; "" for nothing. key: the uuid of the signing key that it is about.
    """

    subject: str
    level: str
    text: str
    host: str = ""
    record: str = ""
    key: str = ""

    def stored(self) -> dict[str, str]:
        values = asdict(self)
        return {**values, "text": self.text[:LONGEST_TEXT], "record": self.record[:LONGEST_RECORD]}

    @classmethod
    def read(cls, row: dict[str, Any]) -> Self:
        return cls(**{field.name: str(row.get(field.name, "")) for field in fields(cls)})

    @property
    def kind(self) -> str:
        """The type of the record that mends it."""
        return {"mx": "MX", "ptr": "PTR"}.get(self.subject, "TXT")

    @property
    def name(self) -> str:
        return SUBJECTS.get(self.subject, self.subject)


def good(subject: str, text: str, **more: str) -> Finding:
    return Finding(subject, "good", text, **more)


def warning(subject: str, text: str, **more: str) -> Finding:
    return Finding(subject, "warning", text, **more)


def stop(subject: str, text: str, **more: str) -> Finding:
    return Finding(subject, "stop", text, **more)


def findings(domain: SendingDomain) -> list[Finding]:
    """Return what is stored of a domain; nothing before it was checked."""
    return [Finding.read(row) for row in domain.findings or []]


def worst(found: list[Finding]) -> str:
    """Return the most serious level among findings; "" for none."""
    return max((one.level for one in found if one.level in LEVELS), key=LEVELS.index, default="")


def summaries(most: int) -> list[tuple[SendingDomain, str, str]]:
    """Return domains that were checked, each with its worst level and what it says."""
    rows = SendingDomain.objects.exclude(checked_at=None).select_related("organization").order_by("name", "pk")
    told = []
    for domain in rows[:most]:
        found = findings(domain)
        level = worst(found) or "good"
        words = [one.text for one in found if one.level == level]
        more = f" ({len(words) - 1} more)" if len(words) > 1 else ""
        is_good = level == "good"
        told.append((domain, level, "its DNS has what large providers ask for." if is_good else f"{words[0]}{more}"))
    return told


def is_published(key: SigningKey) -> bool:
    """Tell whether the last check saw the record of a key as it has to be."""
    return any(one.key == str(key.uuid) and one.level == "good" for one in findings(key.domain))
