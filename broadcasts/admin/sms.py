"""The count beside the text of an SMS, which the page asks for while somebody types."""

from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse

from broadcasts import septets
from broadcasts.database import as_id
from broadcasts.models import Channel, Medium, Organization, fill_answer

from .access import Access, scoped

LONGEST = 20_000  # characters
ENCODINGS = {septets.GSM: "GSM-7", septets.UCS2: "UCS-2"}


def count_view(request: HttpRequest) -> HttpResponse:
    """Tell what a text takes as an SMS; nothing where its channel sends none."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    channels = scoped(Channel.objects.filter(medium=Medium.SMS), Access.of(request))
    channel = channels.filter(pk=as_id(request.POST.get("channel", "")) or 0).first()
    if channel is None and request.POST.get("medium") != Medium.SMS:
        return JsonResponse({"line": ""})
    text = request.POST.get("text", "")[:LONGEST].replace("\r\n", "\n")
    plain = septets.plain(text)
    return JsonResponse({"line": line(_filled(request, text), channel), "plain": plain if plain != text else ""})


def _filled(request: HttpRequest, text: str) -> str:
    """Return the text of an answer as the organization that is named sends it; any other text as it is."""
    pk = as_id(request.POST.get("organization", "")) or 0
    organization = scoped(Organization.objects.all(), Access.of(request)).filter(pk=pk).first() if pk else None
    return fill_answer(text, organization) if organization else text


def line(text: str, channel: Channel | None) -> str:
    """Say how long a text is, what it costs, and which characters make it longer."""
    told = septets.count(text)
    said = f"{told.segments} SMS segment{'' if told.segments == 1 else 's'}"
    if channel and channel.segment_price is not None:
        said += f", {(told.segments * channel.segment_price).normalize():f} {channel.currency} per person"
    said += f". {ENCODINGS[told.encoding]}: {told.units} used, {told.left} left."
    if told.others:
        said += f" These characters make it longer: {' '.join(told.others[:20])}"
    if "{{" in text or "{%" in text:
        said += " Placeholders count as they are written here."
    return said
