"""The live preview of the content page: what one person would get of what is typed, though it is not saved."""

import secrets

from django.conf import settings
from django.contrib import admin
from django.core.cache import cache
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.template.loader import render_to_string
from django.urls import reverse

from broadcasts import audience, previewing, rendering
from broadcasts.database import as_id
from broadcasts.exceptions import InvalidInput
from broadcasts.models import Attribute, Contact, Medium, Message, Organization, Template
from broadcasts.previewing import Preview

from . import sms
from .content_formset import LanguagesFormSet
from .patience import TooSlow, at_most
from .search import find_contacts
from .showing import sandboxed

KEPT = 600  # seconds that rendered HTML waits for its frame
FOUND = 10
SECONDS = 2  # timeout of the search for somebody who lacks a value
LACKING = "lacks:"  # begins the choice of somebody who lacks a value
MOST_ATTRIBUTES = 100


class ContentPreviews(admin.ModelAdmin):
    """The addresses that the preview asks; for the admins of messages and templates."""

    def preview_of(self, request: HttpRequest, owner: Message | Template, formset: LanguagesFormSet) -> JsonResponse:
        """Render the language that is shown, for the person who is chosen."""
        organization = rendering.organization_of(owner)
        asked = request.POST
        person, why = somebody(organization, asked.get("person", ""))
        try:
            shown = previewing.render_unsaved(
                formset.message, formset.drafted(), person, "" if asked.get("theirs") else asked.get("language", "")
            )
        except InvalidInput as error:
            words = [{"path": path, "words": told} for path, told in error.errors.items()]
            return JsonResponse({"errors": words, "shown": "", "fragment": "", "language": ""})
        key = _keep(request, shown.html) if shown.html else ""
        return JsonResponse(
            {
                "language": shown.language,
                "lacks": {form.shown_language: form.lacks_words for form in formset.languages if not form.is_removed},
                "errors": [{"path": path, "words": words} for path, words in shown.errors.items()],
                "shown": reverse(f"admin:broadcasts_{self.opts.model_name}_shown", args=[owner.pk, key]) if key else "",
                "fragment": self._fragment(owner, formset, shown, why),
            }
        )

    def _fragment(self, owner: Message | Template, formset: LanguagesFormSet, shown: Preview, why: str) -> str:
        message = formset.message
        return render_to_string(
            "admin/broadcasts/content/shown.html",
            {
                "shown": shown,
                "why": why,
                "is_mail": message.medium == Medium.EMAIL,
                "is_sms": message.medium == Medium.SMS,
                "is_ours": shown.bubble and shown.bubble.link.startswith(f"{settings.BASE_URL}/"),
                "bubble": shown.bubble,
                "count": sms.line(shown.text.strip(), message.channel) if message.medium == Medium.SMS else "",
                "message": message,
            },
        )

    def shown_view(self, request: HttpRequest, pk: int, key: str) -> HttpResponse:
        """Serve rendered HTML to the frame of the one who had it rendered."""
        html = cache.get(_cached(request, key))
        if html is None:
            return sandboxed("<p>This preview is too old: change something, and it is made anew.</p>", is_readable=True)
        return sandboxed(html, request.GET.get("scheme", ""), is_readable=True)

    def people_view(self, request: HttpRequest, pk: int) -> JsonResponse:
        """Find people by name or address, and the values that somebody may lack."""
        if request.method != "GET":
            return HttpResponseNotAllowed(["GET"])  # type: ignore[return-value]
        owner = self.get_object(request, str(pk))
        if owner is None or not self.may(request, "write", owner):  # type: ignore[attr-defined]
            raise Http404
        text = request.GET.get("text", "").replace("\0", "").strip()[:200]
        organization = rendering.organization_of(owner)
        contacts = Contact.objects.for_organization(organization)
        wanted = contacts.filter(pk__in=find_contacts(contacts, text, limit=FOUND)) if text else contacts
        people = [{"value": str(one.pk), "label": one.name_and_address} for one in wanted.order_by("-pk")[:FOUND]]
        words = text.lower().removeprefix("lacks").strip()
        lacking = [
            {"value": f"{LACKING}{name}", "label": f"Someone who lacks {label}"}
            for name, label in lackable(organization).items()
            if words in label.lower() or not words
        ]
        return JsonResponse({"found": (people + lacking)[: 2 * FOUND] if text else people[:5] + lacking[:FOUND]})


def lackable(organization: Organization) -> dict[str, str]:
    """Return {merge field: in words} of the values that a contact may lack."""
    attributes = Attribute.objects.for_organization(organization).order_by("key")[:MOST_ATTRIBUTES]
    own = {name: label.lower() for name, label in audience.merge_field_labels([]).items()}
    return audience.merge_field_labels(attributes) | own


def somebody(organization: Organization, chosen: str) -> tuple[Contact | None, str]:
    """Return the contact that a preview is for, and why it is not the chosen one; None for any."""
    contacts = Contact.objects.for_organization(organization)
    if not chosen.startswith(LACKING):
        return (contacts.filter(pk=as_id(chosen) or 0).first() if chosen else None), ""
    name = chosen.removeprefix(LACKING)
    try:
        with at_most(SECONDS):
            found = audience.compile_query({"lacks": name}, organization).order_by("id").first()
    except InvalidInput as error:
        return None, str(error)
    except TooSlow:
        return None, f"Finding someone who lacks {lackable(organization).get(name, name)} takes too long."
    return found, "" if found else f"Everyone has {lackable(organization).get(name, name)}."


def _cached(request: HttpRequest, key: str) -> str:
    return f"shown:{request.user.pk}:{key}"


def _keep(request: HttpRequest, html: str) -> str:
    """Keep rendered HTML for the frame; return the key, which only this user can use."""
    key = secrets.token_urlsafe(16)
    cache.set(_cached(request, key), html, KEPT)
    return key
