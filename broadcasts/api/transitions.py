"""What moves a broadcast from one state to the next: schedule, send, undo, pause, cancel and the like."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from broadcasts import drafting, sending
from broadcasts.exceptions import WrongState
from broadcasts.models import Broadcast

from .actions import SendSerializer, TimeSerializer
from .serializers import BroadcastSerializer


@contextmanager
def editable() -> Iterator[None]:
    """Tell existing clients in their own words that it is too late."""
    try:
        yield
    except WrongState:
        raise WrongState(drafting.NOT_EDITABLE) from None


TOO_LATE = {409: OpenApiResponse(description=drafting.NOT_EDITABLE)}


class Transitions:
    """The transitions, for the broadcasts; each needs the right to send."""

    OF_SENDERS: ClassVar[tuple[str, ...]] = (
        *("schedule", "send", "undo", "unschedule"),
        *("pause", "resume", "cancel", "reopen", "retry"),
    )

    @extend_schema(
        summary="Schedule",
        description="At the time given, or at the one it has. On a scheduled one it changes the time, or nothing. It "
        "ends an undo window.",
        request=TimeSerializer,
        responses={200: BroadcastSerializer, **TOO_LATE},
    )
    @action(detail=True, methods=["post"])
    def schedule(self: Any, request: Request, uuid: str) -> Response:
        broadcast = self.get_object()
        if broadcast.status not in Broadcast.EDITABLE:
            raise WrongState(drafting.NOT_EDITABLE)
        given = self.read(TimeSerializer)
        with editable():
            sending.schedule(broadcast, given.get("scheduled_at"), self.user, day=given.get("send_at"))
        return self.shown(self.fresh(broadcast))

    @extend_schema(
        summary="Send now",
        description="It begins at once. With `undo_seconds` it is scheduled for so many seconds and cannot be edited; "
        "`undo/` makes it a draft again until then. What cannot be sent is refused at once in both cases.",
        request=SendSerializer,
        responses={200: BroadcastSerializer, **TOO_LATE},
    )
    @action(detail=True, methods=["post"])
    def send(self: Any, request: Request, uuid: str) -> Response:
        broadcast = self.get_object()
        seconds = self.read(SendSerializer).get("undo_seconds", 0)
        if seconds and broadcast.is_undoable:
            raise WrongState(drafting.why_not_editable(broadcast))
        with editable():
            sending.send(broadcast, by=self.user, undo_seconds=seconds)
        return self.shown(self.fresh(broadcast))

    @extend_schema(
        summary="Stop it before it begins",
        description="Within its undo window (`undo_until` is not null): it becomes a draft again with the time that it "
        "had, and reaches nobody. Otherwise a 409: what has begun can be paused or cancelled.",
        request=None,
    )
    @action(detail=True, methods=["post"])
    def undo(self: Any, request: Request, uuid: str) -> Response:
        return self.do(sending.undo)

    @extend_schema(summary="Make it a draft again", request=None)
    @action(detail=True, methods=["post"])
    def unschedule(self: Any, request: Request, uuid: str) -> Response:
        return self.do(sending.unschedule)

    @extend_schema(summary="Pause", request=None)
    @action(detail=True, methods=["post"])
    def pause(self: Any, request: Request, uuid: str) -> Response:
        return self.do(sending.pause)

    @extend_schema(summary="Resume", request=None)
    @action(detail=True, methods=["post"])
    def resume(self: Any, request: Request, uuid: str) -> Response:
        return self.do(sending.resume)

    @extend_schema(
        summary="Stop for good",
        description="What left stays sent. A scheduled one never begins, and can be reopened.",
        request=None,
    )
    @action(detail=True, methods=["post"])
    def cancel(self: Any, request: Request, uuid: str) -> Response:
        return self.do(sending.cancel)

    @extend_schema(
        summary="Make a cancelled one a draft again",
        description="Only one that was cancelled before it began; it keeps its time.",
        request=None,
    )
    @action(detail=True, methods=["post"])
    def reopen(self: Any, request: Request, uuid: str) -> Response:
        return self.do(sending.reopen)

    @extend_schema(
        summary="Send again to those it failed to reach",
        description="As a linked child, which is returned.",
        request=None,
        responses={201: BroadcastSerializer},
    )
    @action(detail=True, methods=["post"])
    def retry(self: Any, request: Request, uuid: str) -> Response:
        return self.shown(self.fresh(sending.retry(self.get_object(), by=self.user)), 201)

    def do(self: Any, verb: Any) -> Response:
        broadcast = self.get_object()
        verb(broadcast, by=self.user)
        return self.shown(self.fresh(broadcast))
