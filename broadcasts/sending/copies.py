"""Compose the copies of one message as its transport asks for them, within the time that a window has."""

import logging
import time
from collections.abc import Iterator

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
MAKING_SECONDS = 1  # per window; the rest of it waits, so that other broadcasts are served


class Copies:
    """Composes the copies of one message for a pump, and counts time and failures."""

    def __init__(self, message_id: int) -> None:
        rows = Message.objects.select_related("channel", "template", "broadcast__organization")
        message = rows.prefetch_related("template__translations").get(pk=message_id)
        self.compiled = rendering.compile_message(message, rendering.Tracking.of(message))
        self.over_budget = 0.0
        self.last_error = ""
        self.seconds = 0.0  # of the window under way

    @property
    def are_too_costly(self) -> bool:
        """Tell whether too many copies exceeded their rendering budget."""
        return self.over_budget >= MOST_OVER_BUDGET

    def make(
        self, deliveries: Iterator[PendingDelivery], waiting: dict[str, PendingDelivery], results: Results
    ) -> Iterator[Envelope]:
        """Yield the envelopes of a window; copies that cannot be composed are added to the results as failed.

        `waiting` is filled with {envelope key: delivery}. Ends early when composing takes longer than MAKING_SECONDS;
        the deliveries that are left in the iterator then were not started.
        """
        self.seconds = 0.0
        while self.seconds < MAKING_SECONDS and not self.are_too_costly and (delivery := next(deliveries, None)):
            envelope = self._make(delivery, results)
            if envelope:
                waiting[envelope.key] = delivery
                yield envelope

    def _make(self, delivery: PendingDelivery, results: Results) -> Envelope | None:
        begun = time.monotonic()
        key = links.delivery_token(delivery.pk)
        recipient = rendering.Recipient(key, delivery.address, delivery.language, delivery.contact)
        try:
            envelope = self.compiled.envelope(recipient)
        except RenderError as error:
            results.failed[delivery.pk] = str(error)
            if isinstance(error, OverBudget):
                self.over_budget += 1
                self.last_error = str(error)
            return None
        except Exception:  # a bug, which would otherwise end one worker after the other
            log.exception("The copy of delivery %s could not be made", delivery.pk)
            results.failed[delivery.pk] = "The copy could not be made; the log of the workers says why."
            return None
        finally:
            self.seconds += time.monotonic() - begun
        if self.over_budget:
            self.over_budget = max(0.0, self.over_budget - 1 / MADE_FOR_ONE)
        return envelope
