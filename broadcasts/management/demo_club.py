"""The demo's organization: its people as a CSV file, and what it tells them."""

import csv
import random
import struct
import zlib
from pathlib import Path
from typing import Any

NAME, SLUG = "Demo Club", "demo"
ADMIN = "admin@demo.example"
PEOPLE = {
    "en": (
        ["Emma", "Oliver", "Chloë", "Liam", "Zoë", "Noah", "Siân", "Jack"],
        ["O'Brien", "Smith", "Müller", "Taylor", "Nguyễn", "Okafor"],
        ["Dublin", "Leeds", "Bristol"],
    ),
    "es": (
        ["Lucía", "Hugo", "Martín", "Sofía", "José", "Íñigo", "Begoña", "Ana"],
        ["García", "Muñoz", "Pérez", "Ibáñez", "Etxeberria", "López"],
        ["Málaga", "León", "Cádiz"],
    ),
    "fr": (
        ["Léa", "Gaël", "Chloé", "Jérôme", "Noémie", "François", "Aïcha", "Paul"],
        ["Lefèvre", "Dubois", "Garçon", "Benoît", "Moreau", "Haddad"],
        ["Nîmes", "Besançon", "Lyon"],
    ),
}
DOMAINS = ("example.com", "example.org", "example.net", "bücher.example")
HEADER = (
    "Id",
    "Name",
    "E-mail",
    "Phone",
    "WhatsApp",
    "Language",
    "Time zone",
    "Plan",
    "City",
    "Visits",
    "Member since",
)
WITHOUT_WHATSAPP = 10  # one in so many
WITHOUT_PHONE = 60
UNDELIVERABLE = 500  # one in so many has a WhatsApp number that the catcher refuses, with the code that it ends in
ZONES = {"en": "Europe/Dublin", "es": "Europe/Madrid", "fr": "Europe/Paris"}


def write_people(path: Path, n: int) -> None:
    """Write n people, the same at every run."""
    dice = random.Random(7)  # noqa: S311  (people, not secrets)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        for i in range(1, n + 1):
            language = dice.choices(list(PEOPLE), [5, 3, 2])[0]
            first, last, city = (dice.choice(names) for names in PEOPLE[language])
            since = f"20{dice.randint(12, 25)}-{dice.randint(1, 12):02}-{dice.randint(1, 28):02}"
            writer.writerow(
                (f"demo-{i}", f"{first} {last}", f"member{i}@{dice.choice(DOMAINS)}", *numbers(i), language,
                 ZONES[language], dice.choice(("basic", "family", "gold")), city, dice.randint(0, 300), since)
            )  # fmt: skip


def numbers(i: int) -> tuple[str, str]:
    """Return the phone and the WhatsApp number of a person; some have only one of them, or none."""
    phone = f"+346{21_200_000 + i}"
    if i % WITHOUT_PHONE == 0:
        return "", ""
    if i % WITHOUT_WHATSAPP == 0:
        return phone, ""
    return phone, f"346{i // UNDELIVERABLE:02}131026" if i % UNDELIVERABLE == 7 else phone.lstrip("+")


def with_phone(n: int) -> int:
    """Return how many of n people have a phone."""
    return n - n // WITHOUT_PHONE


def picture(width: int = 360, height: int = 180) -> bytes:
    """Return a PNG of water, for the header of a WhatsApp message."""
    rows = b"".join(
        b"\0" + bytes(part for x in range(width) for part in (20 + y // 4, 120 + y // 3, 190 + (x * y // 40 + x) % 50))
        for y in range(height)
    )

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)  # eight bits for each of red, green and blue
    parts = (chunk(b"IHDR", head), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


SMS: dict[str, dict[str, Any]] = {
    "en": {"text": "{{ contact.first_name }}, the pool is open again. See you soon! {{ organization.name }}"},
    "es": {"text": "{{ contact.first_name }}, la piscina abre de nuevo. ¡Hasta pronto! {{ organization.name }}"},
    "fr": {"text": "{{ contact.first_name }}, la piscine rouvre. À bientôt ! {{ organization.name }}"},
}
TEMPLATE = "pool_opens"  # of the catcher
BROADCAST = "The pool opens again"


def template_parameters(picture: str) -> dict[str, Any]:
    """Return the parameters of the WhatsApp template; `picture` is the uuid of a file."""
    return {
        "header": {"image": {"media": picture}},
        "body": ["{{ contact.first_name }}", "{{ contact.visits }}"],
        "buttons": [{"index": 1, "url": "{{ contact.city | url_encode }}"}],
    }
