"""What every transport promises; a transport's tests inherit this and say how to make one."""

from typing import ClassVar

import pytest
from django.forms import Form

from broadcasts.transports import TRANSPORTS, Envelope, Receipt, Transport, TransportError
from broadcasts.transports.email import Email

from .conftest import mail


class TransportContract:
    def make_transport(self) -> Transport:
        """Make one whose provider takes everything."""
        raise NotImplementedError

    def make_broken_transport(self) -> Transport:
        """Make one whose account does not work."""
        raise NotImplementedError

    def envelope(self, n: int = 1) -> Envelope:
        """Make the n-th good envelope."""
        raise NotImplementedError

    def envelopes(self) -> list[Envelope]:
        return [self.envelope(n) for n in (1, 2, 3)]

    def test_it_is_registered_under_its_kind(self):
        transport = self.make_transport()
        assert TRANSPORTS[transport.kind] == f"{type(transport).__module__}.{type(transport).__qualname__}"

    def test_a_good_envelope_gets_a_receipt(self):
        with self.make_transport() as transport:
            receipt = transport.deliver(self.envelope())
        assert isinstance(receipt, Receipt)
        assert receipt.provider_id or receipt.detail

    def test_sending_yields_each_envelope_once_in_any_order(self):
        envelopes = self.envelopes()
        with self.make_transport() as transport:
            outcomes = list(transport.send(envelopes))
        assert sorted(envelope.key for envelope, _ in outcomes) == [envelope.key for envelope in envelopes]
        assert all(isinstance(outcome, Receipt) for _, outcome in outcomes)

    def test_each_envelope_is_announced_before_its_outcome_and_once(self):
        envelopes, begun = self.envelopes(), []
        with self.make_transport() as transport:
            for envelope, _ in transport.send(envelopes, begin=begun.extend):
                assert envelope in begun
        assert sorted(envelope.key for envelope in begun) == [envelope.key for envelope in envelopes]

    def test_sending_nothing_yields_nothing(self):
        with self.make_broken_transport() as transport:
            assert list(transport.send([])) == []

    def test_an_error_of_the_account_stops_sending(self):
        envelopes = [self.envelope(n) for n in range(1, 2 + self.make_broken_transport().concurrency)]
        with self.make_broken_transport() as transport:
            outcomes = list(transport.send(envelopes))
        assert 1 <= len(outcomes) <= transport.concurrency
        assert all(isinstance(error, TransportError) and error.account for _, error in outcomes)

    def test_an_error_is_a_sentence_with_flags(self):
        with self.make_broken_transport() as transport, pytest.raises(TransportError) as caught:
            transport.deliver(self.envelope())
        error = caught.value
        assert {type(flag) for flag in (error.permanent, error.account, error.handed_over, error.bounced)} == {bool}
        assert isinstance(error.code, str)
        assert error.retry_after is None or error.retry_after >= 0
        assert str(error)[0].isupper()

    def test_an_error_leaves_a_transport_that_can_be_closed_and_tells_it_again(self):
        transport = self.make_broken_transport()
        [(_, first)] = transport.send([self.envelope()])
        transport.close()
        [(_, second)] = transport.send([self.envelope()])
        transport.close()
        assert str(second) == str(first)

    def test_opening_twice_is_opening_once(self):
        with self.make_transport() as transport:
            transport.open()
            transport.open()
            assert isinstance(transport.deliver(self.envelope()), Receipt)

    def test_closing_is_safe_at_any_time(self):
        transport = self.make_transport()
        transport.close()
        transport.open()
        transport.close()
        transport.close()
        with transport:
            assert isinstance(transport.deliver(self.envelope()), Receipt)

    def test_a_closed_transport_can_be_used_again(self):
        transport = self.make_transport()
        with transport:
            transport.deliver(self.envelope(1))
        with transport:
            assert isinstance(transport.deliver(self.envelope(2)), Receipt)

    def test_the_check_of_a_good_account_passes(self):
        assert self.make_transport().check() is None

    def test_its_secrets_are_fields_of_its_settings_form(self):
        form = self.make_transport().settings_form
        assert issubclass(form, Form)
        assert form.secret <= set(form.base_fields)

    def test_secrets_are_never_written_back_into_a_page(self):
        form = self.make_transport().settings_form
        page = form(data=dict.fromkeys(form.secret, "s3cret")).as_p()
        assert "s3cret" not in page


class SmtpContract(TransportContract):
    """That of the e-mail transport; subclasses set `server` and `closed_port`, and `more` settings."""

    more: ClassVar[dict] = {}

    def make_transport(self) -> Transport:
        return Email({**self.server.settings, **self.more})

    def make_broken_transport(self) -> Transport:
        return Email({**self.server.settings, **self.more, "port": self.closed_port})

    def envelope(self, n: int = 1) -> Envelope:
        return mail(n)
