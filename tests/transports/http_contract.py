"""What every transport that sends by HTTP promises beside the contract of all transports.

Its tests say how to make one for a server of `tests/http_server.py`, and whether lost answers can occur.
"""

import pytest

from broadcasts.transports import Receipt, Transport, TransportError
from tests.http_server import HttpServer, answer, break_off, drop, hang, trickle
from tests.smtp import refusing_port

from .contract import TransportContract

PATIENCE = 0.6  # seconds


def flags(error: TransportError) -> set[str]:
    return {name for name in ("permanent", "account", "handed_over", "bounced") if getattr(error, name)}


class HttpContract(TransportContract):
    reads_answer = True  # whether a success that cannot be read leaves the outcome unknown
    taken: bytes = b'{"id": "id-1"}'  # what a provider answers that takes a copy
    status_meanings = {
        301: {"permanent", "account"},
        400: {"permanent"},
        401: {"permanent", "account"},
        403: {"permanent", "account"},
        408: set(),
        413: {"permanent"},
        429: {"account"},
        500: set(),
        502: {"handed_over"},
        503: {"account"},
        504: {"handed_over"},
    }

    def make_for(self, base: str) -> Transport:
        """Make one for a server at this address."""
        raise NotImplementedError

    @pytest.fixture(autouse=True)
    def _server(self):
        with HttpServer() as self.server, refusing_port() as self.port:
            self.server.does(answer(200, self.taken))
            yield

    def make_transport(self):
        return self.make_for(self.server.base)

    def make_broken_transport(self):
        return self.make_for(f"http://127.0.0.1:{self.port}")

    def outcome(self, act, transport=None):
        self.server.does(act)
        with transport or self.make_transport() as transport:
            transport.timeout = PATIENCE
            [(_, outcome)] = transport.send([self.envelope()])
        return outcome

    def test_each_class_of_answers_has_its_meaning(self):
        told = {status: self.outcome(answer(status)) for status in self.status_meanings}
        assert {status: flags(error) for status, error in told.items()} == self.status_meanings

    def test_a_provider_that_is_busy_says_how_long(self):
        assert self.outcome(answer(429, Retry_After="90")).retry_after == 90

    def test_a_cut_connection_and_a_silent_server_leave_the_outcome_open(self):
        assert flags(self.outcome(drop)) == {"handed_over"}
        assert flags(self.outcome(hang)) >= {"handed_over"}

    @pytest.mark.parametrize("act", [trickle, break_off])
    def test_an_answer_without_its_end(self, act):
        outcome = self.outcome(act)
        assert flags(outcome) == {"handed_over"} if self.reads_answer else isinstance(outcome, Receipt)

    @pytest.mark.parametrize("body", [b"<html>", b'{"id": ', b"\xff"])
    def test_an_answer_that_cannot_be_read(self, body):
        outcome = self.outcome(answer(200, body))
        assert flags(outcome) == {"handed_over"} if self.reads_answer else isinstance(outcome, Receipt)

    def test_a_redirect_is_not_followed(self):
        with HttpServer() as other:
            assert "not followed" in str(self.outcome(answer(307, Location=other.url)))
            assert other.received == []

    def test_a_certificate_that_nobody_trusts_stops_everything(self, tmp_path):
        self.server.secure(tmp_path)
        error = self.outcome(answer(200), self.make_for(self.server.base.replace("http:", "https:")))
        assert flags(error) == {"permanent", "account"} and "certificate" in str(error)
        assert self.server.received == []

    def test_a_private_address_is_not_connected_to(self, settings):
        settings.OPEN_NETWORKS = []
        error = self.outcome(answer(200))
        assert flags(error) == {"permanent", "account"} and "only public addresses" in str(error)
        assert self.server.received == []
