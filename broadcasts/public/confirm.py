from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from broadcasts import confirming, consenting
from broadcasts.models import Medium, PersonalLink

from .pages import bad_link, masked, notice, page, proof
from .texts import CONFIRM, spoken


@csrf_exempt  # the link, which only the address's owner has, is the proof; mail apps may keep no cookies
@require_http_methods(["GET", "HEAD", "POST"])
def confirm(request: HttpRequest, token: str) -> HttpResponse:
    """Show what is agreed to on GET, which never agrees: scanners open links. POST is the yes."""
    link = confirming.opened(token, PersonalLink.Purpose.CONFIRM)
    if link is None or link.contact is None:
        return bad_link(request)
    contact = link.contact
    organization = contact.organization
    language = contact.reading_language
    words = CONFIRM[spoken(language)]
    wording = consenting.wording(organization, language, Medium.EMAIL, link.use_case)
    version = consenting.version(wording)
    # Only to the words that were on the page: where they changed since, it is shown again.
    if request.method == "POST" and request.POST.get("wording") == version:
        if not confirming.confirm(link, evidence=proof(request, "confirm page", wording)):
            return bad_link(request)
        return notice(request, words["done_title"], words["done"], language, organization=organization)
    context = {
        "language": spoken(language),
        "title": words["title"],
        "organization": organization,
        "words": words,
        "wording": wording,
        "version": version,
        "about": words["address"].format(address=masked(contact.email)),
    }
    return page(request, "public/confirm.html", context)
