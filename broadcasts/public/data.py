from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.http import require_http_methods

from broadcasts import confirming
from broadcasts.contacts import erase
from broadcasts.exporting import person_json
from broadcasts.models import AuditEntry, Contact, PersonalLink

from .pages import bad_link, masked, notice, page, private
from .texts import DATA, spoken


@csrf_protect
@require_http_methods(["GET", "HEAD", "POST"])
def data(request: HttpRequest, token: str) -> HttpResponseBase:
    """Let a contact download or erase its data; it needs a fresh link, since other mail may be forwarded."""
    link = confirming.opened(token, PersonalLink.Purpose.DATA)
    if link is None or link.contact is None:
        return bad_link(request)
    contact = link.contact
    organization = contact.organization
    language = contact.reading_language
    words = {name: text.format(organization=organization.name) for name, text in DATA[spoken(language)].items()}
    act = request.POST.get("act") if request.method == "POST" else ""
    if act == "download":
        return _download(contact)
    if act == "delete" and request.POST.get("sure"):
        erase(contact, source="the person, by a link mailed to it")
        return notice(request, words["deleted_title"], words["deleted"], language, organization=organization)
    context = {
        "language": spoken(language),
        "title": words["title"],
        "organization": organization,
        "words": words,
        "address": masked(contact.email),
        "error": words["unsure"] if act == "delete" else "",
    }
    return page(request, "public/data.html", context)


def _download(contact: Contact) -> HttpResponseBase:
    AuditEntry.write(contact, "export", organization=contact.organization, by="the person, by a link mailed to it")
    response = StreamingHttpResponse(person_json(contact), content_type="application/json")
    response["Content-Disposition"] = 'attachment; filename="my-data.json"'
    return private(response)
