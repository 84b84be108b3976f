"""Conditions on whom another broadcast reaches: by its log, or before its start by its audience as it is now."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from django.db.models import Q

from broadcasts.models import Broadcast, Delivery

from .audience import Audience
from .conditions import NOBODY, Condition, any_of
from .listed_reasons import ListedReasons
from .query import CONDITIONS, IsNotTrue, all_of, inside
from .reasons import Reasons, default_reason
from .relations import having
from .routes import Route, routes_of
from .values import QueryError, Scope, read_uuid

NESTED_LIMIT = 3  # broadcasts, one in the rules of the other: each has its reasons to skip, and they multiply
COST = 12  # conditions: the reasons to skip a contact, for each message


class BroadcastCondition(Condition):
    """Contacts that are reached in some way by one of the broadcasts."""

    def read(self, value: Any, scope: Scope) -> Any:
        return read_uuid(value, scope)

    def read_all(self, given: Any, scope: Scope) -> list[Broadcast]:
        uuids = super().read_all(given, scope)
        rows = Broadcast.objects.for_organization(scope.organization).filter(uuid__in=uuids)
        found = {row.uuid: row for row in rows.select_related("organization")}
        for i, uuid in enumerate(uuids):
            if uuid not in found:
                raise QueryError(f"there is no broadcast {uuid}", f"[{i}]" if isinstance(given, list | tuple) else "")
        return list(found.values())

    def match(self, values: list[Any], scope: Scope) -> Q:
        return any_of([self.chosen(*reach_of(broadcast, scope)) for broadcast in values])

    def chosen(self, received: Q, skipped: Q) -> Q:
        raise NotImplementedError


class RecipientCondition(BroadcastCondition):
    help = "The uuid of a broadcast: who received it or, before it starts, who would receive it now."

    def chosen(self, received: Q, skipped: Q) -> Q:
        return received


class SkippedCondition(BroadcastCondition):
    help = "The uuid of a broadcast: who is in its audience and was skipped or, before it starts, would be skipped now."

    def chosen(self, received: Q, skipped: Q) -> Q:
        return skipped


def reach_of(broadcast: Broadcast, scope: Scope) -> tuple[Q, Q]:
    """Return the clauses for the contacts that receive a broadcast, and for those in its audience that do not."""
    with inside(broadcast, scope):
        scope.spend(2)
        if broadcast.status in Broadcast.EDITABLE:
            return _by_audience(broadcast, scope)
        if broadcast.log_is_gone():
            raise QueryError("log, which has been deleted, so that nobody can tell who received it")
        received, skipped = _by_log(broadcast, scope)
        if broadcast.expanded_at or broadcast.status not in Broadcast.STOPPABLE:
            return received, skipped
        # While its log is written, the contacts up to `expanded_to` have their rows.
        to_come = Q(pk__gt=broadcast.expanded_to)
        would_receive, would_not = _by_audience(broadcast, scope)
        return received | (to_come & would_receive), skipped | (to_come & would_not)


def _by_log(broadcast: Broadcast, scope: Scope) -> tuple[Q, Q]:
    messages = list(broadcast.messages.values_list("pk", flat=True))
    if not messages:
        return NOBODY, NOBODY
    copies = Delivery.objects.filter(message__in=messages)
    received = having(copies.exclude(status=Delivery.Status.SKIPPED), scope.of_all)
    skipped = having(copies.filter(status=Delivery.Status.SKIPPED), scope.of_all)
    return received, skipped & Q(IsNotTrue(received))


def _by_audience(broadcast: Broadcast, scope: Scope) -> tuple[Q, Q]:
    if sum(isinstance(one, Broadcast) for one in scope.chain) > NESTED_LIMIT:
        raise QueryError(f"audience, which is nested too deeply; {NESTED_LIMIT} broadcasts at most")
    with scope.deeper():
        wanted = replace(Audience.of(broadcast), of_all=scope.of_all, scope=scope)
        if problems := wanted.problems(broadcast.pk):
            raise QueryError(*reversed(next(iter(problems.items()))))
        matched, reached = wanted.matched(), _reached(wanted, routes_of(broadcast) or [Route()], scope)
        return matched & reached, matched & Q(IsNotTrue(reached))


def _reached(wanted: Audience, routes: Iterable[Route], scope: Scope) -> Q:
    """Return the clause for contacts that at least one message would be sent to, if they are in the audience."""
    if default_reason(wanted.expires_at):
        return NOBODY
    reasons, clauses = ListedReasons if scope.of_all else Reasons, []
    for route in routes:
        scope.spend(COST)
        whens = reasons(wanted.organization, wanted.use_case, route).of(wanted)
        # Each reason by itself: of a long OR, PostgreSQL assumes that it holds for almost everybody.
        clauses.append(all_of([Q(IsNotTrue(Q(when.condition))) for when in whens]))
    return any_of(clauses)


# Added here and not where the others are, since the audience of a broadcast is itself made of conditions.
CONDITIONS |= {"recipient_of": RecipientCondition(), "skipped_by": SkippedCondition()}
