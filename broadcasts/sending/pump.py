"""A pump: a queue task that claims batches and sends them window by window, for 20 seconds, before its successor."""

import logging
import time
from collections.abc import Sequence

from django.conf import settings

from broadcasts.database import patiently
from broadcasts.exceptions import BroadcastsError, LeaseLost
from broadcasts.models import Batch, Channel
from broadcasts.queue import is_told_to_stop
from broadcasts.transports import Envelope, Transport, TransportError

from . import domains, fairness, hours, people, rate, warmup
from . import lease as leases
from .channel_health import channel_fails, channel_works, check_failure_budget
from .closing import finish
from .copies import Copies
from .journal import Journal
from .notices import pause_with
from .outcomes import Results, commit
from .window import MAY_HAVE_ARRIVED, PendingDelivery, Windows

log = logging.getLogger(__name__)

PUMP_SECONDS = 20
WINDOW_SECONDS = 0.25
BEGIN_SECONDS = 10  # no copy of a window starts later; with the time-outs of transports, a task ends within 55 s
# The largest window of which no journal tells what has left: of a dead worker's, all of it is unknown then.
UNJOURNALED = 100
YIELD_CHECK_SECONDS = 1  # how often a pump checks whether a broadcast without a worker waits


def run_pump(channel_id: int, seconds: float = PUMP_SECONDS) -> None:
    """Send ready batches of a channel; does nothing if there are none, or if this host already runs PUMPS pumps."""
    if is_told_to_stop():
        return
    channel = Channel.objects.select_related("organization").filter(Channel.in_service(), pk=channel_id).first()
    if fairness.free_pumps() <= 0:
        return
    if channel and fairness.claimable(channel).exists():
        pump = Pump(channel, deadline=time.monotonic() + seconds)
        with channel.transport() as transport:
            pump.run(transport)
    fairness.enqueue_pumps(1)


def graver(known: TransportError | None, error: TransportError) -> TransportError:
    """Return the more serious of two account errors; a window may yield several, in any order."""
    return max(known or error, error, key=lambda one: (one.permanent, not one.content, one.retry_after or 0.0))


