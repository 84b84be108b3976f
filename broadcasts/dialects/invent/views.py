"""What Invent's views share: its organization in the path, its limit, and reading one broadcast."""

from typing import Any

from django.db.models import QuerySet
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from broadcasts import audience, stats
from broadcasts.audience import Audience
from broadcasts.dialects.views import DialectView, PerMinute
from broadcasts.models import Broadcast
from broadcasts.origin import subscriber

from .serializers import InventBroadcastSerializer

OWN = "c"  # the organization of the key


class InventPerAddress(PerMinute):
    limit = 500

    def who(self, request: Request) -> str:
        return f"i:{subscriber(request._request) or 'unknown'}"


class InventView(DialectView):
    """A view below /orgs/{org}/: `c`, or the uuid, slug or id of the token's organization; 404 for any other."""

    throttle_classes = [InventPerAddress]

    def check_permissions(self, request: Request) -> None:
        super().check_permissions(request)
        own = self.organization
        names = {OWN, str(own.uuid), own.uuid.hex, own.slug, str(own.pk)}
        if self.kwargs["org"] not in names:
            raise NotFound()

    def broadcasts(self) -> QuerySet[Broadcast]:
        return Broadcast.objects.for_organization(self.organization)

    def broadcast(self) -> Broadcast:
        return self.find(self.broadcasts(), self.kwargs["id"])

    def shown(self, broadcast: Broadcast) -> Response:
        """Return one broadcast as it is now; before its start with the numbers of its estimate."""
        [row] = loaded(self.broadcasts().filter(pk=broadcast.pk))
        estimates = {}
        if row.status not in Broadcast.STARTED:
            estimates[row.pk] = audience.estimate(Audience.of(row), audience.routes_of(row))
        return Response(
            InventBroadcastSerializer(row, context=self.context(estimates=estimates, **numbers([row]))).data
        )


def loaded(rows: QuerySet[Broadcast]) -> list[Broadcast]:
    """Return broadcasts with all that their serializer reads."""
    lists = ("messages__channel", "messages__translations")
    return list(rows.prefetch_related("segments", *lists))


def numbers(broadcasts: list[Broadcast]) -> dict[str, Any]:
    """Return the counts that a serializer of broadcasts has in its context, in two queries at most."""
    messages = [one for row in broadcasts if row.status in Broadcast.STARTED for one in row.messages.all()]
    return {
        "counts": stats.counts(broadcasts),
        "message_counts": stats.message_counts(messages) if messages else {},
    }
