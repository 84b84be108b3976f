"""The templates that the catcher's WhatsApp account has, as the Cloud API lists them."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

_VARIABLE = re.compile(r"\{\{\s*(\w+)\s*\}\}")
_POOL = {
    "en": (
        "Hello {{1}}, the pool is open again. You came {{2}} times so far.",
        "Reply STOP to get no more of these.",
        ("I will come", "Opening hours"),
    ),
    "es": (
        "Hola, {{1}}: la piscina está abierta de nuevo. Hasta hoy has venido {{2}} veces.",
        "Responde BAJA si no quieres recibir más.",
        ("Iré", "Horario"),
    ),
    "fr": (
        "Bonjour {{1}}, la piscine est rouverte. Vous êtes venu·e {{2}} fois jusqu'ici.",
        "Répondez ARRET pour ne plus rien recevoir.",
        ("Je viendrai", "Horaires"),
    ),
}
_VISIT = {
    "en": "{{first_name}}, your next visit in {{city}} is tomorrow.",
    "es": "{{first_name}}, tu próxima visita en {{city}} es mañana.",
    "fr": "{{first_name}}, votre prochaine visite à {{city}} est demain.",
}


def _template(name: str, language: str, number: int, components: list[dict[str, Any]], **more: str) -> dict[str, Any]:
    values = {"status": "APPROVED", "category": "MARKETING", "parameter_format": "POSITIONAL", **more}
    return {"name": name, "language": language, "id": f"{7_000_000 + number}", "components": components, **values}


def _pool(language: str) -> list[dict[str, Any]]:
    text, footer, (quick_reply, url) = _POOL[language]
    return [
        {"type": "HEADER", "format": "IMAGE", "example": {"header_handle": ["https://club.example/pool.jpg"]}},
        {"type": "BODY", "text": text, "example": {"body_text": [["Ana", "12"]]}},
        {"type": "FOOTER", "text": footer},
        {
            "type": "BUTTONS",
            "buttons": [
                {"type": "QUICK_REPLY", "text": quick_reply},
                {
                    "type": "URL",
                    "text": url,
                    "url": "https://club.example/hours/{{1}}",
                    "example": ["https://club.example/hours/leeds"],
                },
            ],
        },
    ]


def _visit(language: str) -> list[dict[str, Any]]:
    example = [{"param_name": "first_name", "example": "Ana"}, {"param_name": "city", "example": "León"}]
    return [{"type": "BODY", "text": _VISIT[language], "example": {"body_text_named_params": example}}]


_OLD = [{"type": "BODY", "text": "An offer that people reported."}]
TEMPLATES: list[dict[str, Any]] = [
    *(_template("pool_opens", language, i, _pool(language)) for i, language in enumerate(_POOL, 1)),
    *(
        _template("visit_tomorrow", language, i, _visit(language), category="UTILITY", parameter_format="NAMED")
        for i, language in enumerate(_VISIT, 11)
    ),
    _template("old_offer", "en", 21, _OLD, status="PAUSED"),
]


def find(name: str, language: str) -> dict[str, Any] | None:
    return next((one for one in TEMPLATES if (one["name"], one["language"]) == (name, language)), None)


def component(template: Mapping[str, Any], type_: str) -> dict[str, Any]:
    """Return a component of a template; {} if it has none of that type."""
    return next((one for one in template["components"] if one["type"] == type_), {})


def variables(text: str) -> list[str]:
    """Return the names or numbers of the variables in a text, each once."""
    return list(dict.fromkeys(_VARIABLE.findall(text)))


def merged(text: str, parameters: Sequence[Mapping[str, Any]]) -> str:
    """Return a text with its variables replaced, by name where parameters have names and else by number."""
    values = {str(one.get("parameter_name") or i): one for i, one in enumerate(parameters, 1)}
    return _VARIABLE.sub(lambda found: value(values[found[1]]) if found[1] in values else found[0], text)


def value(parameter: Mapping[str, Any]) -> str:
    """Return what a parameter shows."""
    match parameter.get("type"):
        case "currency" | "date_time" as type_:
            return str(parameter[type_].get("fallback_value", ""))
        case "payload" | "coupon_code" as type_:
            return str(parameter.get(type_, ""))
        case _:
            return str(parameter.get("text", ""))
