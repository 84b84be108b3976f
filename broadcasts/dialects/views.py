"""What the views of all dialects share."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from broadcasts import throttling
from broadcasts.api.authentication import TokenAuthentication
from broadcasts.api.idempotency import Idempotent
from broadcasts.api.parsers import Json
from broadcasts.api.permissions import UUID, OfMember, act_of, may


class DialectView(OfMember, Idempotent, APIView):
    """A view for a token of one organization; `acts` names what a method needs beyond read and write.

    `parameters` are those of all its operations, for the document.
    """

    authentication_classes = [TokenAuthentication]
    parser_classes: list[Any] = [Json]
    acts: ClassVar[dict[str, str]] = {}
    parameters: ClassVar[tuple[Any, ...]] = ()

    def act(self) -> str:
        method = self.request.method or ""
        return self.acts.get(method) or act_of(method)

    def may(self, act: str) -> bool:
        """Tell whether the request may do something beyond what its method needs."""
        return may(self.request, self.member, act)

    def find(self, rows: QuerySet, key: str, column: str = "uuid") -> Any:
        """Return the row of a uuid of the URL; raises NotFound, for a malformed one too."""
        row = rows.filter(**{column: key}).first() if UUID.fullmatch(key) else None
        if row is None:
            raise NotFound()
        return row

    def context(self, **more: Any) -> dict[str, Any]:
        """Return the context of serializers."""
        return {"request": self.request, "organization": self.organization, **more}

    def read(self, form: type[serializers.Serializer], **kwargs: Any) -> dict[str, Any]:
        """Return the validated body."""
        return self._valid(form(data=self.request.data, context=self.context(), **kwargs))

    def asked(self, form: type[serializers.Serializer]) -> dict[str, Any]:
        """Return the validated parameters of the URL; blank ones count as absent."""
        given = {name: value for name, value in self.request.query_params.items() if value != ""}
        return self._valid(form(data=given, context=self.context()))

    def _valid(self, serializer: serializers.Serializer) -> dict[str, Any]:
        serializer.is_valid(raise_exception=True)
        found: Mapping[str, Any] = serializer.validated_data
        return dict(found)


class DoneSerializer(serializers.Serializer):
    """The answer to a deletion."""

    success = serializers.BooleanField()


class PerMinute(BaseThrottle):
    """At most `limit` requests per clock minute."""

    limit: ClassVar[int]

    def who(self, request: Request) -> str:
        """Return what requests are counted by, at most 40 characters; another one than that of any hourly limit."""
        raise NotImplementedError

    def allow_request(self, request: Request, view: object) -> bool:
        return throttling.allows(self.who(request), self.limit, window=throttling.MINUTE)

    def wait(self) -> float:
        return throttling.seconds_left(throttling.MINUTE)
