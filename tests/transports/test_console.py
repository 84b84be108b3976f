from io import StringIO

from broadcasts.transports import Envelope
from broadcasts.transports.console import Console

from .contract import TransportContract


class TestConsole(TransportContract):
    def make_transport(self):
        return Console({}, stream=StringIO())

    def make_broken_transport(self):
        stream = StringIO()
        stream.close()
        return Console({}, stream=stream)

    def envelope(self, n=1):
        return Envelope(f"key{n}", f"ana{n}@example.org", subject=f"Hello {n}", text="The pool is closed.\n")

    def test_it_prints_one_block_per_envelope(self):
        stream = StringIO()
        list(Console({}, stream).send([self.envelope(1), self.envelope(2)]))
        assert stream.getvalue() == (
            "--- to ana1@example.org\nSubject: Hello 1\n\nThe pool is closed.\n\n"
            "--- to ana2@example.org\nSubject: Hello 2\n\nThe pool is closed.\n\n"
        )

    def test_it_prints_to_standard_output_by_itself(self, capsys):
        Console({}).deliver(self.envelope())
        assert "ana1@example.org" in capsys.readouterr().out

    def test_it_speaks_to_e_mail_addresses_but_needs_no_mail(self):
        assert not Console.address_field
        assert not Console.carries_mail
