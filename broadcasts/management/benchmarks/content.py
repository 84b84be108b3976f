"""What the bench sends: subject, text and HTML in two languages, personal throughout, about 5 KB a copy."""

import re
from typing import Any

PARAGRAPHS = {
    "en": (
        "you came {{ contact.visits }} times so far, and your plan is {{ contact.plan }}. We are glad to have you "
        "with us in {{ contact.city }}, and we have news: the big pool opens again on Monday, warmer than it was.",
        "All lanes are open from seven in the morning. The water was changed, the tiles are new, and the showers "
        "have more than one temperature. Whoever has a family plan may bring children until six in the evening.",
        "The courses begin in the week after. There are places left in back stroke and in life saving; write to us "
        "or ask at the desk. Courses are paid by the month, and whoever is ill does not pay for that month.",
        "On the first Sunday of the month we meet for breakfast by the water, members and those who think of "
        "becoming one. Bring whoever you like, {{ contact.first_name }}; the coffee is on us, the swimming too.",
        "The general meeting is in the spring. There is a treasurer to be chosen, and somebody who looks after the "
        "sauna; whoever would like to do either, or knows somebody who should, says so until the end of the month.",
        "Two things were found in the changing rooms: a ring with a blue stone, and a pair of glasses that somebody "
        "must be missing. Both are at the desk, with nine towels. Towels that nobody wants go to the dogs' home.",
    ),
    "es": (
        "hasta hoy has venido {{ contact.visits }} veces, y tu plan es {{ contact.plan }}. Nos alegra tenerte con "
        "nosotros en {{ contact.city }}, y hay noticias: la piscina grande abre de nuevo el lunes, más cálida.",
        "Todas las calles abren a las siete de la mañana. El agua es nueva, los azulejos también, y las duchas "
        "tienen más de una temperatura. Quien tenga el plan familiar puede traer niños hasta las seis de la tarde.",
        "Los cursos empiezan la semana siguiente. Quedan plazas de espalda y de salvamento; escríbenos o pregunta "
        "en recepción. Los cursos se pagan por meses, y quien esté enfermo no paga ese mes, como hasta ahora.",
        "El primer domingo del mes desayunamos junto al agua, socios y quienes piensan en serlo. Trae a quien "
        "quieras, {{ contact.first_name }}; al café invitamos nosotros, y a nadar también, hasta el mediodía.",
        "La asamblea general es en primavera. Hay que elegir tesorero y a alguien que cuide de la sauna; quien "
        "quiera hacer lo uno o lo otro, o conozca a quien debería, que lo diga antes de que acabe el mes.",
        "En los vestuarios se han encontrado un anillo con una piedra azul y unas gafas que alguien echará de "
        "menos. Están en recepción, con nueve toallas. Las que nadie quiera serán para la protectora de animales.",
    ),
}
WORDS = {
    "en": ("{{ contact.first_name }}, the pool opens again", "Hello {{ contact.name }},", "Unsubscribe"),
    "es": ("{{ contact.first_name }}, la piscina abre de nuevo", "Hola, {{ contact.name }}:", "Darse de baja"),
}
STYLE = "margin: 0 0 1em; padding: 0; font-family: Helvetica, Arial, sans-serif; font-size: 16px; color: #123"


def translations() -> dict[str, dict[str, Any]]:
    """Return the content by language; its placeholders are those of Liquid and of Django's templates alike."""
    return {language: _translation(language) for language in WORDS}


def as_expressions(value: Any) -> Any:
    """Return content with Liquid's placeholders written as expressions, which have no link to unsubscribe."""
    if isinstance(value, dict):
        return {key: as_expressions(one) for key, one in value.items()}
    if not isinstance(value, str):
        return [as_expressions(one) for one in value] if isinstance(value, list) else value
    linked = value.replace("{{ unsubscribe_url }}", "https://club.example/leave/@contact.uuid")
    named = re.sub(r"{{ contact\.(name|first_name) }}", r"@contact.\1", linked)
    return re.sub(r"{{ contact\.(\w+) }}", r"@fields.\1", named)


def blocks(language: str) -> dict[str, Any]:
    """Return the same words as blocks: a newsletter with a heading, words, a button and a link to unsubscribe."""
    hello, leave = WORDS[language][1:]
    said = [{"type": "text", "html": f"<p>{words}</p>"} for words in PARAGRAPHS[language]]
    plans = "https://club.example/plans/?member={{ contact.member }}"
    left = {"type": "text", "html": f'<p><a href="{{{{ unsubscribe_url }}}}">{leave}</a></p>', "size": "small"}
    written: list[dict[str, Any]] = [
        {"type": "heading", "text": hello},
        *said,
        {"type": "button", "text": "{{ contact.plan }}", "href": plans},
        left,
    ]
    return {"format": "blocks", "blocks": written}


def _translation(language: str) -> dict[str, Any]:
    subject, hello, leave = WORDS[language]
    text = "\n\n".join((hello, *PARAGRAPHS[language], f"{leave}: {{{{ unsubscribe_url }}}}"))
    html = "\n".join(f'<p style="{STYLE}">{words}</p>' for words in PARAGRAPHS[language])
    return {
        "subject": subject,
        "text": f"{text}\n",
        "html": (
            f'<html><body style="background: #f4f8fa">\n<h1 style="color: #06566e">{hello}</h1>\n{html}\n'
            '<p><a href="https://club.example/plans/?member={{ contact.member }}">{{ contact.plan }}</a></p>\n'
            f'<p><a href="{{{{ unsubscribe_url }}}}">{leave}</a></p>\n'
            '<img src="https://club.example/seen.gif?member={{ contact.member }}" width="1" height="1" alt="">\n'
            "</body></html>\n"
        ),
    }
