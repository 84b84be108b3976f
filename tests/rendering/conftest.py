from email import policy
from email.message import EmailMessage
from email.parser import BytesParser

import pytest

from broadcasts import links
from broadcasts.rendering import Recipient, compile_message
from tests.make import make_broadcast, make_contact


@pytest.fixture
def parsed(mail):
    """Render a broadcast for a contact as its receiver parses it."""

    def parse(contact=None, *, message=None, address=None, language="en", key=None, **content) -> EmailMessage:
        contact = contact or make_contact(mail.organization)
        message = message or make_broadcast(mail, **content).messages.get()
        recipient = Recipient(key or links.delivery_token(7), address or contact.email, language, contact)
        return BytesParser(policy=policy.default).parsebytes(compile_message(message).envelope(recipient).mime)

    return parse
