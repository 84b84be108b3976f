"""A broadcast of a domain with a key arrives signed, over SMTP."""

import dkim
import pytest
from django.db import OperationalError

from broadcasts import inspecting
from broadcasts.rendering.signing import MailSigner
from broadcasts.sending.copies import Copies
from tests.make import make_broadcast, make_checked_domain, make_contacts
from tests.smtp import SmtpServer

from . import steps

pytestmark = pytest.mark.one_database


@pytest.mark.parametrize("algorithm", ["rsa", "ed25519"])
def test_every_copy_verifies_as_it_arrived(club, mail, algorithm):
    key = inspecting.make_key(make_checked_domain(mail), algorithm)
    inspecting.activate(key, unseen=True)
    make_contacts(club, 12)
    with SmtpServer() as smtp:
        mail.settings = smtp.settings
        mail.save()
        steps.send(make_broadcast(mail, body=".dots\n..\n{{ contact.name }}", html="<p>  Hello {{ contact.name }}</p>"))
    assert len(smtp.received) == 12
    record = inspecting.record_of(key).encode()
    assert all(dkim.verify(one.data, dnsfunc=lambda name, timeout=5: record) for one in smtp.received)


def test_the_keys_are_read_before_anything_is_composed(mail, monkeypatch):
    """An outage while copies are composed would count as a fault of each."""

    def unreachable(channel):
        raise OperationalError("gone")

    message = make_broadcast(mail).messages.get()
    made = Copies(message.pk)
    monkeypatch.setattr(MailSigner, "of", unreachable)
    assert made.compiled.composer.signer is None
    with pytest.raises(OperationalError):
        Copies(message.pk)
