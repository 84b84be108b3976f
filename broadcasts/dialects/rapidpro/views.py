"""What RapidPro's views share: tokens, the limit per workspace, cursors, and rows named by the URL's parameters."""

import base64
import binascii
from datetime import UTC, datetime
from typing import Any, ClassVar

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import AuthenticationFailed, NotFound, ParseError, ValidationError
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request

from broadcasts.api.authentication import TokenAuthentication
from broadcasts.api.parsers import Json
from broadcasts.api.permissions import UUID
from broadcasts.api.throttling import PerToken
from broadcasts.clocks import is_near
from broadcasts.database import as_id, storable
from broadcasts.dialects.fields import utc
from broadcasts.dialects.views import DialectView
from broadcasts.models import ApiToken, User

NOT_ONE_OBJECT = "Request body should be a single JSON object"
ONE_OF = "URL can only contain one of the following parameters: {}"
NEEDS_ONE_OF = "URL must contain one of the following parameters: {}"


class RapidProAuthentication(TokenAuthentication):
    """`Authorization: Token <key>`, or Basic with the e-mail address of its user and the key; refusals are 403."""

    def key(self, request: Request) -> str | None:
        return _credentials(request)[1] if _is_basic(request) else super().key(request)

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        refusal = "Invalid token or email" if _is_basic(request) else "Invalid token"
        try:
            found = super().authenticate(request)
        except AuthenticationFailed:
            raise AuthenticationFailed(refusal) from None
        if found and _is_basic(request) and found[0].email.casefold() != _credentials(request)[0].casefold():
            request._request.api_token = None  # type: ignore[attr-defined]  # it was not used
            raise AuthenticationFailed(refusal)
        return found

    def authenticate_header(self, request: Request) -> str:
        return ""  # without a challenge Django REST framework answers 403, as its clients expect


def _is_basic(request: Request) -> bool:
    return request.headers.get("Authorization", "").strip().lower().startswith("basic ")


def _credentials(request: Request) -> tuple[str, str]:
    """Return (e-mail address, key) of Basic authentication; blank ones where they cannot be read."""
    try:
        text = base64.b64decode(request.headers["Authorization"].split()[1], validate=True).decode()
    except (binascii.Error, ValueError, IndexError):
        return "", ""
    email, _, key = text.partition(":")
    return email, key


class RapidProPerWorkspace(PerToken):
    """At most API_THROTTLE_PER_HOUR requests, over all tokens of an organization."""

    def who(self, request: Request) -> str:
        token = request.auth
        return f"workspace:{token.organization_id}" if isinstance(token, ApiToken) else super().who(request)


class RapidProPages(CursorPagination):
    """Pages of 250, newest first, each row once although new ones arrive."""

    page_size = 250
    offset_cutoff = 100_000  # rows of one moment, such as those of an import
    ordering: Any = ("-created", "-id")

    def decode_cursor(self, request: Request) -> Any:
        """Return the place that a cursor names; raises NotFound for one of another list."""
        cursor = super().decode_cursor(request)
        if cursor is None or cursor.position is None:
            return cursor
        place = self._place(str(cursor.position))
        if place is None:
            raise NotFound(self.invalid_cursor_message)
        return cursor._replace(position=str(place))  # type: ignore[arg-type]  # its stubs take numbers only

    def _place(self, position: str) -> object:
        """Return where a page begins, as databases compare it: an id or a moment; None for anything else."""
        if self.ordering[0].endswith("id"):
            return as_id(position)
        try:
            moment = datetime.fromisoformat(position)
        except ValueError:
            return None
        return moment.astimezone(UTC) if moment.tzinfo and is_near(moment) else None


@extend_schema_field({"type": "string", "pattern": f"^({UUID.pattern.replace('0-9a-f', '0-9a-fA-F')})?$"})
class UuidParameter(serializers.CharField):
    """A uuid with or without hyphens; a blank one counts as absent."""


class RapidProListSerializer(serializers.Serializer):
    cursor = serializers.CharField(required=False, help_text="As `next` has it.")


class RapidProSpanSerializer(RapidProListSerializer):
    before = serializers.CharField(required=False, help_text="A moment, itself included.")
    after = serializers.CharField(required=False, help_text="A moment, itself included.")


