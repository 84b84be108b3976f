from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from broadcasts import confirming, consenting
from broadcasts.models import Medium, PersonalLink

from .pages import bad_link, masked, notice, page, proof
from .texts import CONFIRM, spoken


@csrf_exempt  # the link authenticates; mail apps may keep no cookies
@require_http_methods(["GET", "HEAD", "POST"])
def confirm(request: HttpRequest, token: str) -> HttpResponse:
    """Show the consent on GET, which changes nothing, since scanners open links; grant it on POST."""
    link = confirming.opened(token, PersonalLink.Purpose.CONFIRM)
    if link is None or link.contact is None:
        return bad_link(request)
    contact = link.contact
    organization = contact.organization
    language = contact.reading_language
    words = CONFIRM[spoken(language)]
    wording = consenting.wording(organization, language, Medium.EMAIL, link.use_case)
    version = consenting.version(wording)
    # Only for the text that was on the page: if it has changed since, the page is shown again.
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
