"""The merge fields that the editors of content offer."""

from django.http import HttpRequest, JsonResponse

from broadcasts import rendering
from broadcasts.database import as_id
from broadcasts.models import Organization

from .access import Access, scoped


def fields_view(request: HttpRequest) -> JsonResponse:
    """Return the merge fields of one organization, as a syntax writes them; of none where it cannot be told which."""
    rows = scoped(Organization.objects.order_by("id"), Access.of(request))
    if pk := as_id(request.GET.get("organization", "")):
        rows = rows.filter(pk=pk)
    organization = rows.first()
    found = rendering.merge_fields(organization, request.GET.get("syntax", "")) if organization else []
    return JsonResponse({"fields": [one._asdict() for one in found]})
