"""What marketing must carry, where its content does not: how to leave, and who writes."""

from html import escape

from broadcasts.models import Organization

UNSUBSCRIBE = {
    "en": "Unsubscribe",
    "es": "Darse de baja",
    "fr": "Se désabonner",
    "de": "Abmelden",
    "pt": "Cancelar a inscrição",
    "it": "Annulla l'iscrizione",
}


def _words(language: str) -> str:
    return UNSUBSCRIBE.get(language.partition("-")[0], UNSUBSCRIBE["en"])


def _sender(organization: Organization) -> str:
    return "\n".join(filter(None, [organization.name, organization.postal_address.strip()]))


def text_footer(organization: Organization, language: str, url: str) -> str:
    return f"\n\n---\n{_sender(organization)}\n{_words(language)}: {url}\n"


def html_footer(organization: Organization, language: str, url: str) -> str:
    sender = "<br>".join(escape(_sender(organization)).splitlines())
    link = f'<a href="{escape(url)}">{_words(language)}</a>'
    return f'<p style="margin-top:2em;font-size:12px;color:#595959">{sender}<br>{link}</p>'
