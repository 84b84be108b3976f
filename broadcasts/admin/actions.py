"""The registry of actions on broadcasts: permission, states, confirmation, effect and message of each."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django import forms
from django.db import transaction

from broadcasts import archiving, audience, drafting, formats, sending
from broadcasts.models import Broadcast, Engagement, User
from broadcasts.stats import BroadcastCounts

from .confirmations import Confirmation, ScheduleForm, SendForm, TestForm, what_now

Status = Broadcast.Status


class RetargetForm(Confirmation):
    """Asks for whom, with their numbers."""

    engagement = forms.ChoiceField(label="To those who", choices=Engagement.choices, widget=forms.RadioSelect)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        told = [
            (value, words if n is None else f"{words} ({formats.number(n)})")
            for value, words, n in engagements(self.broadcast, BroadcastCounts.of(self.broadcast))
        ]
        self.fields["engagement"].widget.choices = told  # `sending` refuses others, with the reason


def engagements(broadcast: Broadcast, counts: BroadcastCounts) -> list[tuple[str, str, int | None]]:
    """Return (engagement, in words, copies) for each that a broadcast can be retargeted by; none before its start.

    There is no number where copies fall back, since a person may have several.
    """
    if broadcast.status not in Broadcast.STARTED:
        return []
    messages = list(broadcast.messages.all())
    told: list[tuple[str, str, int | None]] = []
    falls_back = broadcast.falls_back
    for one in audience.measured(broadcast):
        n = 0
        for message in messages:
            if message.pk in counts.copies and (not one.fact or one.fact in message.reports):
                numbers = counts.copies[message.pk]
                n += numbers["sent"] - numbers["opened"] if one == Engagement.NOT_OPENED else numbers[one.value]
        if n > 0:
            told.append((one.value, one.who, None if falls_back else n))
    return told


@dataclass(frozen=True)
class ActionResult:
    """The result of an action: its message, the part that failed, and another broadcast to redirect to, if any."""

    said: str
    refused: str = ""
    goal: Broadcast | None = None


OFFERED, HIDDEN, REFUSED = "offered", "hidden", "refused"


@dataclass(frozen=True)
class Action:
    """An action: the act that it needs, the states that allow it, its confirmation form, and its function.

    `in_window` says what it is within an undo window: OFFERED, HIDDEN since the countdown has “Stop”, or REFUSED.
    """

    name: str
    label: str
    act: str
    statuses: Iterable[str]
    question: Callable[[Broadcast], str]
    run: Callable[[Broadcast, User, dict[str, Any]], ActionResult]
    form: type[Confirmation] = Confirmation
    estimates: bool = False
    style: str = ""
    is_useful: Callable[[Broadcast, BroadcastCounts], bool] = lambda broadcast, counts: True
    in_window: str = OFFERED


def _what_is_cancelled(broadcast: Broadcast) -> str:
    if broadcast.status == Status.SCHEDULED:
        return "It is not sent. You can reopen it as a draft later."
    return "Sending stops for good. What has left stays sent; all others get nothing."


def send_now(broadcast: Broadcast, user: User, values: dict[str, Any]) -> ActionResult:
    """Send with the undo window of the organization."""
    seconds = broadcast.organization.undo_seconds
    sending.send(broadcast, by=user, undo_seconds=seconds, seen=broadcast.modified)
    if not seconds:
        return ActionResult(f"“{broadcast}” is being sent.")
    return ActionResult(f"“{broadcast}” will be sent in {formats.seconds(seconds)}. You can stop it until then.")


def schedule(broadcast: Broadcast, user: User, values: dict[str, Any]) -> ActionResult:
    """Schedule for `at`, or without it for the time that the broadcast has."""
    sending.schedule(broadcast, values.get("at"), by=user, seen=broadcast.modified)
    assert broadcast.scheduled_at is not None
    planned = formats.planned(broadcast.scheduled_at, broadcast.organization.zone)
    return ActionResult(f"“{broadcast}” is scheduled for {planned}.")


def _undo(broadcast: Broadcast, user: User, values: dict[str, Any]) -> ActionResult:
    sending.undo(broadcast, by=user)
    return ActionResult(f"Stopped. “{broadcast}” is a draft again, and nothing was sent.")


def _test(broadcast: Broadcast, user: User, values: dict[str, Any]) -> ActionResult:
    tried = sending.send_test(broadcast, values["addresses"], by=user)
    sent = [address for address, error in tried if not error]
    said = f"A test was sent to {', '.join(sent)}." if sent else ""
    return ActionResult(said, refused=" ".join(error for _, error in tried if error))


def _retry(broadcast: Broadcast, user: User, values: dict[str, Any]) -> ActionResult:
    with transaction.atomic():
        child = sending.retry(broadcast, by=user, starts=False)
        drafting.refresh_preview(child)
    return ActionResult(
        f"“{child}” is a draft to those whom “{broadcast}” failed to reach: check it, then send it.", goal=child
    )


def _retarget(broadcast: Broadcast, user: User, values: dict[str, Any]) -> ActionResult:
    with transaction.atomic():
        child = sending.retarget(broadcast, values["engagement"], by=user)
        drafting.refresh_preview(child)
    words = Engagement(values["engagement"]).who
    return ActionResult(f"“{child}” is a draft to those who {words}: change what it says, then send it.", goal=child)


def _duplicate(broadcast: Broadcast, user: User, values: dict[str, Any]) -> ActionResult:
    child = sending.duplicate(broadcast, by=user)
    return ActionResult(f"“{child}” is a draft of its own.", goal=child)


def _simply(function: Callable[..., None], said: str) -> Callable[[Broadcast, User, dict[str, Any]], ActionResult]:
    def run(broadcast: Broadcast, user: User, values: dict[str, Any]) -> ActionResult:
        function(broadcast, by=user)
        return ActionResult(f"“{broadcast}” {said}")

    return run


ANY = frozenset(Status)
ACTIONS = {
    action.name: action
    for action in (
        Action(
            "undo",
            "Stop",
            "send",
            {Status.SCHEDULED},
            lambda b: "It becomes a draft again, and nothing is sent.",
            _undo,
            is_useful=lambda b, counts: b.is_undoable,
            in_window=HIDDEN,
        ),
        Action("send", "Send now", "send", Broadcast.STARTABLE, what_now, send_now, SendForm, True, in_window=REFUSED),
        Action(
            "schedule",
            "Schedule",
            "send",
            Broadcast.STARTABLE,
            lambda b: "When should it be sent?",
            schedule,
            ScheduleForm,
            True,
            in_window=REFUSED,
        ),
        Action(
            "unschedule",
            "Unschedule",
            "send",
            {Status.SCHEDULED},
            lambda b: "It becomes a draft again and keeps its time.",
            _simply(sending.unschedule, "is a draft again."),
            in_window=HIDDEN,
        ),
        Action(
            "pause",
            "Pause",
            "send",
            {Status.SENDING},
            lambda b: "Sending stops within seconds; nobody is lost, and it can go on later.",
            _simply(sending.pause, "is paused."),
        ),
        Action(
            "resume",
            "Resume",
            "send",
            {Status.PAUSED},
            lambda b: "It goes on where it stopped.",
            _simply(sending.resume, "goes on."),
        ),
        Action(
            "cancel",
            "Cancel",
            "send",
            Broadcast.CANCELLABLE,
            _what_is_cancelled,
            _simply(sending.cancel, "is cancelled."),
            style="deletelink",
            in_window=HIDDEN,
        ),
        Action(
            "reopen",
            "Reopen",
            "send",
            {Status.CANCELLED},
            lambda b: "It becomes a draft again and keeps its time. Nothing is sent.",
            _simply(sending.reopen, "is a draft again."),
            is_useful=lambda b, counts: not b.has_begun,
        ),
        Action(
            "retry",
            "Retry failed",
            "send",
            Broadcast.FINISHED,
            lambda b: "A draft to everyone whom it failed to reach is made, linked to this one. Nothing is sent yet.",
            _retry,
            is_useful=lambda b, counts: counts.people["failed"] > 0,
        ),
        Action(
            "retarget",
            "Retarget",
            "write",
            Broadcast.STARTED,
            lambda b: "A draft with the same content is made, linked to this one. Nothing is sent.",
            _retarget,
            RetargetForm,
            is_useful=lambda b, counts: bool(engagements(b, counts)),
        ),
        Action(
            "test", "Send a test to me", "write", ANY, lambda b: "Its first message is sent as a test.", _test, TestForm
        ),
        Action(
            "archive",
            "Publish in the archive",
            "send",
            Broadcast.STARTED,
            lambda b: "Everybody can then read its mail in the public archive, without names and personal links.",
            _simply(archiving.put, "is in the public archive."),
            is_useful=lambda b, counts: not b.in_archive and b.organization.has_archive and b.has_begun,
        ),
        Action(
            "unarchive",
            "Take out of the archive",
            "send",
            Broadcast.STARTED,
            lambda b: "Its page is gone at once; caches forget it within 5 minutes, search engines later.",
            _simply(archiving.take_out, "is out of the public archive."),
            is_useful=lambda b, counts: b.in_archive and b.has_begun,
        ),
        Action(
            "duplicate",
            "Duplicate",
            "write",
            ANY,
            lambda b: "A draft is made that says the same to the same people, without a time.",
            _duplicate,
        ),
    )
}