def paged(item: type[serializers.Serializer]) -> type[serializers.Serializer]:
    """Return the serializer of a page of these."""
    fields: dict[str, Any] = {
        "next": serializers.URLField(allow_null=True),
        "previous": serializers.URLField(allow_null=True),
        "results": item(many=True),
    }
    return type(f"{item.__name__.removesuffix('Serializer')}PageSerializer", (serializers.Serializer,), fields)


class RapidProView(DialectView):
    """A view below /api/v2/; `keys` are the parameters of which a URL names a row by one."""

    authentication_classes = [RapidProAuthentication]
    throttle_classes = [RapidProPerWorkspace]
    parser_classes: list[Any] = [Json]
    keys: ClassVar[tuple[str, ...]] = ()

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        if hasattr(self, "member"):
            response["X-Temba-Workspace"] = str(self.organization.uuid)
        return super().finalize_response(request, response, *args, **kwargs)

    def read(self, form: type[serializers.Serializer], **context: Any) -> dict[str, Any]:
        """Return the validated body; what else the form needs is in its context."""
        if not isinstance(self.request.data, dict):
            raise ValidationError({"non_field_errors": [NOT_ONE_OBJECT]})
        return self._valid(form(data=self.request.data, context=self.context(**context)))

    def param(self, name: str) -> str:
        """Return a parameter of the URL, the first where it is repeated; "" for none."""
        return storable((self.request.query_params.getlist(name) or [""])[0], for_nul="\ufffd")

    def pages(self, rows: QuerySet, ordering: tuple[str, ...] = ("-created", "-id")) -> tuple[RapidProPages, list[Any]]:
        """Return a page of rows, and what writes its envelope."""
        pages = RapidProPages()
        pages.ordering = ordering
        return pages, list(pages.paginate_queryset(rows, self.request, self) or [])

    def within(self, rows: QuerySet, column: str = "created") -> QuerySet:
        """Return the rows from `after` to `before`; none where one of them cannot be read."""
        for name, lookup in (("before", "lte"), ("after", "gte")):
            if given := self.param(name):
                moment = read_moment(given)
                rows = rows.filter(**{f"{column}__{lookup}": moment}) if moment else rows.none()
        return rows

    def one_of(self, *names: str) -> str:
        """Return which one of these parameters the URL has, or ""; raises ValidationError for two."""
        given = [name for name in names if self.param(name)]
        if len(given) > 1:
            raise ValidationError({"non_field_errors": [ONE_OF.format(", ".join(sorted(names)))]})
        return given[0] if given else ""

    def named(self, rows: QuerySet, *, required: bool = False) -> Any:
        """Return the row that the URL names by one of `keys`, or None; raises NotFound where there is none."""
        name = self.one_of(*self.keys)
        if not name and required:
            raise ValidationError({"non_field_errors": [NEEDS_ONE_OF.format(", ".join(sorted(self.keys)))]})
        if not name:
            return None
        row = self.by(rows, name, self.param(name)).first()
        if row is None:
            raise NotFound()
        return row

    def by(self, rows: QuerySet, name: str, value: str) -> QuerySet:
        """Return the rows that a parameter names."""
        if name == "uuid":
            return rows.filter(uuid=uuid_of(value))
        if name != "id":
            return rows.filter(**{f"{name}__iexact": value})
        if not (value.isascii() and value.isdigit()):
            raise ParseError("Value for id must be an integer")
        return rows.filter(pk=as_id(value) or 0)  # of nobody, for more digits than ids have

    def chosen(self, rows: QuerySet, *names: str) -> QuerySet:
        """Return the rows that each of these parameters names, if the URL has it."""
        for name in names:
            if value := self.param(name):
                rows = self.by(rows, name, value)
        return rows


def uuid_of(text: str) -> str:
    """Return a uuid of the URL; raises ParseError for what is none."""
    if not UUID.fullmatch(text):
        raise ParseError(f"Param 'uuid': {text} is not a valid UUID.")
    return text


def is_true(given: str) -> bool:
    return given.lower() in ("1", "true")


def read_moment(text: str) -> datetime | None:
    """Read a day or a moment in ISO 8601, in UTC where it has no offset; None for anything else."""
    for spelling in (text, text.replace(" ", "+")):  # an offset's + that was not escaped
        try:
            moment = datetime.fromisoformat(spelling)
        except ValueError:
            continue
        if moment and is_near(moment):
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    return None


def shown(moment: datetime | None) -> str | None:
    """Write a moment in UTC with six digits: 2013-08-19T19:11:21.082000Z."""
    return utc(moment, "microseconds")
