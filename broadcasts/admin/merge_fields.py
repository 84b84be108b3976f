"""The merge fields that the editors of content offer."""

from django.http import HttpRequest, JsonResponse

from broadcasts import rendering

from .access import readable_organization


def fields_view(request: HttpRequest) -> JsonResponse:
    """Return the merge fields of one organization, as a syntax writes them; of none where it cannot be told which."""
    organization = readable_organization(request, request.GET)
    found = rendering.merge_fields(organization, request.GET.get("syntax", "")) if organization else []
    return JsonResponse({"fields": [one._asdict() for one in found]})
