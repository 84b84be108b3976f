"""The demo's organization: its people as a CSV file, and what it tells them."""

import csv
import random
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
HEADER = ("Id", "Name", "E-mail", "Language", "Time zone", "Plan", "City", "Visits", "Member since")
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
                (f"demo-{i}", f"{first} {last}", f"member{i}@{dice.choice(DOMAINS)}", language, ZONES[language],
                 dice.choice(("basic", "family", "gold")), city, dice.randint(0, 300), since)
            )  # fmt: skip


def _html(hello: str, text: str, plan: str, goodbye: str) -> str:
    return (
        '<div style="font-family: sans-serif; max-width: 36em; margin: auto">'
        f'<h1 style="color: #06566e">{hello}</h1><p>{text}</p>'
        f'<p style="padding: 1em; background: #e8f4f7">{plan}</p><p>{goodbye}</p></div>'
    )


def _content(subject: str, hello: str, text: str, plan: str, goodbye: str) -> dict[str, str]:
    return {
        "subject": subject,
        "text": f"{hello}\n\n{text}\n\n{plan}\n\n{goodbye}\n",
        "html": _html(hello, text, plan, goodbye),
    }


TRANSLATIONS: dict[str, dict[str, Any]] = {
    "en": _content(
        "{{ contact.first_name }}, the pool opens again",
        "Hello {{ contact.name }},",
        "the pool is open again, and you came {{ contact.visits }} times so far.",
        "Your plan: {{ contact.plan }}. Your city: {{ contact.city }}.",
        "See you soon! {{ organization.name }}",
    ),
    "es": _content(
        "{{ contact.first_name }}, la piscina abre de nuevo",
        "Hola, {{ contact.name }}:",
        "la piscina está abierta de nuevo; hasta hoy has venido {{ contact.visits }} veces.",
        "Tu plan: {{ contact.plan }}. Tu ciudad: {{ contact.city }}.",
        "¡Hasta pronto! {{ organization.name }}",
    ),
    "fr": _content(
        "{{ contact.first_name }}, la piscine rouvre",
        "Bonjour {{ contact.name }},",
        "la piscine est rouverte ; vous êtes venu·e {{ contact.visits }} fois jusqu'ici.",
        "Votre formule : {{ contact.plan }}. Votre ville : {{ contact.city }}.",
        "À bientôt ! {{ organization.name }}",
    ),
}
BROADCAST = "The pool opens again"
