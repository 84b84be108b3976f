"""Compose the copies of one message as its transport asks for them, within the time that a window has."""

import logging
import time
from collections.abc import Iterator, Sequence
from itertools import islice

from broadcasts import links, rendering
from broadcasts.exceptions import OverBudget, RenderError
from broadcasts.models import Message
from broadcasts.transports import Envelope

from .outcomes import Results
from .window import PendingDelivery

log = logging.getLogger(__name__)

# MOST_OVER_BUDGET copies over the rendering budget pause their broadcast; MADE_FOR_ONE copies within it offset one.
MOST_OVER_BUDGET = 5
MADE_FOR_ONE = 20
MOST_AT_ONCE = 32
QUICK_SECONDS = 0.005
MAKING_SECONDS = 1  # per window; the rest of it waits, so that other broadcasts are served


class Copies:
    """Composes the copies of one message for a pump, and counts time and failures."""

    def __init__(self, message_id: int) -> None:
        rows = Message.objects.select_related("channel", "template", "broadcast__organization")
        message = rows.prefetch_related("template__translations").get(pk=message_id)
        self.compiled = rendering.compile_message(message, rendering.Tracking.of(message))
        self.compiled.prepare()
        self.over_budget = 0.0
        self.last_error = ""
        self.seconds = 0.0  # of the window under way
        self.at_once = 1  # copies that are composed together: more while that is quick

    @property
    def are_too_costly(self) -> bool:
        """Tell whether too many copies exceeded their rendering budget."""
        return self.over_budget >= MOST_OVER_BUDGET

    def make(
        self, deliveries: Iterator[PendingDelivery], waiting: dict[str, PendingDelivery], results: Results
    ) -> Iterator[Envelope]:
        """Yield the envelopes of a window; copies that cannot be composed are added to the results as failed.

        `waiting` is filled with {envelope key: delivery}. Ends early when composing takes longer than MAKING_SECONDS;
        the deliveries that are left in the iterator, or not yielded, then were not started.
        """
        self.seconds = 0.0
        while self.seconds < MAKING_SECONDS and not self.are_too_costly:
            some = list(islice(deliveries, self.at_once))
            if not some:
                return
            begun = time.monotonic()
            made = self._make(some, results)
            took = time.monotonic() - begun
            self.seconds += took
            self.at_once = min(2 * self.at_once, MOST_AT_ONCE) if took < QUICK_SECONDS else max(1, self.at_once // 2)
            waiting.update({envelope.key: delivery for delivery, envelope in made})
            for _, envelope in made:
                yield envelope

    def _make(self, deliveries: Sequence[PendingDelivery], results: Results) -> list[tuple[PendingDelivery, Envelope]]:
        keys = links.delivery_tokens(one.pk for one in deliveries)
        recipients = [
            rendering.Recipient(key, one.address, one.language, one.contact)
            for key, one in zip(keys, deliveries, strict=True)
        ]
        together = self.compiled.envelopes(recipients) if len(recipients) > 1 else [None]
        made = []
        for delivery, recipient, envelope in zip(deliveries, recipients, together, strict=True):
            if self.are_too_costly:
                results.untried.append(delivery.pk)
            elif envelope := envelope or self._make_alone(delivery, recipient, results):
                made.append((delivery, envelope))
        if self.over_budget and not self.are_too_costly:
            self.over_budget = max(0.0, self.over_budget - len(made) / MADE_FOR_ONE)
        return made

    def _make_alone(
        self, delivery: PendingDelivery, recipient: rendering.Recipient, results: Results
    ) -> Envelope | None:
        try:
            return self.compiled.envelope(recipient)
        except RenderError as error:
            results.failed[delivery.pk] = str(error)
            if isinstance(error, OverBudget):
                self.over_budget += 1
                self.last_error = str(error)
        except Exception:  # a bug, which would otherwise end one worker after the other
            log.exception("The copy of delivery %s could not be made", delivery.pk)
            results.failed[delivery.pk] = "The copy could not be made; the log of the workers says why."
        return None
