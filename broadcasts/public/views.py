"""The unsubscribe page, and health checks."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from broadcasts import health, links, tracking
from broadcasts.models import Delivery

from .pages import asked_language, bad_link, masked, page, proof
from .texts import TEXTS, spoken


@csrf_exempt  # mailbox providers post without cookies (RFC 8058); the link authenticates
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """Show a button on GET, which changes nothing, since scanners open links; unsubscribe on POST (RFC 8058)."""
    delivery_id = links.delivery_id(token)
    if delivery_id == links.TEST_SEND:
        return _page(request, "test", asked_language(request))
    delivery = (
        Delivery.objects.select_related("message__broadcast__organization").filter(pk=delivery_id).first()
        if delivery_id
        else None
    )
    if delivery is None:
        return bad_link(request)
    done = request.method == "POST"
    if done:
        one_click = request.POST.get("List-Unsubscribe") == "One-Click"
        source = "one-click" if one_click else "page"
        tracking.unsubscribe(delivery, source, proof(request, source))
    organization = delivery.message.broadcast.organization.name
    address = masked(delivery.address)
    return _page(request, "done" if done else "question", delivery.language, organization=organization, address=address)


@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """Return 200 if this process answers; nothing else is checked, not even the database."""
    return HttpResponse("ok", content_type="text/plain")


@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """Return the checks of the database and the workers; 503 if one of them fails."""
    found = health.ready()
    is_ready = all(check.level != health.FAIL for check in found)
    checks = {check.id: {"level": check.level, "message": check.message} for check in found}
    return JsonResponse({"ready": is_ready, "checks": checks}, status=200 if is_ready else 503)


def _page(request: HttpRequest, name: str, language: str, **about: str) -> HttpResponse:
    language = spoken(language)
    words = TEXTS[language]
    context = {
        "language": language,
        "title": words["title" if name == "question" else f"{name}_title"],
        "text": words[name].format(**about),
        "about": words["address"].format(**about) if about.get("address") else "",
        "button": words["button"] if name == "question" else "",
    }
    return page(request, "public/unsubscribe.html", {**context, **about})