class Pump:
    """One run over the batches of one channel."""

    def __init__(self, channel: Channel, deadline: float) -> None:
        self.channel = channel
        self.deadline = deadline
        self.making: dict[int, Copies] = {}
        self.reading: dict[int, Windows] = {}
        # Grows and shrinks so that a window takes about WINDOW_SECONDS.
        self.window_size = min(10, settings.WINDOW_SIZE)
        self.trouble: TransportError | None = None
        self.has_sent, self.flaw = False, ""
        self.refusal = ""  # the last permanent failure since the failure budget was checked
        self.yields = False  # to work without a worker, or because the channel has no permit
        self.next_yield_check: float | None = None
        self.permitted = 0  # messages that the channel's limits allow and no window has used yet

    def run(self, transport: Transport) -> None:
        try:
            transport.open()  # before claiming, so that an unreachable server delays no batch
        except TransportError as error:
            channel_fails(self.channel, error)
            return
        try:
            while not self.is_over() and (lease := fairness.claim(self.channel)):
                if fairness.is_one_too_many(lease):
                    commit(lease, Results(), [], self.channel)
                    return
                with leases.LeaseRenewer(lease), Journal(lease.batch_id, lease.token, leases.worker_name()) as journal:
                    self.send_batch(lease, transport, journal)
        except LeaseLost as lost:
            log.warning("Stopped: %s", lost)
        for message_id in self.making:
            finish(message_id)

    def is_over(self) -> bool:
        if self.trouble or self.yields:
            return True
        return time.monotonic() >= self.deadline or is_told_to_stop()

    def send_batch(self, lease: leases.Lease, transport: Transport, journal: Journal) -> None:
        """Send a batch to its end, or release it early: on an account error, a pause, or after the deadline."""
        results = Results()
        try:
            lease.message = self.copies(lease.message_id).compiled.message
        except BroadcastsError as error:  # such as an attachment whose file is gone
            commit(lease, results, [], self.channel)
            pause_with(lease.message.broadcast, f"Paused: its content cannot be rendered. {error}")
            return
        windows = self.windows(lease.message_id)
        quiet_hours = hours.QuietHours(lease, windows.message)
        while True:
            over = self.is_over() or not patiently(lambda: self.may_go_on(lease))
            if not over:
                patiently(quiet_hours.defer)
            # With patience: the results of the last window exist only in this process until they are committed.
            window = [] if over else patiently(lambda: self.read(windows, lease))
            if window or results.untried:
                self.check_cost(lease)
            admitted = self.admit(lease, window, results)
            state = Batch.State.READY if over else Batch.State.DONE
            if not self.record(lease, results, window, state):
                self.give_back(len(admitted))
                break
            results = self.send_window(lease, admitted, transport, journal) if admitted else Results()
        if self.trouble and self.trouble.content:
            pause_with(lease.message.broadcast, f"Paused: {self.trouble}")
        elif self.trouble:
            channel_fails(self.channel, self.trouble)
        elif self.has_sent:
            channel_works(self.channel, self.flaw)
        self.check_refusals(lease)

    def read(self, windows: Windows, lease: leases.Lease) -> list[PendingDelivery]:
        window = windows.read(lease, self.window_size)
        self.copies(lease.message_id).compiled.load(delivery.contact for delivery in window)
        return window

    def record(self, lease: leases.Lease, results: Results, window: list[PendingDelivery], state: str) -> bool:
        begun = commit(lease, results, window, self.channel, state)
        if results.failed:
            self.refusal = next(reversed(results.failed.values()))
        return begun

    def check_refusals(self, lease: leases.Lease) -> None:
        """Check the failure budget between two windows, so that an error here leaves no outcome unknown."""
        if self.refusal:
            check_failure_budget(lease.message.broadcast_id, self.refusal)
            self.refusal = ""

    def check_cost(self, lease: leases.Lease) -> None:
        """Pause a broadcast with too many copies over the rendering budget; its next window does not start then."""
        copies = self.copies(lease.message_id)
        if copies.are_too_costly:
            reason = f"Paused: its copies take more to make than one may. The last one: {copies.last_error}"
            pause_with(lease.message.broadcast, reason)

    def may_go_on(self, lease: leases.Lease) -> bool:
        """Tell whether the next window may start; waits a moment for a permit of the channel's limits."""
        self.check_refusals(lease)
        if self.must_yield(lease):
            fairness.mark_yielded(lease)
            self.yields = True
        elif not self.is_permitted():
            self.yields = True
        return not self.yields

    def must_yield(self, lease: leases.Lease) -> bool:
        """Tell, checking once per second, whether to yield to work without a worker; False before the first window."""
        now = time.monotonic()
        if self.next_yield_check is not None and now < self.next_yield_check:
            return False
        is_first, self.next_yield_check = self.next_yield_check is None, now + YIELD_CHECK_SECONDS
        return not is_first and fairness.unserved_waits(lease.message.broadcast_id)

    def is_permitted(self) -> bool:
        """Take a permit for the next window from rate and warm-up; the window is reduced to it."""
        limit = rate.window_limit(self.channel, WINDOW_SECONDS)
        size = warmup.take(self.channel, min(self.window_size, limit or self.window_size))
        if not size:
            return False
        if not rate.wait(self.channel, size, min(self.deadline, time.monotonic() + rate.WAIT_SECONDS)):
            warmup.give_back(self.channel, size)
            return False
        self.window_size = self.permitted = size
        return True

    def admit(self, lease: leases.Lease, window: list[PendingDelivery], results: Results) -> list[PendingDelivery]:
        """Return the deliveries to send now, and give back permits that were not used.

        Deliveries to skip or to defer, and changed addresses, are added to the results. They are committed when the
        window starts, so recovery cannot count them as handed over.
        """
        unused = len(results.untried)
        for delivery in window:
            if delivery.is_moved:
                results.moved[delivery.pk] = delivery.address
            if delivery.skip_reason and delivery.is_doubtful:
                results.unknown[delivery.pk] = MAY_HAVE_ARRIVED
            elif delivery.skip_reason:
                results.skipped[delivery.skip_reason].append(delivery.pk)
        admitted = [delivery for delivery in window if not delivery.skip_reason]
        if admitted and self.channel.limits_domains:
            admitted = patiently(lambda: domains.admit(self.channel, lease.batch, admitted, results))
        if admitted and self.channel.transport_class.person_seconds:
            message = self.copies(lease.message_id).compiled.message
            admitted = patiently(lambda: people.admit(self.channel, message, admitted, results))
        unused, self.permitted = self.permitted - len(admitted) + unused, 0
        self.give_back(unused)
        return admitted

    def give_back(self, unused: int) -> None:
        patiently(lambda: rate.give_back(self.channel, unused))
        patiently(lambda: warmup.give_back(self.channel, unused))

    def send_window(
        self, lease: leases.Lease, window: list[PendingDelivery], transport: Transport, journal: Journal
    ) -> Results:
        begun = time.monotonic()
        results = Results(transport.deduplicates, self.channel.keeps_answers)
        deliveries = iter(window)
        waiting: dict[str, PendingDelivery] = {}
        # With a slow server, the rest of the window is left, so that a pause takes effect. Measured from the renewal:
        # a process that was suspended since must not send what others may have recovered.
        until = lease.renewed_at + min(settings.LEASE_SECONDS / 2, BEGIN_SECONDS)
        # Composed as the transport asks for them: the next ones while it waits for the server.
        copies = self.copies(lease.message_id)
        envelopes = copies.make(deliveries, waiting, results)

        def begin(begun: Sequence[Envelope]) -> None:
            journal.begin([waiting[one.key].pk for one in begun])

        for envelope, outcome in transport.send(envelopes, until, begin):
            delivery = waiting.pop(envelope.key)
            results.add(delivery, outcome)
            journal.end(delivery.pk, outcome)
            if isinstance(outcome, TransportError) and outcome.account:
                self.trouble = graver(self.trouble, outcome)
        journal.write()
        results.untried.extend(delivery.pk for delivery in (*waiting.values(), *deliveries))
        self.has_sent = self.has_sent or bool(results.sent)
        self.flaw = results.flaw or self.flaw
        # A window holds more copies than are in flight, unless composing them is what takes the time.
        is_waiting = copies.seconds < WINDOW_SECONDS / 2
        least = 2 * transport.concurrency if is_waiting else 1
        most = settings.WINDOW_SIZE if journal.is_kept else min(UNJOURNALED, settings.WINDOW_SIZE)
        self.pace(len(window), time.monotonic() - begun, least, most)
        return results

    def copies(self, message_id: int) -> Copies:
        if message_id not in self.making:
            self.making[message_id] = Copies(message_id)
        return self.making[message_id]

    def windows(self, message_id: int) -> Windows:
        if message_id not in self.reading:
            self.reading[message_id] = Windows(self.copies(message_id).compiled.message)
        return self.reading[message_id]

    def pace(self, size: int, seconds: float, least: int, most: int) -> None:
        fitting = int(size * WINDOW_SECONDS / max(seconds, 0.001))
        self.window_size = min(max(least, min(fitting, 2 * self.window_size)), most)
