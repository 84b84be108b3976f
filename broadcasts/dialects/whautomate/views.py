"""What Whautomate's views share: three headers for the key, and the limit."""

from rest_framework import serializers
from rest_framework.request import Request

from broadcasts.api.authentication import TokenAuthentication, presented_key
from broadcasts.dialects.paging import MOST, PageSerializer
from broadcasts.dialects.views import DialectView, PerMinute
from broadcasts.models import ApiToken, Organization


class WhautomateKey(TokenAuthentication):
    """`x-api-key`, `Authorization: Token` or `Bearer`, or the older header `APPOINTO-TOKEN`."""

    def key(self, request: Request) -> str | None:
        return request.headers.get("X-Api-Key") or presented_key(request) or request.headers.get("Appointo-Token")


class WhautomatePerKey(PerMinute):
    limit = 100

    def who(self, request: Request) -> str:
        return f"w:{request.auth.pk}" if isinstance(request.auth, ApiToken) else f"w:{request.user.pk}"


class WhautomateView(DialectView):
    authentication_classes = [WhautomateKey]
    throttle_classes = [WhautomatePerKey]


class WhautomateListSerializer(PageSerializer):
    """`limit` and `page`; more than 100 at once are cut to 100."""

    limit = serializers.IntegerField(required=False, default=MOST, min_value=1)

    def validate_limit(self, value: int) -> int:
        return min(value, MOST)


def location(organization: Organization) -> dict[str, str]:
    """Return the one location that a key has: its organization."""
    return {"id": str(organization.uuid), "title": organization.name}


def names_location(organization: Organization, key: str) -> bool:
    """Tell whether an id of a location is that of an organization."""
    return key in (str(organization.uuid), organization.uuid.hex, organization.slug, str(organization.pk))
