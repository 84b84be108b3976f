"""The footer that is added to marketing that does not say how to unsubscribe.

Mail names the sender, with the postal address that CAN-SPAM asks for, and links to preferences and to unsubscribing.
A text message names the sender and how to stop, as the FCC and carriers ask, since each character costs money there.
"""

import re
from html import escape

from broadcasts.languages import nearest_language
from broadcasts.models import Channel, Medium, Message, Organization

SHORT = frozenset({Medium.SMS, Medium.WHATSAPP})
STOP = re.compile(r"\bSTOP\b")
NUMBER = re.compile(r"\+?[0-9]{3,15}")  # also a short code; to a name, nobody can reply

UNSUBSCRIBE = {
    "en": "Unsubscribe",
    "es": "Darse de baja",
    "fr": "Se désabonner",
    "de": "Abmelden",
    "pt": "Cancelar a inscrição",
    "it": "Annulla l'iscrizione",
}


PREFERENCES = {
    "en": "Preferences",
    "es": "Preferencias",
    "fr": "Préférences",
    "de": "Einstellungen",
    "pt": "Preferências",
    "it": "Preferenze",
}


# Without a letter that GSM-7 lacks, which would halve the characters of a segment.
REPLY = {
    "en": "Reply STOP to unsubscribe.",
    "es": "Responda STOP para darse de baja.",
    "fr": "Répondez STOP pour vous désabonner.",
    "de": "Zum Abmelden STOP antworten.",
    "pt": "Responda STOP para sair.",
    "it": "Risponda STOP per annullare.",
}


FOOTER_LINKS = ("preferences_url", "unsubscribe_url")


def footer_links(message: Message) -> tuple[str, ...]:
    """Return the names of the personal links in the footer of a message's text."""
    if message.medium not in SHORT:
        return FOOTER_LINKS
    return () if _takes_replies(message.channel) else ("unsubscribe_url",)


def says_stop(message: Message, text: str) -> bool:
    """Tell whether a text message says how to stop, in words of its own."""
    return message.medium in SHORT and STOP.search(text) is not None and _takes_replies(message.channel)


def _takes_replies(channel: Channel | None) -> bool:
    if channel is None or channel.medium != Medium.SMS:
        return channel is not None
    senders = [channel.from_address, *(channel.settings.get("senders") or {}).values()]
    return all(NUMBER.fullmatch(sender) for sender in senders)


def _words(language: str) -> tuple[str, str]:
    """Return the labels of the preferences link and the unsubscribe link, in the nearest language."""
    ours = nearest_language(language, UNSUBSCRIBE) or "en"
    return PREFERENCES[ours], UNSUBSCRIBE[ours]


def _sender(organization: Organization) -> str:
    return "\n".join(filter(None, [organization.name, organization.postal_address.strip()]))


def text_footer(organization: Organization, language: str, preferences_url: str, unsubscribe_url: str) -> str:
    preferences, unsubscribe = _words(language)
    links = f"{preferences}: {preferences_url}\n{unsubscribe}: {unsubscribe_url}\n"
    return f"\n\n---\n{_sender(organization)}\n{links}"


def short_footer(organization: Organization, language: str, unsubscribe_url: str = "") -> str:
    """Return the footer of a text message; without a URL it asks for a reply."""
    way = (
        f"{_words(language)[1]}: {unsubscribe_url}"
        if unsubscribe_url
        else REPLY[nearest_language(language, REPLY) or "en"]
    )
    return f"\n{organization.name}. {way}"


def footer_lines(
    organization: Organization, language: str, preferences_url: str = "", unsubscribe_url: str = ""
) -> str:
    """Return the sender and the personal links as HTML; the links are left out without a URL."""
    lines = escape(_sender(organization)).splitlines()
    urls = zip((preferences_url, unsubscribe_url), _words(language), strict=True)
    links = [f'<a href="{escape(url)}">{word}</a>' for url, word in urls if url]
    return "<br>".join(lines + ([" · ".join(links)] if links else []))


def html_footer(organization: Organization, language: str, preferences_url: str, unsubscribe_url: str) -> str:
    lines = footer_lines(organization, language, preferences_url, unsubscribe_url)
    return f'<p style="margin-top:2em;font-size:12px;color:#595959">{lines}</p>'
