"""The footer that is added to marketing without an unsubscribe link: sender, preferences link, unsubscribe link."""

from html import escape

from broadcasts.languages import nearest_language
from broadcasts.models import Organization

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


def html_footer(organization: Organization, language: str, preferences_url: str, unsubscribe_url: str) -> str:
    sender = "<br>".join(escape(_sender(organization)).splitlines())
    urls = (preferences_url, unsubscribe_url)
    links = [f'<a href="{escape(url)}">{word}</a>' for url, word in zip(urls, _words(language), strict=True)]
    return f'<p style="margin-top:2em;font-size:12px;color:#595959">{sender}<br>{" · ".join(links)}</p>'
