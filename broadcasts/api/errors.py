"""Our exceptions as answers; everything else is as Django REST framework has it."""

import logging
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import IntegrityError
from django.db.models import ProtectedError
from rest_framework import exceptions, status
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response
from rest_framework.views import exception_handler

from broadcasts.apis import Api
from broadcasts.database import RETRY_SECONDS, Outage, outage
from broadcasts.exceptions import EmptyAudience, InvalidInput, NotReady, WrongState

log = logging.getLogger(__name__)


class Conflict(exceptions.APIException):
    status_code = status.HTTP_409_CONFLICT
    default_detail = "This is not possible in its present state."
    default_code = "conflict"


class TooLarge(exceptions.APIException):
    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_detail = "The request is too large."
    default_code = "too_large"


class Unavailable(exceptions.APIException):
    """The database or the disk is out of order; trying again later may help."""

    default_code = "unavailable"
    wait = RETRY_SECONDS  # sent as Retry-After

    def __init__(self, found: Outage) -> None:
        super().__init__(found.sentence)
        self.status_code = found.status


def handle(exc: Exception, context: dict[str, Any]) -> Response | None:
    """Answer an exception, in JSON also where something else was asked for, such as CSV."""
    request = context["request"]
    request.accepted_renderer, request.accepted_media_type = JSONRenderer(), JSONRenderer.media_type
    if found := outage(exc):
        log.warning("%s could not be answered: %s (%s)", request.path, found.text, exc)
        exc = Unavailable(found)
    return exception_handler(translate(exc), context)


def translate(exc: Exception) -> Exception:
    match exc:
        case InvalidInput():
            return exceptions.ValidationError({field: [message] for field, message in exc.errors.items()})
        case WrongState():
            return Conflict(str(exc))
        case EmptyAudience() | NotReady():
            return exceptions.ParseError(str(exc))
        case DjangoValidationError():
            return invalid(exc)
        case ProtectedError():
            return Conflict(in_use(exc))
        case RequestDataTooBig():
            return TooLarge()
        case IntegrityError():
            return Conflict("Somebody else changed the same thing at the same time; read it again.")
    return exc


class NativeApi(Api):
    """Our own API."""

    def handle(self, exc: Exception, context: dict[str, Any]) -> Response | None:
        return handle(exc, context)


def invalid(error: DjangoValidationError, whole: str = "non_field_errors") -> exceptions.ValidationError:
    """Convert a model's ValidationError to a serializer's; errors of the whole row get the key `whole`."""
    if not hasattr(error, "error_dict"):
        return exceptions.ValidationError({whole: error.messages})
    return exceptions.ValidationError(
        {whole if field == "__all__" else field: messages for field, messages in error.message_dict.items()}
    )


def in_use(error: ProtectedError) -> str:
    users = {str(row._meta.verbose_name) for row in error.protected_objects}
    examples = ", ".join(sorted(f"“{row}”" for row in list(error.protected_objects)[:3]))
    return f"It is in use and cannot be deleted: {len(error.protected_objects)} {'/'.join(sorted(users))} ({examples})."
