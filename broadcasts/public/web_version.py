"""A mail in the browser, for mail programs that do not show it well: the copy of one person, behind its signed link."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from broadcasts import links, rendering
from broadcasts.exceptions import BroadcastsError
from broadcasts.models import Delivery

from .pages import asked_language, bad_link, mail, notice, page, private
from .texts import TEXTS, spoken

LEFT = (Delivery.Status.SENT, Delivery.Status.UNKNOWN, Delivery.Status.FAILED)  # copies that may be in a mailbox


@require_safe
def web_version(request: HttpRequest, token: str) -> HttpResponse:
    """Show the copy that a link came in; one of an erased person, or deleted by retention, is a link that is bad."""
    delivery_id = links.delivery_id(token)
    if delivery_id == links.TEST_SEND:
        words, language = TEXTS[spoken(asked_language(request))], asked_language(request)
        return notice(request, words["test_title"], words["test_web"], language)
    rows = Delivery.objects.select_related("message__channel", "message__template", "contact")
    rows = rows.select_related("message__broadcast__organization").filter(status__in=LEFT, contact__isnull=False)
    delivery = rows.filter(pk=delivery_id).first() if delivery_id else None
    if delivery is None:
        return bad_link(request)
    try:
        copy = rendering.copy_of(delivery)
    except BroadcastsError:  # such as an attribute that was renamed since
        return bad_link(request)
    if not copy.html:
        return page(
            request, "public/web_version.html", {"copy": copy, "title": copy.subject, "language": copy.language}
        )
    return private(mail(copy.html))
